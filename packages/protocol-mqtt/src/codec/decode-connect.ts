import type { Qos } from '@isomq/kernel'
import { readProperties } from './decode-properties.ts'
import { type Frame, hasWildcard } from './frame.ts'
import { type Connect, PacketType, type ProtocolVersion, type Will } from './packet.ts'
import type { ConnectProperties, WillProperties } from './packet-properties.ts'
import { willScope } from './property-table.ts'
import { ReasonCode } from './reason-code.ts'

const usernameFlag = 0x80
const passwordFlag = 0x40
const willRetainFlag = 0x20
const willQosFlags = 0x18
const willFlag = 0x04
const cleanStartFlag = 0x02
const reservedFlag = 0x01

/** Reads a CONNECT and sets the frame's version as soon as it is known, so that later errors carry it. */
export function decodeConnect(frame: Frame): Connect {
  own(frame)
  const version = readVersion(frame)
  frame.version = version
  const flags = frame.byte('connect flags')
  checkFlags(frame, flags, version)
  const keepAlive = frame.uint16('keep alive')
  const properties = version === 5 ? readProperties<ConnectProperties>(frame, PacketType.Connect) : undefined
  if (properties?.authenticationData !== undefined && properties.authenticationMethod === undefined)
    throw frame.forbidden('authentication data without a method') // section 3.1.2.11.10
  // The order of the payload is fixed [MQTT-3.1.3-1]; the client id is always there [MQTT-3.1.3-3].
  const clientId = frame.text('client id') // [MQTT-3.1.3-4]
  const will = (flags & willFlag) === 0 ? undefined : readWill(frame, flags)
  // [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.3-12]
  const username = announced(frame, flags & usernameFlag) ? frame.text('user name') : undefined
  // [MQTT-3.1.2-18] [MQTT-3.1.2-19]
  const password = announced(frame, flags & passwordFlag) ? frame.binary('password') : undefined
  frame.done()
  const cleanStart = (flags & cleanStartFlag) !== 0
  return { type: PacketType.Connect, version, cleanStart, keepAlive, clientId, will, username, password, properties }
}

/** Gives the packet bytes of its own: what CONNECT says is kept for long, the chunk it came in is not. */
function own(frame: Frame): void {
  frame.bytes = frame.bytes.slice(frame.at, frame.end)
  frame.end -= frame.at
  frame.start = 0
  frame.at = 0
}

/**
 * The protocol name and level: `MQIsdp` 3, `MQTT` 4 or 5 [MQTT-3.1.2-2]. Under another name it is no MQTT, and nobody
 * knows how to answer it [MQTT-3.1.2-1] [MQTT-3.1.2-1 of 3.1.1].
 */
function readVersion(frame: Frame): ProtocolVersion {
  const bytes = frame.binary('protocol name')
  let name = ''
  for (let i = 0; i < bytes.length && i < 8; i++) name += String.fromCharCode(bytes[i]!)
  if (name !== 'MQTT' && name !== 'MQIsdp') throw frame.malformed('unknown protocol name')
  const level = frame.byte('protocol level')
  if (name === 'MQTT' ? level === 4 || level === 5 : level === 3) return level as ProtocolVersion
  throw frame.fault(ReasonCode.UnsupportedProtocolVersion, `unsupported protocol level ${level}`)
}

function checkFlags(frame: Frame, flags: number, version: ProtocolVersion): void {
  if ((flags & reservedFlag) !== 0) throw frame.malformed('reserved connect flag') // [MQTT-3.1.2-3]
  if ((flags & willFlag) === 0) {
    // [MQTT-3.1.2-11] [MQTT-3.1.2-13]; MQTT 3.1 disregards both without a Will.
    if (version !== 3 && (flags & willQosFlags) !== 0) throw frame.malformed('will QoS without a will')
    if (version !== 3 && (flags & willRetainFlag) !== 0) throw frame.malformed('will retain without a will')
  } else if ((flags & willQosFlags) === willQosFlags) throw frame.malformed('will QoS 3') // [MQTT-3.1.2-12] [MQTT-3.1.2-14]
  // [MQTT-3.1.2-22 of 3.1.1]; MQTT 5.0 allows it.
  if (version !== 5 && (flags & (usernameFlag | passwordFlag)) === passwordFlag)
    throw frame.malformed('password without a user name')
}

/** Whether a field is there whose flag is set. In MQTT 3.1 the length of the packet has the last word. */
function announced(frame: Frame, flag: number): boolean {
  return flag !== 0 && (frame.version !== 3 || frame.at < frame.end)
}

// [MQTT-3.1.2-9]
function readWill(frame: Frame, flags: number): Will {
  const properties = frame.version === 5 ? readProperties<WillProperties>(frame, willScope) : undefined
  const start = frame.at + 2
  const topic = frame.text('will topic') // [MQTT-3.1.3-11]
  if (topic === '') throw frame.malformed('will topic is empty') // [MQTT-4.7.3-1]
  if (hasWildcard(frame.bytes, start, frame.at)) {
    const reason = frame.version === 5 ? ReasonCode.TopicNameInvalid : ReasonCode.MalformedPacket
    throw frame.fault(reason, 'will topic has a wildcard') // [MQTT-4.7.0-1]
  }
  const payload = frame.binary('will payload')
  const qos = ((flags & willQosFlags) >> 3) as Qos
  return { topic, payload, qos, retain: (flags & willRetainFlag) !== 0, properties }
}
