import { Command, CommanderError } from 'commander'
import { configCommand } from './commands/config-command.ts'
import { addClientFlags, splitProperties } from './commands/client-command.ts'
import type { PropertyMap } from './commands/client-flags.ts'
import type { PubFlags } from './commands/pub.ts'
import type { SubFlags } from './commands/sub.ts'
import { gather, integer, seconds } from './commands/parse.ts'
import { passwdCommand } from './commands/passwd-command.ts'
import { serveCommand } from './commands/serve-command.ts'
import { escapeText } from './escape-text.ts'
import { Refused } from './client/reasons.ts'
import { UserError } from './user-error.ts'
import { version } from './version.ts'

/** Runs the command line. Resolves with the exit code, or with undefined where the command goes on (a broker that serves). */
export async function run(args: readonly string[]): Promise<number | undefined> {
  const quiet = args.includes('--quiet')
  try {
    return await dispatch(args)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    const known = error instanceof UserError ? error.lines : [messageOf(error)]
    if (!quiet) for (const line of known) process.stderr.write(`isomq: ${escapeText(line)}\n`)
    return error instanceof UserError ? error.exitCode : 1
  }
}

async function dispatch(args: readonly string[]): Promise<number | undefined> {
  let code: number | undefined = 0
  const program = new Command('isomq')
    .description(
      'A message broker for MQTT 3.1, 3.1.1 and 5, over TCP and WebSocket.\nWithout a command it serves: mqtt://127.0.0.1:1883 and ws://127.0.0.1:8083/mqtt.',
    )
    .version(version, '--version', 'show the version')
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'isomq: ')) })
    .exitOverride()
  const commands = {
    serve: serveCommand(program, () => (code = undefined)),
    config: configCommand(program),
    pub: pubCommand(program),
    sub: subCommand(program),
    passwd: passwdCommand(program),
  }
  const name = args[0] ?? ''
  if (name !== '' && !name.startsWith('-') && name !== 'help' && !Object.hasOwn(commands, name)) {
    throw new UserError(`unknown command ${name}; there are ${Object.keys(commands).join(', ')}`)
  }
  let properties: PropertyMap = new Map()
  let rest = args
  if (name === 'pub' || name === 'sub') ({ rest, properties } = splitProperties(commands[name], args))
  commands.pub.action(async (flags: PubFlags) => {
    const { pub } = await import('./commands/pub.ts')
    await pub(flags, properties)
  })
  commands.sub.action(async (flags: SubFlags) => {
    const { sub } = await import('./commands/sub.ts')
    code = await sub(flags, properties)
  })
  await program.parseAsync([...rest], { from: 'user' })
  return code
}

function pubCommand(program: Command): Command {
  return addClientFlags(
    program.command('pub').summary('publish messages').description("Publishes messages, with mosquitto_pub's letters."),
  )
    .optionsGroup('Message:')
    .option('-t, --topic <topic>', 'topic to publish to')
    .option('-m, --message <text>', 'payload')
    .option('-f, --file <file>', 'payload: this file')
    .option('-n, --null-message', 'payload: none')
    .option('-s, --stdin-file', 'payload: all of stdin')
    .option('-l, --stdin-line', 'one message for each line of stdin that is not empty')
    .option('-q, --qos <qos>', 'QoS', integer(0, 2), 0)
    .option('-r, --retain', 'retain the message')
    .option('--repeat <count>', 'publish it so many times', integer(1, 1_000_000_000))
    .option('--repeat-delay <seconds>', 'time between two of them', seconds)
    .addHelpText(
      'after',
      '\nExit code: 0 when the broker took every message, else 1.\n\nExample: isomq pub -t home/lamp -m on -q 1 -r',
    )
}

function subCommand(program: Command): Command {
  return addClientFlags(
    program
      .command('sub')
      .summary('print messages as they arrive')
      .description("Prints messages as they arrive, with mosquitto_sub's letters."),
  )
    .optionsGroup('Messages:')
    .option('-t, --topic <filter>', 'topic filter; may be repeated', gather)
    .option('-q, --qos <qos>', 'highest QoS', integer(0, 2), 0)
    .option('-U, --unsubscribe <filter>', 'unsubscribe from a filter of a kept session; may be repeated', gather)
    .option('-T, --filter-out <filter>', 'do not print topics that match; may be repeated', gather)
    .option('-R', 'do not print retained messages')
    .option('--retained-only', 'print retained messages only; exit at the first other one')
    .option('--remove-retained', 'clear each retained message that arrives')
    .option('-C <count>', 'exit after so many messages', integer(1, 1_000_000_000))
    .option('-W <seconds>', 'exit after this time, with code 27', seconds)
    .option('-E', 'exit when the broker has acknowledged the subscriptions')
    .option('-v, --verbose', 'print the topic before the payload')
    .option('-F <format>', 'print by a format: %t topic, %p payload, %x hex, %q QoS, %r retain, %l length, %j JSON, …')
    .option('-N', 'no line end after a message')
    .addHelpText(
      'after',
      '\nExit code: 0 when done, 1 when refused, 27 when -W ran out.\n\nExample: isomq sub -t "home/#" -v',
    )
}

function messageOf(error: unknown): string {
  if (error instanceof Refused) return error.message
  return error instanceof Error ? error.message : String(error)
}
