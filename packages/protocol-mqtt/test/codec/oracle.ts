import { Buffer } from 'node:buffer'
import * as oracle from 'mqtt-packet'
import { type OutgoingPacket, PacketType, type ProtocolVersion } from '../../src/codec/packet.ts'
import type { UserProperties } from '../../src/codec/packet-properties.ts'
import { plain } from './frames.ts'

// The other codec, and the words it has for what we call otherwise.

type Fields = Record<string, unknown>

const commands = Object.fromEntries(Object.entries(PacketType).map(([name, type]) => [type, name.toLowerCase()]))

/** What mqtt-packet makes of these bytes, one packet after the other. Throws what it reports. */
export function parseByOracle(bytes: Uint8Array, version: ProtocolVersion): Fields[] {
  const parser = oracle.parser({ protocolVersion: version })
  const found: Fields[] = []
  parser.on('packet', (packet) => found.push(packet as unknown as Fields))
  parser.on('error', (error) => {
    throw error
  })
  parser.parse(Buffer.from(bytes))
  return found
}

/** The bytes mqtt-packet writes for a packet of ours. Throws what it reports. */
export function generateByOracle(packet: OutgoingPacket, version: ProtocolVersion): Uint8Array {
  return new Uint8Array(
    oracle.generate(toOracle(packet, version) as unknown as oracle.Packet, { protocolVersion: version }),
  )
}

function toOracle(packet: OutgoingPacket, version: ProtocolVersion): Fields {
  const cmd = commands[packet.type]
  const properties = 'properties' in packet ? { properties: foreignProperties(packet.properties) } : {}
  switch (packet.type) {
    case PacketType.Connect: {
      const { clientId, cleanStart, keepAlive, will, username, password } = packet
      return {
        cmd,
        protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
        protocolVersion: version,
        clientId,
        clean: cleanStart,
        keepalive: keepAlive,
        username,
        password: buffer(password),
        will: will && { ...will, payload: buffer(will.payload), properties: foreignProperties(will.properties) },
        ...properties,
      }
    }
    case PacketType.Connack:
      return { ...packet, cmd, [version === 5 ? 'reasonCode' : 'returnCode']: packet.reasonCode, ...properties }
    case PacketType.Publish:
      return {
        ...(plain(packet) as Fields),
        cmd,
        messageId: packet.packetId,
        payload: buffer(packet.payload),
        ...properties,
      }
    case PacketType.Subscribe: {
      const subscriptions = packet.filters.map((one) => ({
        topic: one.filter,
        qos: one.qos,
        nl: one.noLocal,
        rap: one.retainAsPublished,
        rh: one.retainHandling,
      }))
      return { cmd, messageId: packet.packetId, subscriptions, ...properties }
    }
    case PacketType.Unsubscribe:
      return { cmd, messageId: packet.packetId, unsubscriptions: packet.filters, ...properties }
    case PacketType.Suback:
    case PacketType.Unsuback:
      return { cmd, messageId: packet.packetId, granted: packet.reasonCodes, ...properties }
    case PacketType.Pingreq:
    case PacketType.Pingresp:
      return { cmd }
    case PacketType.Disconnect:
    case PacketType.Auth:
      return { cmd, reasonCode: packet.reasonCode, ...properties }
    default:
      return { cmd, messageId: packet.packetId, reasonCode: packet.reasonCode, ...properties }
  }
}

