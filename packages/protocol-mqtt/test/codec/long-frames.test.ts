import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { Decoder } from '../../src/codec/decoder.ts'
import { encode } from '../../src/codec/encoder.ts'
import { type OutgoingPacket, PacketType, type ProtocolVersion, type Publish } from '../../src/codec/packet.ts'

// Many runs each; a busy machine gets the time it needs.
vi.setConfig({ testTimeout: 30_000 })

const sizes = fc.integer({ min: 0, max: 60_000 })

/** A packet whose payload or properties are long enough to lie in several pieces. */
const long = fc.record({
  type: fc.constant(PacketType.Publish),
  topic: fc.string({ minLength: 1, maxLength: 20 }).map((s) => `t/${s.replaceAll(/[+#\0]|\p{Cs}/gu, '')}`),
  payload: sizes.map((size) => Uint8Array.from({ length: size }, (_, i) => i * 31)),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  dup: fc.constant(false),
  retain: fc.boolean(),
  packetId: fc.integer({ min: 1, max: 65_535 }),
  properties: fc.option(
    fc.record({ correlationData: sizes.map((size) => new Uint8Array(size).fill(7)), contentType: fc.constant('x') }),
    { nil: undefined },
  ),
})

/** Decodes these bytes cut at these places, which ascend. */
function decodeCut(bytes: Uint8Array, cuts: readonly number[], version: ProtocolVersion): Publish[] {
  const decoder = new Decoder({ role: 'client', maxPacketSize: 2 ** 28, version })
  const found: Publish[] = []
  let at = 0
  for (const end of [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length]) {
    decoder.push(bytes.slice(at, end))
    at = end
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) found.push(packet as Publish)
  }
  return found
}

describe.each([4, 5] as const)('long frames of version %i', (version) => {
  it('are the same packets wherever they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(long, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(40_000), { maxLength: 12 }),
        (packets, steps) => {
          let place = 0
          const cuts = steps.map((step) => (place += step))
          const frames = packets.map((packet) => encode(packet as OutgoingPacket, version))
          const bytes = new Uint8Array(Buffer.concat(frames))
          const found = decodeCut(bytes, cuts, version)
          expect(found.length).toBe(packets.length)
          for (const [i, publish] of found.entries()) {
            const sent = packets[i]!
            expect(publish.topic).toBe(sent.topic)
            expect(publish.packetId).toBe(sent.qos === 0 ? 0 : sent.packetId)
            expect(Buffer.compare(publish.payload, sent.payload)).toBe(0)
            if (version === 5)
              expect(publish.properties?.correlationData?.length).toBe(sent.properties?.correlationData.length)
            // What is passed on as it came is the frame, to the byte.
            const passed = [
              publish.bytes.subarray(publish.start, Math.min(publish.end, publish.bytes.length)),
              ...(publish.rest ?? []),
            ]
            expect(Buffer.compare(Buffer.concat(passed), frames[i]!)).toBe(0)
          }
        },
      ),
      { numRuns: 150 },
    )
  })
})

it('a long payload that comes in pieces is not joined before somebody looks at it', () => {
  const payload = new Uint8Array(50_000).fill(1)
  const publish = {
    type: PacketType.Publish,
    topic: 't',
    payload,
    qos: 0 as const,
    dup: false,
    retain: false,
    packetId: 0,
  }
  const [found] = decodeCut(encode(publish, 4), [20_000, 40_000], 4)
  expect(found?.rest?.map((piece) => piece.length)).toEqual([20_000, 10_007])
  expect(found?.payload).toEqual(payload)
})
