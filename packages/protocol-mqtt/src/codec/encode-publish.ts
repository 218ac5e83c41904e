import { writeUtf8 } from '@isomq/kernel'
import { propertiesLength, writeProperties } from './encode-properties.ts'
import { FrameWriter, textLength, varintLength, writeVarint } from './frame-writer.ts'
import { type AckType, type OutgoingPublish, PacketType, type ProtocolVersion } from './packet.ts'
import { cut } from './slab.ts'

/** A PUBLISH encoded once for many receivers: copy `bytes`, then `writeUint16` over what differs from one to the next. */
export interface PublishTemplate {
  /** The frame. A view: its buffer may hold other frames too. */
  readonly bytes: Uint8Array
  /** Where the packet identifier is; 0 when QoS is 0. */
  readonly packetIdAt: number
  /** Where the number of the topic alias is; 0 when there is none. */
  readonly topicAliasAt: number
}

/** Bytes of the whole frame. Throws RangeError when the message has no form in this version. */
export function publishLength(publish: OutgoingPublish, version: ProtocolVersion): number {
  const { body } = measure(publish, version)
  return 1 + varintLength(body) + body
}

/** Writes the whole frame at `at` and returns the place after it. The caller has made room (`publishLength`). Throws RangeError as `publishLength` does, and for a packet identifier that is none. */
export function writePublish(
  target: Uint8Array,
  at: number,
  publish: OutgoingPublish,
  version: ProtocolVersion,
): number {
  const { qos, packetId } = publish
  if (qos > 0 && (packetId === 0 || (packetId & 0xffff) !== packetId))
    throw new RangeError(`packet identifier ${packetId}`) // [MQTT-2.2.1-3] [MQTT-2.2.1-4]
  return fill(target, at, publish, measure(publish, version))
}

/**
 * Encodes a PUBLISH to be shared, or its head alone: then the payload is to follow. Its packet identifier may be 0 as yet.
 * Throws RangeError as `publishLength` does.
 */
export function publishTemplate(
  publish: OutgoingPublish,
  version: ProtocolVersion,
  part: 'whole' | 'head' = 'whole',
): PublishTemplate {
  const measured = measure(publish, version)
  const header = 1 + varintLength(measured.body)
  const size = header + measured.body
  const bytes = cut(part === 'whole' ? size : size - publish.payload.length)
  if (part === 'whole') fill(bytes, 0, publish, measured)
  else fillHead(bytes, 0, publish, measured)
  const afterTopic = header + 2 + measured.topic
  const packetIdAt = publish.qos === 0 ? 0 : afterTopic
  const properties = publish.qos === 0 ? afterTopic : afterTopic + 2
  const aliased = version === 5 && publish.properties?.topicAlias !== undefined
  // The alias is the first property: after the length of them all and its own id.
  return { bytes, packetIdAt, topicAliasAt: aliased ? properties + varintLength(measured.properties) + 1 : 0 }
}

/** Writes the four bytes of a PUBACK, PUBREC, PUBREL or PUBCOMP that says success, in any version, and returns the place after them. */
export function writeAck(target: Uint8Array, at: number, type: AckType, packetId: number): number {
  // [MQTT-3.6.1-1]
  target[at] = type === PacketType.Pubrel ? 0x62 : type << 4
  target[at + 1] = 2
  target[at + 2] = packetId >> 8
  target[at + 3] = packetId & 0xff
  return at + 4
}

/** Writes two bytes, the higher first: a packet identifier or a topic alias into a copy of a template. */
export function writeUint16(target: Uint8Array, at: number, value: number): void {
  target[at] = value >> 8
  target[at + 1] = value & 0xff
}

interface Measured {
  readonly version: ProtocolVersion
  /** Bytes of the topic. */
  readonly topic: number
  /** Bytes of the properties without their length. */
  readonly properties: number
  readonly body: number
}

function measure(publish: OutgoingPublish, version: ProtocolVersion): Measured {
  const { qos } = publish
  if (qos !== 0 && qos !== 1 && qos !== 2) throw new RangeError('a QoS other than 0, 1 and 2') // [MQTT-3.3.1-4]
  const topic = textLength(publish.topic)
  // [MQTT-4.7.3-1]; an alias stands for an empty name.
  if (topic === 0 && (version !== 5 || publish.properties?.topicAlias === undefined))
    throw new RangeError('an empty topic')
  let body = 2 + topic + publish.payload.length
  if (qos > 0) body += 2
  let properties = 0
  if (version === 5) {
    properties = propertiesLength(publish.properties, PacketType.Publish)
    body += varintLength(properties) + properties
  }
  return { version, topic, properties, body }
}

function fill(target: Uint8Array, at: number, publish: OutgoingPublish, measured: Measured): number {
  const { payload } = publish
  at = fillHead(target, at, publish, measured)
  target.set(payload, at)
  return at + payload.length
}

function fillHead(target: Uint8Array, at: number, publish: OutgoingPublish, measured: Measured): number {
  const { qos, packetId } = publish
  // [MQTT-3.3.1-2]: without QoS there is no DUP.
  target[at] = 0x30 | (qos > 0 && publish.dup ? 8 : 0) | (qos << 1) | (publish.retain ? 1 : 0)
  at = writeVarint(target, at + 1, measured.body)
  writeUint16(target, at, measured.topic)
  at = writeUtf8(publish.topic, target, at + 2)
  if (qos > 0) {
    writeUint16(target, at, packetId)
    at += 2
  }
  if (measured.version === 5) {
    if (measured.properties === 0) target[at++] = 0
    else {
      const writer = new FrameWriter(target, at)
      writeProperties(writer, publish.properties, PacketType.Publish)
      at = writer.at
    }
  }
  return at
}
