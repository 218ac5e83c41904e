import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Decoder } from '../../src/codec/decoder.ts'
import { encode } from '../../src/codec/encoder.ts'
import { PacketType, type Publish } from '../../src/codec/packet.ts'

const version = 5

const packet = fc.record({
  type: fc.constant(PacketType.Publish),
  topic: fc.constantFrom('t', 'a/longer/topic'),
  payload: fc
    .oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 200 }) }, fc.integer({ min: 0, max: 9000 }))
    .map((size) => Uint8Array.from({ length: size }, (_, i) => size + i * 7)),
  qos: fc.constantFrom(1 as const, 2 as const),
  dup: fc.boolean(),
  retain: fc.boolean(),
  packetId: fc.integer({ min: 1, max: 65_535 }),
  properties: fc.option(fc.constant({ correlationData: Uint8Array.of(1, 2, 3), contentType: 'x' }), { nil: undefined }),
})

function decodeAll(bytes: Uint8Array, chunk: number): { readonly packets: Publish[]; readonly chunks: Uint8Array[] } {
  const decoder = new Decoder({ role: 'client', maxPacketSize: 2 ** 28, version })
  const packets: Publish[] = []
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += chunk) {
    chunks.push(bytes.slice(at, at + chunk))
    decoder.push(chunks.at(-1)!)
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) packets.push(next as Publish)
  }
  return { packets, chunks }
}

function look(publish: Publish): unknown {
  const { topic, payload, payloadLength, qos, retain, dup, packetId, packetIdAt, properties, bytes, start } = publish
  const idOnTheWire = (bytes[start + packetIdAt]! << 8) | bytes[start + packetIdAt + 1]!
  return { topic, payload: payload.slice(), payloadLength, qos, retain, dup, packetId, properties, idOnTheWire }
}

describe('a PUBLISH that is kept', () => {
  it('is the same packet when its chunk has gone, whichever of its neighbours are kept', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(packet, fc.boolean()), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 10, max: 20_000 }),
        (list, chunk) => {
          const { packets, chunks } = decodeAll(Buffer.concat(list.map(([each]) => encode(each, version))), chunk)
          const before = structuredClone(packets.map(look))
          const stays = (i: number): boolean => list[i]![1]
          for (const [i, each] of packets.entries()) if (stays(i)) each.keep()
          // Long payloads lie in pieces of chunks that are mostly theirs: these may stay where they are.
          for (const each of chunks) if (each.length < 4096) each.fill(0xee)
          const after = packets.map(look)
          for (const [i, each] of packets.entries())
            if (stays(i) && each.payloadLength < 1000) expect(after[i]).toEqual(before[i])
        },
      ),
    )
  })

  it('lies beside its neighbour as it did, and holds little else', () => {
    const one = { type: PacketType.Publish, topic: 't', payload: new Uint8Array(64), qos: 1, dup: false } as const
    const frames = Array.from({ length: 700 }, (_, i) => encode({ ...one, retain: false, packetId: i + 1 }, version))
    const { packets } = decodeAll(Buffer.concat(frames), 65_536)
    for (const each of packets) each.keep()
    const joints = packets.filter((each, i) => i > 0 && each.bytes === packets[i - 1]!.bytes)
    for (const each of joints) expect(each.start).toBe(packets[packets.indexOf(each) - 1]!.end)
    expect(joints.length).toBeGreaterThan(650)
    expect(Math.max(...packets.map(({ bytes }) => bytes.buffer.byteLength))).toBeLessThanOrEqual(4096)
  })

  it('has correlation data of its own', () => {
    const properties = { correlationData: Uint8Array.of(1, 2, 3) }
    const one = { type: PacketType.Publish, topic: 't', payload: new Uint8Array(9), qos: 1, dup: false } as const
    const bytes = encode({ ...one, retain: false, packetId: 1, properties }, version)
    const { packets, chunks } = decodeAll(bytes, bytes.length)
    packets[0]!.keep()
    chunks[0]!.fill(0)
    expect(packets[0]!.properties).toEqual(properties)
  })
})
