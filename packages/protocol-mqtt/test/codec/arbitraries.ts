import * as fc from 'fast-check'
import type { OutgoingPacket, ProtocolVersion } from '../../src/codec/packet.ts'
import {
  clientDisconnectCodes,
  connackCodes,
  publishAckCodes,
  releaseCodes,
  serverDisconnectCodes,
  subackCodes,
  unsubackCodes,
} from '../../src/codec/reason-code.ts'

/** A packet and who may send it. */
export interface Sent {
  readonly from: 'client' | 'server'
  readonly packet: OutgoingPacket
}

const text = fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.replaceAll('\0', '\u{feff}'))
const name = text.map((value) => `n${value.replaceAll(/[+#]/g, '/')}`)
const long = fc.oneof(
  { weight: 9, arbitrary: name },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 400 }).map((n) => '\u00e9/'.repeat(n)) },
)
const binary = fc.uint8Array({ maxLength: 24 })
const payload = fc.oneof(
  { weight: 9, arbitrary: binary },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 20_000 }).map((n) => new Uint8Array(n).fill(n & 255)) },
)
const uint16 = fc.integer({ min: 0, max: 0xffff })
const id = fc.integer({ min: 1, max: 0xffff })
const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const uint32Above0 = fc.integer({ min: 1, max: 0xffffffff })
const identifier = fc.integer({ min: 1, max: 0xfffffff })
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
const bool = fc.boolean()
const userProperties = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 })
const from = fc.constantFrom('client' as const, 'server' as const)

