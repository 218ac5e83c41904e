import {
  type Authenticator,
  type Broker,
  type Credentials,
  type ErrorCode,
  fitsLimits,
  isOwnSession,
  isTopic,
  type PeerInfo,
  type Principal,
  Will,
  utf8Length,
} from '@isomq/kernel'
import { type Connack, type Connect, PacketType } from './codec/packet.ts'
import type { ConnackProperties, ConnectProperties } from './codec/packet-properties.ts'
import { ReasonCode } from './codec/reason-code.ts'
import { isDelayed, parseDelayed } from './delayed-topic.ts'
import { willMessage } from './messages.ts'
import type { MqttOptions } from './options.ts'
import type { Appetite } from './outgoing.ts'
import { type Asker, permits } from './permission.ts'
import { codeOf, connackCodes, isBrokerError } from './reason-codes.ts'
import { responsePrefix } from './response-topics.ts'

const forever = 0xffffffff

/** A CONNECT that asks for nothing we refuse, with what follows from it. */
export interface Login {
  readonly connect: Connect
  readonly clientId: string
  /** True: the id was made up by us. */
  readonly assigned: boolean
  /** Milliseconds. */
  readonly expiry: number
  /** Seconds, as it holds. */
  readonly keepAlive: number
  readonly will: Will | undefined
  readonly appetite: Appetite
  /** The method it asked for; undefined: none. */
  readonly authenticator: Authenticator | undefined
}

/** A CONNECT that is refused, as a reason of MQTT 5.0. */
export interface Refusal {
  readonly reason: number
  readonly detail: string
}

// Before MQTT 5.0 clients say nothing of what they take.
const modest: Appetite = { v5: false, receiveMaximum: 65_535, maxPacketSize: Infinity, topicAliasMaximum: 0 }

function appetiteOf(properties: ConnectProperties | undefined, options: MqttOptions): Appetite {
  return {
    v5: true,
    receiveMaximum: properties?.receiveMaximum ?? 65_535, // [MQTT-4.9.0-1]
    maxPacketSize: properties?.maximumPacketSize ?? Infinity,
    topicAliasMaximum: Math.min(properties?.topicAliasMaximum ?? 0, options.topicAliasMaximum),
  }
}

/** Judges a CONNECT by itself [MQTT-3.1.4-2]. */
export function judgeConnect(connect: Connect, broker: Broker, options: MqttOptions): Login | Refusal {
  const { version, will, properties, cleanStart } = connect
  const method = properties?.authenticationMethod
  const authenticator = options.authenticators?.find((each) => each.method === method)
  // [MQTT-4.12.0-1]
  if (method !== undefined && authenticator === undefined)
    return { reason: ReasonCode.BadAuthenticationMethod, detail: 'unknown authentication method' }
  const assigned = connect.clientId === '' // [MQTT-3.1.3-6]
  // [MQTT-3.1.3-8 of 3.1.1]: only a clean session may go without an id; 3.1 knows no empty id at all.
  if (assigned && (version === 3 || (version === 4 && !cleanStart))) {
    return { reason: ReasonCode.ClientIdentifierNotValid, detail: 'the client identifier is empty' }
  }
  // [MQTT-3.1.3-8] [MQTT-3.1.3-9 of 3.1.1]
  if (utf8Length(connect.clientId) > options.clientIdLength) {
    return {
      reason: ReasonCode.ClientIdentifierNotValid,
      detail: `the client identifier has more than ${options.clientIdLength} bytes`,
    }
  }
  if (isOwnSession(connect.clientId))
    return { reason: ReasonCode.ClientIdentifierNotValid, detail: "the client identifier is one of the broker's own" }
  if (will !== undefined && !(isTopic(will.topic) && fitsLimits(will.topic, broker.limits)))
    return { reason: ReasonCode.TopicNameInvalid, detail: 'the will topic is not a topic, or too long' }
  const delayed = will !== undefined && isDelayed(will.topic)
  if (delayed && (!options.delayedPublish || parseDelayed(will.topic) === undefined))
    return { reason: ReasonCode.TopicNameInvalid, detail: 'the will topic asks for no delay that there is' }
  // [MQTT-3.2.2-12]
  if (will !== undefined && will.qos > options.maximumQos)
    return { reason: ReasonCode.QosNotSupported, detail: `QoS ${will.qos} is not available` }
  // [MQTT-3.2.2-13]
  if (will?.retain === true && !options.retainAvailable)
    return { reason: ReasonCode.RetainNotSupported, detail: 'retained messages are not available' }
  const clientId = assigned ? broker.host.randomId() : connect.clientId
  const asked = version === 5 ? (properties?.sessionExpiryInterval ?? 0) : cleanStart ? 0 : forever
  return {
    connect,
    clientId,
    assigned,
    expiry: Math.min(asked === forever ? Infinity : asked * 1000, broker.limits.sessionExpiry),
    keepAlive: keepAliveFor(connect.keepAlive, options.maxKeepAlive),
    will: will && willOf(will, clientId),
    appetite: version === 5 ? appetiteOf(properties, options) : modest,
    authenticator,
  }
}

