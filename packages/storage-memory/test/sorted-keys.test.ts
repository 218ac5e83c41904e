import { encodeUtf8 } from '@isomq/kernel'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareUtf8, SortedKeys } from '../src/sorted-keys.ts'

// Any code point, and often one of those where UTF-8 and UTF-16 order differ.
const unit = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  fc.constantFrom('a', '\ud7ff', '\ue000', '\uff5e', '\u{10000}', '\u{1f600}', '\u{10ffff}'),
)
const key = fc.string({ unit, maxLength: 6 })

describe('compareUtf8', () => {
  it('orders as the bytes do', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Math.sign(compareBytes(a, b)))
      }),
    )
  })
})

describe('SortedKeys', () => {
  it('agrees with a sorted array, whatever is added and removed', () => {
    const short = fc.stringMatching(/^[ab\u{1f600}\uff5e]{0,4}$/u)
    fc.assert(
      fc.property(fc.array(fc.tuple(short, fc.boolean())), short, (steps, prefix) => {
        const keys = new SortedKeys()
        const model = new Set<string>()
        for (const [each, add] of steps) {
          if (add && !model.has(each)) keys.add(each)
          if (!add && model.has(each)) keys.remove(each)
          if (add) model.add(each)
          else model.delete(each)
        }
        const expected = [...model].filter((each) => each.startsWith(prefix))
        expected.sort(compareBytes)
        expect(keys.startingWith(prefix)).toEqual(expected)
      }),
    )
  })

  it('stays in order across many buckets', () => {
    const keys = new SortedKeys()
    const all = Array.from({ length: 5000 }, (_, i) => String((i * 7919) % 5000).padStart(4, '0'))
    for (const each of all) keys.add(each)
    for (const each of all) if (each.endsWith('3')) keys.remove(each)
    const left = all.filter((each) => !each.endsWith('3'))
    left.sort()
    expect(keys.startingWith('')).toEqual(left)
    expect(keys.startingWith('123')).toEqual(['1230', '1231', '1232', '1234', '1235', '1236', '1237', '1238', '1239'])
  })
})

function compareBytes(a: string, b: string): number {
  return Buffer.compare(encodeUtf8(a), encodeUtf8(b))
}
