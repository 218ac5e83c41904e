import { Decoder } from '../../src/codec/decoder.ts'
import { encode } from '../../src/codec/encoder.ts'
import { type OutgoingPacket, type Packet, PacketType, type ProtocolVersion } from '../../src/codec/packet.ts'
import type { Sent } from './arbitraries.ts'

/** Bytes from hexadecimal digits; blanks do not count. */
export function hex(digits: string): Uint8Array {
  const dense = digits.replaceAll(/\s/g, '')
  return Uint8Array.from({ length: dense.length / 2 }, (_, i) => Number.parseInt(dense.slice(i * 2, i * 2 + 2), 16))
}

/** These arrays one after the other. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** The fields of a packet and nothing else, so that packets of any making compare. Undefined fields are left out. */
export function plain(packet: OutgoingPacket): unknown {
  if (packet.type !== PacketType.Publish) return tidy(packet)
  const { type, topic, payload, qos, dup, retain, packetId, properties } = packet
  return tidy({ type, topic, payload, qos, dup, retain, packetId, properties })
}

function tidy(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(tidy)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => [key, tidy(inner)]),
  )
}

/** A decoder that reads what `sent` says. */
export function readerOf(sent: Sent, version: ProtocolVersion): Decoder {
  const role = sent.from === 'client' ? 'server' : 'client'
  const opens = sent.packet.type === PacketType.Connect
  return new Decoder({ role, maxPacketSize: 0x10000000, version: opens ? undefined : version })
}

/** All packets these chunks hold. */
export function drain(decoder: Decoder, ...chunks: readonly Uint8Array[]): Packet[] {
  const found: Packet[] = []
  for (const chunk of chunks) {
    decoder.push(chunk)
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) found.push(packet)
  }
  return found
}

/** A CONNECT of a version that asks for nothing. */
export function hello(version: ProtocolVersion): Uint8Array {
  return encode({ type: 1, version, cleanStart: true, keepAlive: 0, clientId: 'c' }, version)
}