/** What a client shows in its CONNECT. */
export function credentialsOf({ clientId, connect }: Login, peer: PeerInfo): Credentials {
  const { username, password } = connect
  return { clientId, username, password, peer }
}

/** Lets the client in or not; whatever the guard rejects with refuses. */
export async function authenticate(login: Login, broker: Broker, peer: PeerInfo): Promise<Principal | Refusal> {
  try {
    return await broker.guard.authenticate(credentialsOf(login, peer))
  } catch (error) {
    if (!isBrokerError(error)) broker.host.report(error, 'authenticating')
    return refusalOf(codeOf(error))
  }
}

/**
 * The login with its will where the rules lead it. One that they lead elsewhere must be allowed by its own name now; by
 * the other one it is asked about when it is published, as every will is.
 */
export async function redirectWill(login: Login, asker: Asker): Promise<Login | Refusal> {
  const { will } = login
  if (will === undefined || asker.rewrite === undefined) return login
  const { topic } = will.message
  const target = asker.rewrite.apply('publish', topic, asker.principal)
  if (target === topic) return login
  if (!(await permits(asker, 'publish', topic)))
    return { reason: ReasonCode.NotAuthorized, detail: 'the will may not be published' }
  if (target === undefined)
    return { reason: ReasonCode.TopicNameInvalid, detail: 'the rules lead the will to no topic' }
  return { ...login, will: new Will({ ...will.message, topic: target }, will.delay, will.expiry) }
}

/** A refusal of the broker as CONNACK says it. */
export function refusalOf(code: ErrorCode): Refusal {
  return { reason: connackCodes[code], detail: code }
}

/** The CONNACK that lets a client in, with all that it must know and would not expect. `proof` is the last word of its exchange. */
export function welcome(
  login: Login,
  options: MqttOptions,
  sessionPresent: boolean,
  proof: Uint8Array | undefined,
): Connack {
  const { connect, expiry, authenticator } = login
  const connack = { type: PacketType.Connack, sessionPresent, reasonCode: ReasonCode.Success }
  if (connect.version < 5) return connack
  const asked = connect.properties?.sessionExpiryInterval ?? 0
  const granted = expiry === Infinity ? forever : Math.floor(expiry / 1000)
  const properties: ConnackProperties = {
    sessionExpiryInterval: granted === asked ? undefined : granted,
    receiveMaximum: options.receiveMaximum,
    maximumPacketSize: options.maxPacketSize,
    topicAliasMaximum: options.topicAliasMaximum,
    // [MQTT-3.1.3-7] [MQTT-3.2.2-16]
    assignedClientIdentifier: login.assigned ? login.clientId : undefined,
    // [MQTT-3.2.2-22]
    serverKeepAlive: login.keepAlive === connect.keepAlive ? undefined : login.keepAlive,
    // [MQTT-3.2.2-9]
    maximumQos: options.maximumQos === 2 ? undefined : options.maximumQos,
    retainAvailable: options.retainAvailable ? undefined : false,
    sharedSubscriptionAvailable: options.sharedSubscriptions ? undefined : false,
    // [MQTT-3.1.2-28]
    responseInformation:
      options.responseInformation && connect.properties?.requestResponseInformation === true
        ? responsePrefix(login.clientId)
        : undefined,
    // [MQTT-4.12.0-5] [MQTT-4.12.0-6]
    authenticationMethod: authenticator?.method,
    authenticationData: proof,
  }
  return { ...connack, properties }
}

function keepAliveFor(asked: number, most: number): number {
  return most > 0 && (asked === 0 || asked > most) ? most : asked
}

function willOf(will: NonNullable<Connect['will']>, clientId: string): Will {
  const { properties } = will
  const expiry = properties?.messageExpiryInterval
  const message = willMessage(will, clientId)
  const delayed = isDelayed(message.topic) ? parseDelayed(message.topic) : undefined
  return new Will(
    delayed === undefined ? message : { ...message, topic: delayed.topic, dueAt: delayed.delay },
    (properties?.willDelayInterval ?? 0) * 1000,
    expiry === undefined ? undefined : expiry * 1000,
  )
}
