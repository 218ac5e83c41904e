import { Option, type Command } from 'commander'
import { readProperties, takeProperties } from '../client/properties.ts'
import type { PropertyMap } from './client-flags.ts'
import { UserError } from '../user-error.ts'
import { optionsFile, readOptions } from './options-file.ts'
import { expiry, integer, protocolVersion, tlsVersion } from './parse.ts'

/** Gives a command the flags that `pub`, `sub` and `rr` share: mosquitto's letters, so `-h` is the host and help is `--help`. */
export function addClientFlags(command: Command): Command {
  const qos = integer(0, 2)
  command
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
    .option('--unix <path>', 'connect by this Unix socket')
    .option('-A, --bind-address <address>', 'address of this machine to connect from')
    .option('-V, --protocol-version <version>', 'MQTT version: 5, 3.1.1 or 3.1', protocolVersion, 5)
    .option('-u, --username <name>', 'user name')
    .option('-P, --pw <password>', 'password')
    .option('-o, --options <file>', 'read more options from this file, one a line; those given here go before them')
    .optionsGroup('TLS:')
    .option('--cafile <file>', 'use TLS, and trust the certificate authorities in this PEM file')
    .option('--capath <dir>', 'use TLS, and trust those in the PEM files of this directory')
    .option('--tls-use-os-certs', 'use TLS, and trust those that this system trusts')
    .option('--cert <file>', 'use TLS, and show this certificate (PEM)')
    .option('--key <file>', 'private key of --cert (PEM)')
    .option('--tls-version <version>', 'oldest version that will do: tlsv1.3, tlsv1.2 or tlsv1.1', tlsVersion)
    .option('--ciphers <list>', 'ciphers that will do, in the words of OpenSSL')
    .option('--tls-alpn <protocol>', 'application protocol to ask for; not by WebSocket')
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
    .addOption(new Option('--nodelay').hideHelp())
    .addOption(new Option('--keyform <form>').hideHelp().argParser(keyForm))
  for (const [flag, instead] of refused) {
    const refuse = (): never => {
      throw new UserError(`${flag.split(' ', 1)[0] ?? flag} is not supported: ${instead}`)
    }
    command.addOption(new Option(flag).hideHelp().preset('').argParser(refuse))
  }
  return command
}

/** Letters of the mosquitto clients that are known and refused, and what to do instead. */
const refused: readonly (readonly [flag: string, instead: string])[] = [
  ['-S', 'name the host that the SRV record points to with -h and -p'],
  ['--proxy <url>', 'connect without a proxy, or through a tunnel such as `ssh -L`'],
  ['--psk <key>', 'use --cert and --key'],
  ['--psk-identity <identity>', 'use --cert and --key'],
  ['--tls-engine <engine>', 'use a key in a PEM file, with --key'],
  ['--tls-engine-kpass-sha1 <hash>', 'use a key in a PEM file, with --key'],
]

function keyForm(text: string): string {
  if (text === 'pem') return text
  throw new UserError('--keyform: only pem is supported')
}

/** Gives a command the flags that `sub` and `rr` share: how a message is printed. They stand with the output flags of all. */
export function addPrintFlags(command: Command): Command {
  return command
    .optionsGroup('Output:')
    .option('-v, --verbose', 'print the topic before the payload')
    .option('-F <format>', 'print by a format: %t topic, %p payload, %x hex, %q QoS, %r retain, %l length, %j JSON, …')
    .option('--pretty', 'spread JSON (%j, %J) over several lines')
    .option('-N', 'no line end after a message')
}

/**
 * Makes a command line ready to be parsed: what the file of `-o` says stands before the rest, and the `-D` groups are
 * taken out, for how many values follow them depends on the property.
 */
export function prepareArguments(
  command: Command,
  args: readonly string[],
): { readonly rest: readonly string[]; readonly properties: PropertyMap } {
  const takesValue = (flag: string): boolean =>
    command.options.some((option) => option.required && (option.short === flag || option.long === flag))
  const given = takeProperties(args, takesValue)
  const [name = '', ...flags] = given.rest
  const file = optionsFile(flags, takesValue)
  const more = takeProperties(file === undefined ? [] : readOptions(file), takesValue)
  return {
    rest: [name, ...more.rest, ...flags],
    properties: readProperties([...more.groups, ...given.groups]),
  }
}
