import { encodeUtf8 } from '@isomq/kernel'
import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { readText } from '../../src/codec/text.ts'
import { TopicCache, topicFault } from '../../src/codec/topic-cache.ts'

// Many runs each; a busy machine gets the time it needs.
vi.setConfig({ testTimeout: 30_000 })

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

  it('names that are nearly alike are told apart', () => {
    // Tens of thousands of them share a thousand places: some meet that differ only in their last byte, or their length.
    const cache = new TopicCache()
    const words = Array.from({ length: 36 ** 3 }, (_, i) => `w${i.toString(36).padStart(3, '0')}`)
    for (const [front, back] of [
      ['', ''],
      ['', 'tail'],
      ['head', ''],
      ['he', ''],
      ['h', 'tail'],
    ])
      for (const word of words) {
        const name = `${front}${word}${back}`
        if (read(cache, encodeUtf8(name)) !== name) expect.fail(name)
      }
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

describe('text', () => {
  const ascii = 'The quick brown fox jumps'

  it('is read to the last character, wherever it begins and ends', () => {
    const bytes = encodeUtf8(ascii)
    for (let start = 0; start <= bytes.length; start++)
      for (let end = start; end <= bytes.length; end++)
        expect(readText(bytes, start, end)).toBe(ascii.slice(start, end))
  })

  it('[MQTT-1.5.4-1] [MQTT-1.5.4-2] is refused for U+0000 or a stray byte in any place', () => {
    for (let at = 0; at < ascii.length; at++)
      for (const wrong of [0, 0x80, 0xff])
        expect(readText(encodeUtf8(ascii).fill(wrong, at, at + 1), 0, ascii.length)).toBeUndefined()
  })

  it('[MQTT-1.5.4-2] is refused for U+0000 behind letters that are not ASCII', () => {
    const bytes = encodeUtf8('\u00fcber\0all')
    expect(readText(bytes, 0, bytes.length)).toBeUndefined()
  })

  it('[MQTT-1.5.4-3] may be of any letters', () => {
    for (let at = 0; at < ascii.length; at++)
      for (const letter of ['\u00e9', '\u20ac', '\u{1f600}', '\ufeff']) {
        const text = ascii.slice(0, at) + letter + ascii.slice(at)
        const bytes = encodeUtf8(text)
        expect(readText(bytes, 0, bytes.length)).toBe(text)
      }
  })
})
