import { encodeUtf8 } from '@isomq/kernel'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TopicCache, topicFault } from '../../src/codec/topic-cache.ts'

const read = (cache: TopicCache, bytes: Uint8Array): string => cache.read(bytes, 0, bytes.length)

describe('the topic cache', () => {
  it('any bytes mean the same with it, twice over and at any place', () => {
    const cache = new TopicCache()
    const topic = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 300 })
      .map((text) => text.replaceAll(/[\0+#]/g, '/'))
    fc.assert(
      fc.property(fc.array(topic, { minLength: 1, maxLength: 10 }), fc.nat(9), (topics, shift) => {
        for (const text of [...topics, ...topics]) {
          const bytes = new Uint8Array(shift + 3 * text.length + 9).fill(0x23)
          const own = encodeUtf8(text)
          bytes.set(own, shift)
          expect(cache.read(bytes, shift, shift + own.length)).toBe(text)
        }
      }),
    )
  })

  it('more names than it holds push each other out and stay right', () => {
    const cache = new TopicCache()
    const names = Array.from({ length: 20_000 }, (_, i) => `sensors/${i}/temperature`)
    for (let pass = 0; pass < 2; pass++) for (const name of names) expect(read(cache, encodeUtf8(name))).toBe(name)
  })

  it('a name that is no topic is never kept', () => {
    const cache = new TopicCache()
    for (const digits of [[], [0x23], [0x61, 0x2b], [0x61, 0], [0xff], [0xc3], [0xed, 0xa0, 0x80]])
      for (let pass = 0; pass < 2; pass++) expect(read(cache, Uint8Array.from(digits))).toBe('')
  })

  it('spreads names that differ in one place over its slots', () => {
    // A hit gives back the very string; built anew it would be equal but the table would have missed.
    const cache = new TopicCache()
    const names = Array.from({ length: 1000 }, (_, i) =>
      encodeUtf8(`fleet/truck-${String(i).padStart(4, '0')}/position/gps`),
    )
    for (const name of names) read(cache, name)
    expect(cache.size).toBeGreaterThan(900)
  })

  it.each([
    ['empty', []],
    ['ill-formed', [0x61, 0]],
    ['ill-formed', [0xff]],
    ['wildcard', [0x61, 0x2f, 0x23]],
  ] as const)('%s names have their reason', (fault, bytes) => {
    expect(topicFault(Uint8Array.from(bytes), 0, bytes.length)).toBe(fault)
  })
})
