import { UserError } from '../user-error.ts'

/** The packets that `-D` can give properties to, and `will`. */
export type PropertyCommand = 'connect' | 'publish' | 'subscribe' | 'unsubscribe' | 'disconnect' | 'will'

/** MQTT 5 properties as the packet codec takes them. */
export type Properties = Record<string, unknown>

type Kind = 'number' | 'flag' | 'text' | 'bytes' | 'pair'
type Entry = readonly [name: string, kind: Kind, commands: readonly PropertyCommand[]]

const known: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  ['authentication-data', ['authenticationData', 'bytes', ['connect']]],
  ['authentication-method', ['authenticationMethod', 'text', ['connect']]],
  ['maximum-packet-size', ['maximumPacketSize', 'number', ['connect']]],
  ['receive-maximum', ['receiveMaximum', 'number', ['connect']]],
  ['request-problem-information', ['requestProblemInformation', 'flag', ['connect']]],
  ['request-response-information', ['requestResponseInformation', 'flag', ['connect']]],
  ['session-expiry-interval', ['sessionExpiryInterval', 'number', ['connect', 'disconnect']]],
  ['topic-alias-maximum', ['topicAliasMaximum', 'number', ['connect']]],
  ['content-type', ['contentType', 'text', ['publish', 'will']]],
  ['correlation-data', ['correlationData', 'bytes', ['publish', 'will']]],
  ['message-expiry-interval', ['messageExpiryInterval', 'number', ['publish', 'will']]],
  ['payload-format-indicator', ['payloadFormatIndicator', 'flag', ['publish', 'will']]],
  ['response-topic', ['responseTopic', 'text', ['publish', 'will']]],
  ['topic-alias', ['topicAlias', 'number', ['publish']]],
  ['subscription-identifier', ['subscriptionIdentifier', 'number', ['subscribe']]],
  ['will-delay-interval', ['willDelayInterval', 'number', ['will']]],
  [
    'user-property',
    ['userProperties', 'pair', ['connect', 'publish', 'subscribe', 'unsubscribe', 'disconnect', 'will']],
  ],
])

/** Takes every `-D COMMAND PROPERTY VALUE…` out of the arguments: `user-property` has two values, the others one. `takesValue` says which other flags are followed by a value. */
export function takeProperties(
  args: readonly string[],
  takesValue: (flag: string) => boolean,
): { readonly rest: string[]; readonly groups: string[][] } {
  const rest: string[] = []
  const groups: string[][] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    if (arg === '-D' || arg === '--property') {
      const length = args[i + 2] === 'user-property' ? 4 : 3
      groups.push(args.slice(i + 1, i + 1 + length))
      i += length
    } else {
      rest.push(arg)
      if (takesValue(arg) && i + 1 < args.length) rest.push(args[++i] ?? '')
    }
  }
  return { rest, groups }
}

/** The properties of each packet. Throws a UserError for one that does not exist, is not of that packet, or has a wrong value. */
export function readProperties(groups: readonly (readonly string[])[]): ReadonlyMap<PropertyCommand, Properties> {
  const result = new Map<PropertyCommand, Properties>()
  for (const [command = '', property = '', ...values] of groups) {
    const entry = known.get(property)
    const flag = ['-D', command, property, ...values].filter((part) => part !== '').join(' ')
    if (entry === undefined) throw new UserError(`${flag}: unknown property ${property || '(none given)'}`)
    const [name, kind, commands] = entry
    const owner = commands.find((each) => each === command)
    if (owner === undefined)
      throw new UserError(`${flag}: ${property} is a property of ${commands.join(', ')}, not of ${command}`)
    if (values.length !== (kind === 'pair' ? 2 : 1))
      throw new UserError(`${flag}: needs ${kind === 'pair' ? 'a name and a value' : 'a value'}`)
    const properties = result.get(owner) ?? {}
    result.set(owner, properties)
    if (kind === 'pair') addPair(properties, values)
    else properties[name] = readValue(kind, values[0] ?? '', flag)
  }
  return result
}

function addPair(properties: Properties, [name = '', value = '']: readonly string[]): void {
  const pairs = (properties['userProperties'] ??= Object.create(null)) as Record<string, string[]>
  ;(pairs[name] ??= []).push(value)
}

function readValue(kind: Kind, value: string, flag: string): unknown {
  if (kind === 'text') return value
  if (kind === 'bytes') return Buffer.from(value)
  if (!/^\d{1,10}$/.test(value) || Number(value) > 0xffffffff) throw new UserError(`${flag}: must be a whole number`)
  if (kind === 'number') return Number(value)
  if (value !== '0' && value !== '1') throw new UserError(`${flag}: must be 0 or 1`)
  return value === '1'
}
