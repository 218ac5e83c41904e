import { Option, type Command } from 'commander'
import { readProperties, takeProperties } from '../client/properties.ts'
import type { PropertyMap } from './client-flags.ts'
import { expiry, integer, protocolVersion } from './parse.ts'

/** Gives a command the flags that `pub` and `sub` share: mosquitto's letters, so `-h` is the host and help is `--help`. */
export function addClientFlags(command: Command): Command {
  const qos = integer(0, 2)
  return command
    .helpOption('--help', 'show this help')
    .optionsGroup('Connection:')
    .option('-L, --url <url>', 'mqtt(s)://[user[:password]@]host[:port][/topic] or ws(s)://host[:port]/path')
    .option('-h, --host <host>', 'host of the broker (default: localhost)')
    .option(
      '-p, --port <port>',
      'its port (default: 1883; 8883 with TLS; 8083 and 8084 for WebSocket)',
      integer(1, 65535),
    )
    .option('--ws', 'connect by WebSocket')
    .option('--path <path>', 'WebSocket path (default: /mqtt)')
    .option('-V, --protocol-version <version>', 'MQTT version: 5, 3.1.1 or 3.1', protocolVersion, 5)
    .option('-u, --username <name>', 'user name')
    .option('-P, --pw <password>', 'password')
    .option('--cafile <file>', 'use TLS, and trust the certificate authorities in this PEM file')
    .option('--cert <file>', 'use TLS, and show this certificate (PEM)')
    .option('--key <file>', 'private key of --cert (PEM)')
    .option('--insecure', 'use TLS, but do not check who the broker is: for tests only')
    .optionsGroup('Session:')
    .option('-i, --id <id>', 'client id')
    .option('-I, --id-prefix <prefix>', 'client id: this and the process id')
    .option('-k, --keepalive <seconds>', 'keep alive; 0 for none', integer(0, 65535), 60)
    .option('-c, --disable-clean-session', 'keep the session when the connection ends')
    .option('-x, --session-expiry-interval <seconds>', 'how long it is kept, -1 for ever (MQTT 5)', expiry)
    .option('--will-topic <topic>', 'topic of the will, which the broker publishes when the connection is lost')
    .option('--will-payload <text>', 'its payload')
    .option('--will-qos <qos>', 'its QoS', qos)
    .option('--will-retain', 'retain it')
    .addOption(
      new Option(
        '-D, --property <command property value...>',
        'an MQTT 5 property, such as publish content-type text/plain',
      ),
    )
    .optionsGroup('Output:')
    .option('-d, --debug', 'print every packet to stderr')
    .option('--quiet', 'print no errors')
}

/** Takes the `-D` groups out of a command line before it is parsed: how many values follow depends on the property. */
export function splitProperties(
  command: Command,
  args: readonly string[],
): { readonly rest: readonly string[]; readonly properties: PropertyMap } {
  const takesValue = (flag: string): boolean =>
    command.options.some((option) => option.required && (option.short === flag || option.long === flag))
  const { rest, groups } = takeProperties(args, takesValue)
  return { rest, properties: readProperties(groups) }
}
