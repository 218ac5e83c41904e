import { type Frame } from './frame.ts'
import { type MalformedPacket } from './malformed-packet.ts'
import { PacketType, type ProtocolVersion, packetName } from './packet.ts'
import { ReasonCode } from './reason-code.ts'

// The first byte of a frame says its type and flags. Whether a peer may send it now is one look into a table of 256
// reason codes, 0 meaning yes, so that a wrong packet is refused before its second byte is here.

/** Who reads: a server refuses what only servers send, a client what only clients send. */
export type Role = 'server' | 'client'

const malformed = ReasonCode.MalformedPacket
const forbidden = ReasonCode.ProtocolError

const fromServerOnly: ReadonlySet<number> = new Set([
  PacketType.Connack,
  PacketType.Suback,
  PacketType.Unsuback,
  PacketType.Pingresp,
])
const fromClientOnly: ReadonlySet<number> = new Set([
  PacketType.Connect,
  PacketType.Subscribe,
  PacketType.Unsubscribe,
  PacketType.Pingreq,
])
const flagged: ReadonlySet<number> = new Set([PacketType.Pubrel, PacketType.Subscribe, PacketType.Unsubscribe])

const tables = new Map<string, Uint8Array>()

/** For each first byte the reason code to refuse it with, or 0. `version` 0: CONNECT is still to come. The table is shared: do not write. */
export function admission(role: Role, version: ProtocolVersion | 0): Uint8Array {
  const key = `${role} ${version}`
  let table = tables.get(key)
  if (table === undefined) {
    table = Uint8Array.from({ length: 256 }, (_, first) => verdict(first, role, version))
    tables.set(key, table)
  }
  return table
}

/** The error for a first byte that its table refuses. */
export function refusal(frame: Frame, reason: number): MalformedPacket {
  const { type, flags, version } = frame
  if (type === 0) return frame.malformed('packet type 0')
  if (reason === malformed) {
    if (type === PacketType.Publish) return frame.malformed((flags & 6) === 6 ? 'QoS 3' : 'DUP with QoS 0')
    if (type === PacketType.Auth && version !== 5) return frame.malformed('not a packet of this version')
    return frame.malformed('reserved flags of the fixed header')
  }
  if (version === 0) return frame.forbidden(`the first packet must be ${packetName(PacketType.Connect)}`)
  if (type === PacketType.Connect && frame.fromClient) return frame.forbidden('a second time')
  return frame.forbidden(`not a packet ${frame.fromClient ? 'clients' : 'servers'} send`)
}

function verdict(first: number, role: Role, version: ProtocolVersion | 0): number {
  const type = first >> 4
  const flags = first & 15
  if (type === 0) return malformed
  // [MQTT-3.1.0-1], and only one CONNECT [MQTT-3.1.0-2]
  if (version === 0 && type !== PacketType.Connect) return forbidden
  if (!flagsAllowed(type, flags, version)) return malformed
  if (type === PacketType.Auth && version !== 5) return malformed
  if (role === 'client')
    return fromClientOnly.has(type) || (type === PacketType.Disconnect && version !== 5) ? forbidden : 0
  return fromServerOnly.has(type) || (type === PacketType.Connect && version !== 0) ? forbidden : 0
}

function flagsAllowed(type: number, flags: number, version: ProtocolVersion | 0): boolean {
  if (type === PacketType.Publish) {
    const qos = (flags >> 1) & 3
    return qos !== 3 && (qos !== 0 || (flags & 8) === 0) // [MQTT-3.3.1-4] [MQTT-3.3.1-2]
  }
  // [MQTT-2.1.3-1] [MQTT-2.2.2-2 of 3.1.1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]
  if (!flagged.has(type)) return flags === 0
  // In MQTT 3.1 these three travel with QoS 1 and may be sent again with DUP.
  return flags === 2 || (flags === 10 && version === 3)
}
