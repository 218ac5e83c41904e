import type { Command } from 'commander'
import type { ConfigFlags } from '../config/flags.ts'
import { gather } from './parse.ts'

/** The flags that have a say in the configuration; `-v` is `--log-level debug`. */
export function addConfigFlags(command: Command): Command {
  return command
    .option('--config <file>', 'configuration file (default: isomq.config.{json,yaml,yml,ts,mts,js,mjs} here)')
    .option(
      '--set <key=value>',
      'set any key of the configuration, such as limits.maxPacketSize=2MiB; may be repeated',
      gather,
    )
    .option('--mqtt <host:port>', 'listen for MQTT over TCP there, or `off`')
    .option('--ws <host:port>', 'listen for MQTT over WebSocket there, or `off`')
    .option('--mqtts <host:port>', 'listen for MQTT over TLS there, or `off`; needs listeners.mqtts.cert and .key')
    .option(
      '--wss <host:port>',
      'listen for MQTT over secure WebSocket there, or `off`; needs listeners.wss.cert and .key',
    )
    .option('--http <host:port>', 'listen for HTTP there: sites, and MQTT over WebSocket at /mqtt; or `off`')
    .option('--https <host:port>', 'the same over TLS; needs listeners.https.cert and .key')
    .option('--site <path=dir>', 'serve the files of a folder there, by --http; may be repeated', gather)
    .option('--allow-anonymous', 'listen where other machines can reach although nobody has to log in')
    .option('--data <dir>', 'keep messages and sessions in this directory (default: ./data)')
    .option('--memory', 'keep them in memory: they are gone when the broker stops')
    .option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent')
    .option('-v, --verbose', 'log more: the same as --log-level debug')
}

/** `isomq serve`, which is also what `isomq` alone does. */
export function serveCommand(program: Command, serving: () => void): Command {
  const command = program.command('serve', { isDefault: true }).summary('run the broker (the default)')
  command.description('Runs the broker until SIGINT or SIGTERM; a second signal ends it at once.')
  addConfigFlags(command).action(async (flags: ConfigFlags) => {
    const { serve } = await import('./serve.ts')
    await serve(flags)
    serving()
  })
  return command.addHelpText('after', helpTail)
}

const helpTail = `
Every key of the configuration can also be set by an environment variable:
ISOMQ_LISTENERS__WS__PORT=9001. A flag goes before the environment, that before
the file, that before the defaults. \`isomq config print\` shows what is in force.`