/** A packet as mqtt-packet parsed it, in our words, as `plain` gives them. */
export function fromOracle(parsed: Fields, version: ProtocolVersion): unknown {
  const cmd = parsed['cmd']
  const type = Number(Object.keys(commands).find((key) => commands[key] === cmd))
  const fields: Fields = { type, properties: ownProperties(parsed['properties']) }
  if (parsed['messageId'] !== undefined) fields['packetId'] = parsed['messageId']
  if (type === PacketType.Connect) {
    Object.assign(fields, pick(parsed, ['clientId', 'username', 'password']))
    Object.assign(fields, { version, cleanStart: parsed['clean'], keepAlive: parsed['keepalive'] })
    const will = parsed['will'] as Fields | undefined
    if (will !== undefined) fields['will'] = { ...will, properties: ownProperties(will['properties']) }
  } else if (type === PacketType.Connack) {
    fields['sessionPresent'] = parsed['sessionPresent']
    fields['reasonCode'] = parsed[version === 5 ? 'reasonCode' : 'returnCode']
  } else if (type === PacketType.Publish) {
    Object.assign(fields, pick(parsed, ['topic', 'payload', 'qos', 'dup', 'retain']))
    fields['packetId'] ??= 0
  } else if (type === PacketType.Subscribe) {
    fields['filters'] = (parsed['subscriptions'] as Fields[]).map((one) => ({
      filter: one['topic'],
      qos: one['qos'],
      noLocal: one['nl'] ?? false,
      retainAsPublished: one['rap'] ?? false,
      retainHandling: one['rh'] ?? 0,
    }))
  } else if (type === PacketType.Unsubscribe) fields['filters'] = parsed['unsubscriptions']
  else if (type === PacketType.Suback || type === PacketType.Unsuback) fields['reasonCodes'] = parsed['granted'] ?? []
  else if (type !== PacketType.Pingreq && type !== PacketType.Pingresp) fields['reasonCode'] = parsed['reasonCode'] ?? 0
  return plain(fields as unknown as OutgoingPacket)
}

/** Our packet less what mqtt-packet cannot carry: see `lossy`. */
export function asOracleSees(packet: OutgoingPacket): unknown {
  const own = plain(packet) as Fields
  const reduced = (properties: unknown) => ({
    ...(properties as Fields),
    ...('userProperties' in (properties as Fields)
      ? { userProperties: lossy((properties as { userProperties: UserProperties }).userProperties) }
      : {}),
  })
  if (own['properties'] !== undefined) own['properties'] = reduced(own['properties'])
  const will = own['will'] as Fields | undefined
  if (will?.['properties'] !== undefined) will['properties'] = reduced(will['properties'])
  return own
}

/**
 * Known difference: mqtt-packet keeps user properties as an object of names. Pairs of one name stand together, names that
 * look like numbers come first, and a first empty value is forgotten when its name comes again.
 */
export function lossy(pairs: UserProperties): [string, string][] {
  return ungroup(group(pairs, true))
}

function group(pairs: UserProperties, forgetful: boolean): Record<string, string | string[]> {
  const byName = Object.create(null) as Record<string, string | string[]>
  for (const [name, value] of pairs) {
    const before = byName[name]
    if (before === undefined || (forgetful && before === '')) byName[name] = value
    else if (Array.isArray(before)) before.push(value)
    else byName[name] = [before, value]
  }
  return byName
}

function ungroup(byName: Record<string, string | string[]>): [string, string][] {
  return Object.keys(byName).flatMap((name) => [byName[name]!].flat().map((value): [string, string] => [name, value]))
}

function foreignProperties(properties: object | undefined): Fields | undefined {
  if (properties === undefined) return undefined
  const { userProperties, maximumQos, subscriptionIdentifiers, correlationData, authenticationData, ...rest } =
    properties as Fields
  if (userProperties !== undefined) rest['userProperties'] = group(userProperties as UserProperties, false)
  if (maximumQos !== undefined) rest['maximumQoS'] = maximumQos
  if (subscriptionIdentifiers !== undefined) rest['subscriptionIdentifier'] = subscriptionIdentifiers
  if (correlationData !== undefined) rest['correlationData'] = buffer(correlationData)
  if (authenticationData !== undefined) rest['authenticationData'] = buffer(authenticationData)
  return rest
}

function ownProperties(properties: unknown): Fields | undefined {
  if (properties === undefined) return undefined
  const { userProperties, maximumQoS, ...rest } = properties as Fields
  if (userProperties !== undefined)
    rest['userProperties'] = ungroup(userProperties as Record<string, string | string[]>)
  if (maximumQoS !== undefined) rest['maximumQos'] = maximumQoS
  return rest
}

function pick(from: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]))
}

function buffer(bytes: unknown): Buffer | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes as Uint8Array)
}
