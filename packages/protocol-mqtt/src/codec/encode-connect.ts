import { writeProperties } from './encode-properties.ts'
import { type FrameWriter } from './frame-writer.ts'
import { type Connack, type Connect, PacketType, type ProtocolVersion } from './packet.ts'
import { willScope } from './property-table.ts'

/** Encodes a CONNECT in the version it names. */
export function encodeConnect(writer: FrameWriter, packet: Connect): Uint8Array {
  const { version, will, username, password } = packet
  // [MQTT-3.1.2-22 of 3.1.1]
  if (version !== 5 && password !== undefined && username === undefined)
    throw new RangeError('a password without a user name')
  writer.text(version === 3 ? 'MQIsdp' : 'MQTT')
  writer.byte(version)
  let flags = packet.cleanStart ? 0x02 : 0
  if (will !== undefined) flags |= 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0)
  if (username !== undefined) flags |= 0x80
  if (password !== undefined) flags |= 0x40
  writer.byte(flags)
  writer.uint16(packet.keepAlive)
  if (version === 5) writeProperties(writer, packet.properties, PacketType.Connect)
  writer.text(packet.clientId)
  if (will !== undefined) {
    if (will.topic === '' || will.qos > 2) throw new RangeError('a will without a topic, or with QoS 3')
    if (version === 5) writeProperties(writer, will.properties, willScope)
    writer.text(will.topic)
    writer.binary(will.payload)
  }
  if (username !== undefined) writer.text(username)
  if (password !== undefined) writer.binary(password)
  return writer.frame(PacketType.Connect << 4)
}

/** Encodes a CONNACK. A refusal never says that a session is present [MQTT-3.2.2-6]. */
export function encodeConnack(writer: FrameWriter, packet: Connack, version: ProtocolVersion): Uint8Array {
  if (version !== 5 && packet.reasonCode > 5) throw new RangeError(`return code ${packet.reasonCode} before MQTT 5.0`)
  writer.byte(packet.sessionPresent && packet.reasonCode === 0 ? 1 : 0)
  writer.byte(packet.reasonCode)
  if (version === 5) writeProperties(writer, packet.properties, PacketType.Connack)
  return writer.frame(PacketType.Connack << 4)
}
