import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeUtf8, readUtf8, utf8Length, writeUtf8 } from '../src/utf8.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

const units = fc.array(
  fc.oneof(fc.nat({ max: 0xffff }), fc.integer({ min: 0xd7f0, max: 0xe010 }), fc.nat({ max: 0x7ff })),
)
const text = fc.oneof(
  units.map((codes) => String.fromCharCode(...codes)),
  fc.string({ unit: 'binary' }),
)

describe('utf8', () => {
  it('writes what a TextEncoder writes, lone surrogates included', () => {
    fc.assert(
      fc.property(text, (string) => {
        const expected = encoder.encode(string)
        expect(encodeUtf8(string)).toEqual(expected)
        expect(utf8Length(string)).toBe(expected.length)
        const target = new Uint8Array(expected.length + 4)
        expect(writeUtf8(string, target, 3)).toBe(expected.length + 3)
        expect(target.subarray(3, -1)).toEqual(expected)
      }),
      { numRuns: 1000 },
    )
  })

  it('reads long texts whole, whatever lies where they are cut for the engine', () => {
    for (const length of [1022, 1023, 1024, 1025, 70_000]) {
      for (const end of ['', 'x', '\u00e9', '\u20ac', '\u{1f600}', '\u{10ffff}x']) {
        const long = 'x'.repeat(length) + end
        const bytes = encoder.encode(long)
        expect(readUtf8(bytes, 0, bytes.length) === long).toBe(true)
      }
    }
  })

  it('reads what a strict TextDecoder reads, and refuses what it refuses', () => {
    const pieces = [
      [0x41],
      [0xc3, 0xa9],
      [0xe2, 0x82, 0xac],
      [0xf0, 0x9f, 0x98, 0x80],
      [0xef, 0xbb, 0xbf],
      [0xf4, 0x8f, 0xbf, 0xbf],
      [0xc0, 0x80],
      [0xe0, 0x80, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf0, 0x80, 0x80, 0x80],
      [0xf5],
      [0xe2, 0x82],
      [0x80],
    ]
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((parts) => Uint8Array.from(parts.flat())),
      text.map((string) => encoder.encode(string)),
    )
    fc.assert(
      fc.property(bytes, (array) => {
        expect(readUtf8(array, 0, array.length)).toBe(decoded(array))
        const inside = Uint8Array.from([0xff, ...array, 0xbf])
        expect(readUtf8(inside, 1, inside.length - 1)).toBe(decoded(array))
      }),
      { numRuns: 3000 },
    )
  })
})
