import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FilterTrie } from '../src/filter-trie.ts'
import { isFilter, isTopic, matches } from '../src/topic.ts'

const names = ['', 'a', 'b', '$', '$a', '\u00e9', '\u{1f600}', '__proto__', 'constructor', '0', '-1']
const level = fc.constantFrom(...names, 'a level that is longer than a few characters')
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.oneof(level, fc.constantFrom('+', '#')))
  .map(([head, last]) => [...head, last].join('/'))
  .filter(isFilter)
const topics = fc
  .array(level, { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('/'))
  .filter(isTopic)

interface Value {
  readonly id: number
}

function found(trie: FilterTrie<Value>, topic: string): number[] {
  const into: Value[] = []
  trie.match(topic, into)
  return into.map((value) => value.id)
}

/** How often each id is there, whatever the order. */
function tally(ids: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}

function churned(i: number): string {
  return `client ${i}/${i % 7 === 0 ? '+' : `number ${i}`}/${i % 3 === 0 ? '#' : 'x'}`
}

describe('FilterTrie', () => {
  it('agrees with matches, whatever is added and removed before', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('add'), text: filters, id: fc.nat(5) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove'), text: filters, id: fc.nat(5) }) },
      // One of those added before: a filter drawn at random is seldom there.
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('undo'), text: fc.constant(''), id: fc.nat(100) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('match'), text: topics, id: fc.constant(0) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), fc.integer(), (steps, seed) => {
        const values: Value[] = [0, 1, 2, 3, 4, 5].map((id) => ({ id }))
        const trie = new FilterTrie<Value>(seed)
        const model = new Map<string, readonly [filter: string, id: number]>()
        for (const { kind, text, id } of steps) {
          if (kind === 'match') {
            const expected = [...model.values()].filter(([filter]) => matches(filter, text)).map((pair) => pair[1])
            expect(tally(found(trie, text))).toEqual(tally(expected))
          } else if (kind === 'add') {
            trie.add(text, values[id]!)
            model.set(`${id} ${text}`, [text, id])
          } else {
            const [filter, of] =
              kind === 'remove' ? [text, id] : ([...model.values()][id % (model.size || 1)] ?? ['x', 0])
            const there = model.delete(`${of} ${filter}`)
            expect(trie.remove(filter, values[of]!)).toBe(there)
          }
          expect(trie.size).toBe(model.size)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('gives the values of one filter in the order they were added', () => {
    const trie = new FilterTrie<Value>()
    const values = Array.from({ length: 10 }, (_, id) => ({ id }))
    for (const value of values) trie.add('a/+', value)
    trie.remove('a/+', values[3]!)
    trie.add('a/+', values[3]!)
    const into: Value[] = []
    trie.match('a/b', into)
    expect(into.map((value) => value.id)).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9, 3])
  })

  it('appends, and takes sets and arrays as values', () => {
    const trie = new FilterTrie<object>()
    const set = new Set([1, 2])
    trie.add('a', set)
    trie.add('#', [3])
    const into: object[] = [{ first: true }]
    trie.match('a', into)
    expect(into).toEqual([{ first: true }, [3], set])
    expect(trie.remove('a', new Set([1, 2]))).toBe(false)
    expect(trie.remove('a', set)).toBe(true)
  })

  it('keeps its capacity under churn with ever new filters', () => {
    const trie = new FilterTrie<Value>()
    const value = { id: 1 }
    const other = { id: 2 }
    for (let i = 0; i < 1000; i++) trie.add(churned(i), value)
    const { capacity } = trie
    for (let i = 1000; i < 200_000; i++) {
      trie.remove(churned(i - 1000), value)
      trie.add(churned(i), value)
      trie.add(churned(i), other)
      trie.remove(churned(i), other)
    }
    expect(trie.size).toBe(1000)
    expect(trie.capacity).toBeLessThanOrEqual(2 * capacity)
    expect(found(trie, `client 199999/number 199999/x`)).toEqual([1])
    expect(found(trie, `client 100000/number 100000/x`)).toEqual([])
  })

  it('agrees with a naive matcher over a long life of growing and shrinking, and gives everything back', () => {
    const trie = new FilterTrie<Value>(7)
    const { capacity } = trie
    const held = new Map<string, Value>()
    let state = 1
    const chance = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return (state >>> 8) % below
    }
    const part = (): string => (chance(4) === 0 ? '+' : `${chance(12)}`)
    const filterOf = (): string =>
      [...Array.from({ length: 1 + chance(3) }, part), chance(5) === 0 ? '#' : part()].join('/')
    let checks = 0
    for (const [phase, adds] of [9, 1, 8, 0, 9, 0].entries()) {
      for (let i = 0; i < 20_000; i++) {
        const filter = adds === 0 ? (held.keys().next().value ?? 'none') : filterOf()
        const value = held.get(filter)
        if (chance(10) < adds && value === undefined) {
          const fresh = { id: phase * 100_000 + i }
          held.set(filter, fresh)
          trie.add(filter, fresh)
        } else if (value !== undefined && chance(10) >= adds) {
          held.delete(filter)
          expect(trie.remove(filter, value)).toBe(true)
        }
        if (i % 100 !== 0) continue
        const topic = Array.from({ length: 1 + chance(5) }, () => `${chance(12)}`).join('/')
        const expected = [...held].filter(([each]) => matches(each, topic)).map(([, { id }]) => id)
        expect(tally(found(trie, topic))).toEqual(tally(expected))
        checks += expected.length
      }
      expect(trie.size).toBe(held.size)
    }
    expect(checks).toBeGreaterThan(1000)
    expect([trie.size, trie.capacity > capacity]).toEqual([0, true])
    const value = { id: 0 }
    for (let i = 0; i < 100_000; i++) trie.add(churned(i), value)
    for (let i = 0; i < 100_000; i++) trie.remove(churned(i), value)
    expect([trie.size, trie.capacity]).toEqual([0, capacity])
    trie.add('a/b', value)
    expect(found(trie, 'a/b')).toEqual([0])
  })

  it('takes 100,000 values off one filter', () => {
    const trie = new FilterTrie<Value>()
    const values = Array.from({ length: 100_000 }, (_, id) => ({ id }))
    for (const value of values) trie.add('all/of/them', value)
    expect(found(trie, 'all/of/them')).toHaveLength(100_000)
    for (const value of values) trie.remove('all/of/them', value)
    expect(trie.size).toBe(0)
    expect(found(trie, 'all/of/them')).toEqual([])
  })

  it('survives the deepest topics and filters', () => {
    const trie = new FilterTrie<Value>()
    const slashes = '/'.repeat(65_535)
    const deep: [string, string][] = [
      [slashes, slashes],
      [`${'+/'.repeat(29_999)}+`, '/'.repeat(29_999)],
      [`${'+/'.repeat(32_767)}#`, '/'.repeat(40_000)],
    ]
    for (const [id, [filter]] of deep.entries()) trie.add(filter, { id })
    for (const [id, [, topic]] of deep.entries()) expect(found(trie, topic)).toContain(id)
    expect(found(trie, '/'.repeat(29_998))).toEqual([])
  })

  it('finds all of many filters that differ in where their + stand', () => {
    const trie = new FilterTrie<Value>()
    // All of {a,+}^10: 1024 filters, each covering the topic.
    for (let id = 0; id < 1024; id++) {
      trie.add(Array.from({ length: 10 }, (_, bit) => ((id >> bit) & 1 ? '+' : 'a')).join('/'), { id })
    }
    expect(found(trie, Array.from({ length: 10 }, () => 'a').join('/'))).toHaveLength(1024)
    expect(found(trie, Array.from({ length: 10 }, () => 'b').join('/'))).toEqual([1023])
  })

  it('keeps levels apart that are alike, whatever the seed', () => {
    // With seed 0 all runs of U+0000 have the same hash.
    for (const seed of [0, 1, -1, 2 ** 31, 0x9e37_79b1, 123.5]) {
      const trie = new FilterTrie<Value>(seed)
      for (let id = 0; id < 5000; id++) trie.add(`${id - (id % 5)}/${'\0'.repeat(id % 5)}`, { id })
      for (let id = 0; id < 5000; id += 7) {
        expect(found(trie, `${id - (id % 5)}/${'\0'.repeat(id % 5)}`)).toEqual([id])
      }
    }
  })
})
