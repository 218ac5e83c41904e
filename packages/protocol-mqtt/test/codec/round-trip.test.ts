import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { encode } from '../../src/codec/encoder.ts'
import { PacketType, packetName } from '../../src/codec/packet.ts'
import { packets, streams } from './arbitraries.ts'
import { drain, hello, join, plain, readerOf } from './frames.ts'

// Many runs each; a busy machine gets the time it needs.
vi.setConfig({ testTimeout: 30_000 })

const versions = [3, 4, 5] as const

const ack = (packetId: number): Uint8Array => encode({ type: 4, packetId, reasonCode: 0 }, 4)

describe('what is encoded is decoded', () => {
  it.each(versions)('any packet of version %i, whole', (version) => {
    const seen = new Set<number>()
    fc.assert(
      fc.property(packets(version), (sent) => {
        seen.add(sent.packet.type)
        const decoder = readerOf(sent, version)
        expect(drain(decoder, encode(sent.packet, version)).map(plain)).toEqual([plain(sent.packet)])
        expect(decoder.version).toBe(version)
      }),
      { numRuns: 3000 },
    )
    expect(new Set([...seen].map(packetName)).size).toBe(version === 5 ? 15 : 14)
  })
})

describe('chunks mean nothing', () => {
  // Two conversations, one per direction, cut anywhere.
  it('any cuts give the same packets', () => {
    fc.assert(
      fc.property(streams(12), fc.array(fc.nat(40), { maxLength: 20 }), ({ version, sent }, steps) => {
        for (const from of ['client', 'server'] as const) {
          const mine = sent.filter((one) => one.from === from && one.packet.type !== PacketType.Connect)
          if (mine.length === 0) continue
          const bytes = join(...mine.map((one) => encode(one.packet, version)))
          const places = [0]
          for (const step of steps) places.push(Math.min(bytes.length, places.at(-1)! + step))
          places.push(bytes.length)
          const chunks = places.slice(1).map((end, i) => bytes.slice(places[i], end))
          expect(drain(readerOf(mine[0]!, version), ...chunks).map(plain)).toEqual(mine.map((one) => plain(one.packet)))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('single bytes give the same packets, and all chunks may wait before the first is read', () => {
    fc.assert(
      fc.property(streams(5), ({ version, sent }) => {
        const mine = sent.filter((one) => one.from === 'client' && one.packet.type !== PacketType.Connect)
        const bytes = join(hello(version), ...mine.map((one) => encode(one.packet, version)))
        const chunks = Array.from(bytes, (byte) => Uint8Array.of(byte))
        const opening = { from: 'client', packet: { type: PacketType.Connect } } as Parameters<typeof readerOf>[0]
        const expected = mine.map((one) => plain(one.packet))
        expect(
          drain(readerOf(opening, version), ...chunks)
            .slice(1)
            .map(plain),
        ).toEqual(expected)

        const late = readerOf(opening, version)
        for (const chunk of chunks) late.push(chunk)
        expect(drain(late, new Uint8Array(0)).slice(1).map(plain)).toEqual(expected)
      }),
      { numRuns: 200 },
    )
  })

  it('a reader may stop after any packet, and chunks that come meanwhile wait their turn', () => {
    const decoder = readerOf({ from: 'client', packet: { type: PacketType.Pingreq } }, 4)
    decoder.push(join(ack(1), ack(2), ack(3).subarray(0, 1)))
    expect(decoder.next()).toMatchObject({ packetId: 1 })
    decoder.push(join(ack(3).subarray(1), ack(4)))
    decoder.push(ack(5))
    expect(decoder.next()).toMatchObject({ packetId: 2 })
    expect(decoder.next()).toMatchObject({ packetId: 3 })
    expect(decoder.next()).toMatchObject({ packetId: 4 })
    decoder.push(ack(6))
    expect(decoder.next()).toMatchObject({ packetId: 5 })
    expect(decoder.next()).toMatchObject({ packetId: 6 })
    expect(decoder.next()).toBeUndefined()
    expect(decoder.next()).toBeUndefined()
  })

  it('a frame within one chunk is not copied', () => {
    const bytes = encode(
      { type: 3, topic: 't', payload: Uint8Array.of(7), qos: 1, dup: false, retain: false, packetId: 9 },
      5,
    )
    const chunk = join(bytes, bytes)
    const found = drain(readerOf({ from: 'server', packet: { type: PacketType.Pingresp } }, 5), chunk)
    expect(found).toHaveLength(2)
    for (const [i, packet] of found.entries()) {
      if (packet.type !== PacketType.Publish) throw new Error('not a PUBLISH')
      expect(packet.bytes).toBe(chunk)
      expect([packet.start, packet.end]).toEqual([i * bytes.length, (i + 1) * bytes.length])
      expect(packet.payload.buffer).toBe(chunk.buffer)
      expect([...packet.payload]).toEqual([7])
    }
  })

  it('what a CONNECT says does not live in the chunk', () => {
    const password = Uint8Array.of(1, 2, 3)
    const chunk = encode(
      { type: 1, version: 4, cleanStart: true, keepAlive: 1, clientId: 'c', username: 'u', password },
      4,
    )
    const [connect] = drain(readerOf({ from: 'client', packet: { type: 1 } as never }, 4), chunk)
    chunk.fill(0xff)
    expect(connect).toMatchObject({ password })
  })
})
