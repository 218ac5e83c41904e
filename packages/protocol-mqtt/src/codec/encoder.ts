import { encodeConnack, encodeConnect } from './encode-connect.ts'
import { propertiesLength, writeProperties } from './encode-properties.ts'
import { publishLength, writePublish } from './encode-publish.ts'
import { FrameWriter } from './frame-writer.ts'
import {
  type Ack,
  type Auth,
  type Disconnect,
  type OutgoingPacket,
  PacketType,
  type ProtocolVersion,
  type Suback,
  type Subscribe,
  type Unsuback,
  type Unsubscribe,
} from './packet.ts'

const flags = 2

// Nothing is called while it is in use that could call back here.
const shared = new FrameWriter()

/**
 * The frame of a packet, in an array of its own. What the version has no words for is left out: properties, reason codes
 * and subscription options before MQTT 5.0. Throws RangeError rather than make a frame that no peer may accept.
 */
export function encode(packet: OutgoingPacket, version: ProtocolVersion): Uint8Array {
  const writer = shared
  writer.reset()
  switch (packet.type) {
    case PacketType.Publish: {
      const bytes = new Uint8Array(publishLength(packet, version))
      writePublish(bytes, 0, packet, version)
      return bytes
    }
    case PacketType.Connect:
      return encodeConnect(writer, packet)
    case PacketType.Connack:
      return encodeConnack(writer, packet, version)
    case PacketType.Puback:
    case PacketType.Pubrec:
    case PacketType.Pubrel:
    case PacketType.Pubcomp:
      return encodeAck(writer, packet, version)
    case PacketType.Subscribe:
      return encodeSubscribe(writer, packet, version)
    case PacketType.Unsubscribe:
      return encodeUnsubscribe(writer, packet, version)
    case PacketType.Suback:
    case PacketType.Unsuback:
      return encodeCodes(writer, packet, version)
    case PacketType.Pingreq:
    case PacketType.Pingresp:
      return writer.frame(packet.type << 4)
    case PacketType.Disconnect:
      return encodeDisconnect(writer, packet, version)
    case PacketType.Auth:
      return encodeAuth(writer, packet, version)
  }
}

function encodeAck(writer: FrameWriter, packet: Ack, version: ProtocolVersion): Uint8Array {
  writer.packetId(packet.packetId)
  if (version === 5) writeReason(writer, packet)
  return writer.frame((packet.type << 4) | (packet.type === PacketType.Pubrel ? flags : 0))
}

function encodeDisconnect(writer: FrameWriter, packet: Disconnect, version: ProtocolVersion): Uint8Array {
  if (version === 5) writeReason(writer, packet)
  return writer.frame(PacketType.Disconnect << 4)
}

function encodeAuth(writer: FrameWriter, packet: Auth, version: ProtocolVersion): Uint8Array {
  if (version !== 5) throw new RangeError('AUTH before MQTT 5.0')
  if (packet.reasonCode !== 0 || packet.properties !== undefined) {
    // Section 3.15.2.2.2
    if (packet.properties?.authenticationMethod === undefined) throw new RangeError('AUTH without a method')
    writeReason(writer, packet)
  }
  return writer.frame(PacketType.Auth << 4)
}

/** A reason and properties at the end of a packet, where success and nothing may be left out. */
function writeReason(writer: FrameWriter, packet: Ack | Disconnect | Auth): void {
  const described = propertiesLength(packet.properties, packet.type) > 0
  if (packet.reasonCode === 0 && !described) return
  writer.byte(packet.reasonCode)
  if (described) writeProperties(writer, packet.properties, packet.type)
}

function encodeSubscribe(writer: FrameWriter, packet: Subscribe, version: ProtocolVersion): Uint8Array {
  writer.packetId(packet.packetId)
  if (version === 5) writeProperties(writer, packet.properties, PacketType.Subscribe)
  if (packet.filters.length === 0) throw new RangeError('SUBSCRIBE without a filter') // [MQTT-3.8.3-2]
  for (const { filter, qos, noLocal, retainAsPublished, retainHandling } of packet.filters) {
    if (qos > 2 || retainHandling > 2) throw new RangeError('QoS or retain handling 3')
    writeFilter(writer, filter)
    writer.byte(version === 5 ? qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4) : qos)
  }
  return writer.frame((PacketType.Subscribe << 4) | flags)
}

function encodeUnsubscribe(writer: FrameWriter, packet: Unsubscribe, version: ProtocolVersion): Uint8Array {
  writer.packetId(packet.packetId)
  if (version === 5) writeProperties(writer, packet.properties, PacketType.Unsubscribe)
  if (packet.filters.length === 0) throw new RangeError('UNSUBSCRIBE without a filter') // [MQTT-3.10.3-2]
  for (const filter of packet.filters) writeFilter(writer, filter)
  return writer.frame((PacketType.Unsubscribe << 4) | flags)
}

function writeFilter(writer: FrameWriter, filter: string): void {
  if (filter === '') throw new RangeError('an empty filter') // [MQTT-4.7.3-1]
  writer.text(filter)
}

function encodeCodes(writer: FrameWriter, packet: Suback | Unsuback, version: ProtocolVersion): Uint8Array {
  const { type, reasonCodes } = packet
  writer.packetId(packet.packetId)
  if (version === 5) writeProperties(writer, packet.properties, type)
  if (version === 5 || type === PacketType.Suback) {
    if (reasonCodes.length === 0) throw new RangeError('an answer without a reason code')
    // Before MQTT 5.0 there is one code for every failure: 0x80.
    for (const code of reasonCodes) writer.byte(version !== 5 && code > 2 ? 0x80 : code)
  }
  return writer.frame(type << 4)
}
