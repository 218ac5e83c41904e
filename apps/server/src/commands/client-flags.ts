import { randomBytes } from 'node:crypto'
import { isTopic } from '@isomq/kernel'
import type { IConnectPacket } from 'mqtt-packet'
import type { DialFlags } from '../client/dial.ts'
import type { Properties, PropertyCommand } from '../client/properties.ts'
import { readTarget, type Target } from '../client/target.ts'
import { UserError } from '../user-error.ts'

/** What `pub`, `sub` and `rr` have in common, by its long names. */
export interface ClientFlags extends DialFlags {
  readonly url?: string
  readonly host?: string
  readonly port?: number
  readonly ws?: boolean
  readonly path?: string
  readonly unix?: string
  readonly id?: string
  readonly idPrefix?: string
  readonly keepalive: number
  readonly username?: string
  readonly pw?: string
  readonly protocolVersion: 3 | 4 | 5
  readonly disableCleanSession?: boolean
  readonly sessionExpiryInterval?: number
  readonly willTopic?: string
  readonly willPayload?: string
  readonly willQos?: 0 | 1 | 2
  readonly willRetain?: boolean
  readonly qos: 0 | 1 | 2
  readonly debug?: boolean
  readonly quiet?: boolean
}

/** `-D` properties of each packet. */
export type PropertyMap = ReadonlyMap<PropertyCommand, Properties>

const never = 0xffffffff

/** Where the flags say to connect. */
export function targetOf(flags: ClientFlags): Target {
  const { cafile, capath, cert, tlsUseOsCerts, insecure } = flags
  const tls = [cafile, capath, cert].some((each) => each !== undefined) || tlsUseOsCerts === true || insecure === true
  return readTarget({ ...flags, tls })
}

/** The topic to publish to that a flag gave. Throws a UserError where it is none. */
export function checkTopic(flag: string, topic: string): string {
  if (isTopic(topic)) return topic
  if (topic === '') throw new UserError(`${flag}: a topic has at least one character`)
  if (/[+#]/.test(topic)) throw new UserError(`${flag} ${topic}: a message cannot be published to a wildcard`)
  throw new UserError(`${flag} ${JSON.stringify(topic)}: is not a topic`)
}

/** The CONNECT that the flags ask for. Throws a UserError for flags that do not go together. */
export function connectPacket(flags: ClientFlags, properties: PropertyMap, name: string): IConnectPacket {
  const { username, password } = targetOf(flags)
  const version = flags.protocolVersion
  const user = flags.username ?? username
  const secret = flags.pw ?? password
  checkFlags(flags, properties, user === undefined && secret !== undefined)
  const persistent = flags.disableCleanSession === true
  const expiry = flags.sessionExpiryInterval ?? (persistent ? never : undefined)
  const own = { ...(expiry === undefined ? {} : { sessionExpiryInterval: expiry }), ...properties.get('connect') }
  return {
    cmd: 'connect',
    protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion: version,
    clientId: clientId(flags, name),
    clean: !persistent,
    keepalive: flags.keepalive,
    ...(user === undefined ? {} : { username: user }),
    ...(secret === undefined ? {} : { password: Buffer.from(secret) }),
    ...(flags.willTopic === undefined ? {} : { will: will(flags, flags.willTopic, properties) }),
    ...(version === 5 ? { properties: own } : {}),
  }
}

function checkFlags(flags: ClientFlags, properties: PropertyMap, secretAlone: boolean): void {
  const version = flags.protocolVersion
  if (flags.disableCleanSession === true && flags.id === undefined)
    throw new UserError('-c needs a client id: give one with -i')
  if (flags.id !== undefined && flags.idPrefix !== undefined) throw new UserError('-i and -I cannot go together')
  if (version < 5 && properties.size > 0) throw new UserError('-D needs MQTT 5 (-V 5)')
  if (version < 5 && flags.sessionExpiryInterval !== undefined) throw new UserError('-x needs MQTT 5 (-V 5)')
  if (version < 5 && secretAlone) throw new UserError('-P needs -u before MQTT 5')
  if (flags.willTopic !== undefined) checkTopic('--will-topic', flags.willTopic)
  else {
    const alone = flags.willPayload !== undefined || flags.willQos !== undefined || flags.willRetain === true
    if (alone || properties.has('will')) throw new UserError('a will needs --will-topic')
  }
  if ((flags.cert === undefined) !== (flags.key === undefined)) throw new UserError('--cert and --key go together')
}

/** Short enough for MQTT 3.1, which allows 23 characters. */
function clientId(flags: ClientFlags, name: string): string {
  if (flags.id !== undefined) return flags.id
  return flags.idPrefix === undefined
    ? `isomq-${name}-${randomBytes(4).toString('hex')}`
    : `${flags.idPrefix}${process.pid}`
}

function will(flags: ClientFlags, topic: string, properties: PropertyMap): NonNullable<IConnectPacket['will']> {
  const own = properties.get('will')
  return {
    topic,
    payload: Buffer.from(flags.willPayload ?? ''),
    qos: flags.willQos ?? 0,
    retain: flags.willRetain ?? false,
    ...(own === undefined ? {} : { properties: own }),
  }
}