/** Some of these properties, in MQTT 5.0; undefined when there are none. */
function some<T>(version: ProtocolVersion, model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T | undefined> {
  if (version !== 5) return fc.constant(undefined)
  return fc
    .record(model, { requiredKeys: [] })
    .map((found) => (Object.keys(found).length === 0 ? undefined : (found as T)))
}

function code(version: ProtocolVersion, codes: Iterable<number>): fc.Arbitrary<number> {
  return version === 5 ? fc.constantFrom(...codes) : fc.constant(0)
}

const message = {
  payloadFormatIndicator: bool,
  messageExpiryInterval: uint32,
  contentType: text,
  responseTopic: name,
  correlationData: binary,
  userProperties,
}
const reason = { reasonString: text, userProperties }

/** Every kind of packet of a version, as `encode` takes it and a decoder gives it back. */
export function packets(version: ProtocolVersion): fc.Arbitrary<Sent> {
  const sets = [connect, connack, publish, ack, subscribe, suback, unsubscribe, unsuback, ping, disconnect]
  return fc.oneof(...sets.map((set) => set(version)), ...(version === 5 ? [auth()] : []))
}

/** Any packet a side may send after CONNECT, of any version, with that version. */
export function streams(maxLength: number): fc.Arbitrary<{ version: ProtocolVersion; sent: Sent[] }> {
  return fc.constantFrom(3 as const, 4 as const, 5 as const).chain((version) =>
    fc.record({
      version: fc.constant(version),
      sent: fc.array(packets(version), { minLength: 1, maxLength }),
    }),
  )
}

function connect(version: ProtocolVersion): fc.Arbitrary<Sent> {
  const credentials = fc.oneof(
    fc.constant({}),
    fc.record({ username: text }),
    fc.record({ username: text, password: binary }),
    version === 5 ? fc.record({ password: binary }) : fc.constant({}),
  )
  const authentication = fc.oneof(
    fc.constant({}),
    fc.record({ authenticationMethod: text, authenticationData: binary }),
    fc.record({ authenticationMethod: text }),
  )
  const properties = fc
    .tuple(
      some(version, {
        sessionExpiryInterval: uint32,
        receiveMaximum: id,
        maximumPacketSize: uint32Above0,
        topicAliasMaximum: uint16,
        requestResponseInformation: bool,
        requestProblemInformation: bool,
        userProperties,
      }),
      authentication,
    )
    .map(([base, more]) => {
      const both = Object.assign({}, base, more)
      return version !== 5 || Object.keys(both).length === 0 ? undefined : both
    })
  const will = fc.record({
    topic: long,
    payload,
    qos,
    retain: bool,
    properties: some(version, { ...message, willDelayInterval: uint32 }),
  })
  return fc
    .record({
      cleanStart: bool,
      keepAlive: uint16,
      clientId: text,
      will: fc.option(will, { nil: undefined }),
      credentials,
      properties,
    })
    .map(({ credentials: given, ...rest }) => ({ from: 'client', packet: { type: 1, version, ...rest, ...given } }))
}

function connack(version: ProtocolVersion): fc.Arbitrary<Sent> {
  const codes = version === 5 ? connackCodes : [0, 1, 2, 3, 4, 5]
  return fc
    .record({
      sessionPresent: bool,
      reasonCode: fc.constantFrom(...codes),
      properties: some(version, {
        sessionExpiryInterval: uint32,
        receiveMaximum: id,
        maximumQos: fc.constantFrom(0 as const, 1 as const),
        retainAvailable: bool,
        maximumPacketSize: uint32Above0,
        assignedClientIdentifier: text,
        topicAliasMaximum: uint16,
        ...reason,
        wildcardSubscriptionAvailable: bool,
        subscriptionIdentifiersAvailable: bool,
        sharedSubscriptionAvailable: bool,
        serverKeepAlive: uint16,
        responseInformation: text,
        serverReference: text,
        authenticationMethod: text,
        authenticationData: binary,
      }),
    })
    .map((packet) => ({
      from: 'server',
      packet: { type: 2, ...packet, sessionPresent: packet.sessionPresent && packet.reasonCode === 0 },
    }))
}

function publish(version: ProtocolVersion): fc.Arbitrary<Sent> {
  return from.chain((from) =>
    fc
      .record({
        topic: long,
        payload,
        qos,
        dup: bool,
        retain: bool,
        packetId: id,
        aliased: bool,
        properties: some(version, {
          ...message,
          topicAlias: id,
          ...(from === 'server'
            ? { subscriptionIdentifiers: fc.array(identifier, { minLength: 1, maxLength: 3 }) }
            : {}),
        }),
      })
      .map(({ aliased, ...rest }) => ({
        from,
        packet: {
          type: 3,
          ...rest,
          topic: aliased && rest.properties?.topicAlias !== undefined ? '' : rest.topic,
          dup: rest.dup && rest.qos > 0,
          packetId: rest.qos > 0 ? rest.packetId : 0,
        },
      })),
  )
}

function ack(version: ProtocolVersion): fc.Arbitrary<Sent> {
  return fc.constantFrom(4 as const, 5 as const, 6 as const, 7 as const).chain((type) =>
    fc
      .record({
        from,
        packetId: id,
        reasonCode: code(version, type < 6 ? publishAckCodes : releaseCodes),
        properties: some(version, reason),
      })
      .map(({ from, ...rest }) => ({ from, packet: { type, ...rest } })),
  )
}

function subscribe(version: ProtocolVersion): fc.Arbitrary<Sent> {
  const option = version === 5 ? bool : fc.constant(false)
  const filter = fc.record({
    filter: long,
    qos,
    noLocal: option,
    retainAsPublished: option,
    retainHandling: version === 5 ? qos : fc.constant(0 as const),
  })
  return fc
    .record({
      packetId: id,
      filters: fc.array(filter, { minLength: 1, maxLength: 3 }),
      properties: some(version, { subscriptionIdentifier: identifier, userProperties }),
    })
    .map((packet) => ({ from: 'client', packet: { type: 8, ...packet } }))
}

function suback(version: ProtocolVersion): fc.Arbitrary<Sent> {
  const codes = fc.constantFrom(...(version === 5 ? subackCodes : [0, 1, 2, 0x80]))
  return fc
    .record({
      packetId: id,
      reasonCodes: fc.array(codes, { minLength: 1, maxLength: 4 }),
      properties: some(version, reason),
    })
    .map((packet) => ({ from: 'server', packet: { type: 9, ...packet } }))
}

function unsubscribe(version: ProtocolVersion): fc.Arbitrary<Sent> {
  return fc
    .record({
      packetId: id,
      filters: fc.array(long, { minLength: 1, maxLength: 3 }),
      properties: some(version, { userProperties }),
    })
    .map((packet) => ({ from: 'client', packet: { type: 10, ...packet } }))
}

function unsuback(version: ProtocolVersion): fc.Arbitrary<Sent> {
  const codes = fc.array(fc.constantFrom(...unsubackCodes), { minLength: 1, maxLength: 4 })
  return fc
    .record({
      packetId: id,
      reasonCodes: version === 5 ? codes : fc.constant([]),
      properties: some(version, reason),
    })
    .map((packet) => ({ from: 'server', packet: { type: 11, ...packet } }))
}

function ping(): fc.Arbitrary<Sent> {
  return fc.constantFrom<Sent>({ from: 'client', packet: { type: 12 } }, { from: 'server', packet: { type: 13 } })
}

function disconnect(version: ProtocolVersion): fc.Arbitrary<Sent> {
  const fromClient = fc
    .record({
      reasonCode: code(version, clientDisconnectCodes),
      properties: some(version, { ...reason, sessionExpiryInterval: uint32 }),
    })
    .map((packet): Sent => ({ from: 'client', packet: { type: 14, ...packet } }))
  if (version !== 5) return fromClient
  const fromServer = fc
    .record({
      reasonCode: code(version, serverDisconnectCodes),
      properties: some(version, { ...reason, serverReference: text }),
    })
    .map((packet): Sent => ({ from: 'server', packet: { type: 14, ...packet } }))
  return fc.oneof(fromClient, fromServer)
}

function auth(): fc.Arbitrary<Sent> {
  const properties = fc.record(
    { authenticationMethod: text, authenticationData: binary, ...reason },
    { requiredKeys: ['authenticationMethod'] },
  )
  return fc.oneof(
    fc.constant<Sent>({ from: 'server', packet: { type: 15, reasonCode: 0 } }),
    fc.record({ from, again: bool, properties }).map(({ from, again, properties }): Sent => {
      const other = from === 'client' ? 0x19 : 0x00
      return { from, packet: { type: 15, reasonCode: again ? other : 0x18, properties } }
    }),
  )
}
