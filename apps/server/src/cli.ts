import { Command, CommanderError } from 'commander'
import { configCommand } from './commands/config-command.ts'
import { prepareArguments } from './commands/client-command.ts'
import type { PropertyMap } from './commands/client-flags.ts'
import type { PubFlags } from './commands/pub.ts'
import { passwdCommand } from './commands/passwd-command.ts'
import { pubCommand } from './commands/pub-command.ts'
import type { RrFlags } from './commands/rr.ts'
import { rrCommand } from './commands/rr-command.ts'
import { serveCommand } from './commands/serve-command.ts'
import type { SubFlags } from './commands/sub.ts'
import { subCommand } from './commands/sub-command.ts'
import { escapeText } from './escape-text.ts'
import { Refused } from '@isomq/bridge'
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
    .addHelpText('after', '\n`isomq serve --help` tells the flags of the broker, which `isomq` takes as well.')
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'isomq: ')) })
    .exitOverride()
  const commands = {
    serve: serveCommand(program, () => (code = undefined)),
    config: configCommand(program),
    pub: pubCommand(program),
    sub: subCommand(program),
    rr: rrCommand(program),
    passwd: passwdCommand(program),
  }
  const name = args[0] ?? ''
  if (name !== '' && !name.startsWith('-') && name !== 'help' && !Object.hasOwn(commands, name)) {
    throw new UserError(`unknown command ${name}; there are ${Object.keys(commands).join(', ')}`)
  }
  let properties: PropertyMap = new Map()
  let rest = args
  if (name === 'pub' || name === 'sub' || name === 'rr') ({ rest, properties } = prepareArguments(commands[name], args))
  commands.pub.action(async (flags: PubFlags) => {
    const { pub } = await import('./commands/pub.ts')
    await pub(flags, properties)
  })
  commands.sub.action(async (flags: SubFlags) => {
    const { sub } = await import('./commands/sub.ts')
    code = await sub(flags, properties)
  })
  commands.rr.action(async (flags: RrFlags) => {
    const { rr } = await import('./commands/rr.ts')
    code = await rr(flags, properties)
  })
  await program.parseAsync([...rest], { from: 'user' })
  return code
}

function messageOf(error: unknown): string {
  if (error instanceof Refused) return error.message
  return error instanceof Error ? error.message : String(error)
}
