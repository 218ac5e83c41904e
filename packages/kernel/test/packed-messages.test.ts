import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeMessage } from '../src/message-codec.ts'
import { PackedMessages } from '../src/packed-messages.ts'
import { message, textOf } from './rig.ts'

const lengths = fc.oneof(fc.nat({ max: 300 }), fc.constantFrom(20_000, 65_400, 65_536, 100_000))

describe('packed messages', () => {
  it('come back as they were, in any order, with bytes of their own', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(lengths, fc.nat()), { maxLength: 12 }), (pairs) => {
        const packed = new PackedMessages()
        const all = pairs.map(([length, order], i) => {
          const each = message(`t/${i}`, String(i % 10).repeat(length))
          return { order, each, number: packed.add(encodeMessage(each)) }
        })
        for (const { each, number } of all.sort((a, b) => a.order - b.order)) {
          const taken = packed.take(number)
          expect(taken.topic).toBe(each.topic)
          expect(textOf(taken) === textOf(each)).toBe(true)
          expect(taken.payload.buffer.byteLength).toBeLessThanOrEqual(2 * taken.payload.length + 256)
        }
        // The one that is being filled stays.
        expect(packed.chunks).toBe(Math.min(1, pairs.length))
      }),
      { numRuns: 50 },
    )
  })

  it('take no more than their bytes and one array', () => {
    const packed = new PackedMessages()
    const encoded = encodeMessage(message('t', 'x'.repeat(64)))
    const numbers = Array.from({ length: 10_000 }, () => packed.add(encoded))
    expect(packed.chunks).toBeLessThanOrEqual(Math.ceil((10_000 * encoded.length) / 65_000))
    for (const number of numbers.slice(5000)) packed.take(number)
    expect(packed.chunks).toBeLessThanOrEqual(Math.ceil((5000 * encoded.length) / 65_000) + 2)
  })

  it('that are damaged are refused', () => {
    expect(() => new PackedMessages().take(new PackedMessages().add(new Uint8Array(4)))).toThrow()
    const packed = new PackedMessages()
    expect(() => packed.take(packed.add(new Uint8Array(40)))).toThrow(RangeError)
  })
})
