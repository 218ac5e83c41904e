import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFilter, isTopic, matches } from '../src/topic.ts'
import { TopicTree } from '../src/topic-tree.ts'

const level = fc.constantFrom('', 'a', 'b', '$', '$a', '\u00e9', '\u{1f600}', '__proto__', 'constructor')
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 3 }), fc.oneof(level, fc.constantFrom('+', '#')))
  .map(([head, last]) => [...head, last].join('/'))
  .filter(isFilter)
const topics = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))
  .filter(isTopic)

type Pair = readonly [topic: string, value: number]

function found(tree: TopicTree<Pair>, filter: string): Pair[] {
  const pairs: Pair[] = []
  tree.find(filter, (pair) => void pairs.push(pair))
  return pairs
}

function churned(i: number): string {
  return `client ${i}/number ${i}/x`
}

describe('TopicTree', () => {
  it('agrees with matches and with a Map, whatever is set and deleted before', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('set'), text: topics, value: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), text: topics, value: fc.nat() }) },
      // One of those set before: a topic drawn at random is seldom there.
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('undo'), text: topics, value: fc.nat() }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('find'), text: filters, value: fc.nat() }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), fc.integer(), (steps, seed) => {
        const tree = new TopicTree<Pair>(seed)
        const model = new Map<string, number>()
        for (const { kind, text, value } of steps) {
          if (kind === 'set') {
            tree.set(text, [text, value])
            model.set(text, value)
          } else if (kind === 'find') {
            const expected = [...model].filter(([topic]) => matches(text, topic))
            const pairs = found(tree, text)
            expect(pairs).toHaveLength(expected.length)
            expect(new Map(pairs)).toEqual(new Map(expected))
          } else {
            const topic = kind === 'undo' ? ([...model.keys()][value % (model.size || 1)] ?? text) : text
            expect(tree.get(topic)?.[1]).toBe(model.get(topic))
            expect(tree.delete(topic)).toBe(model.delete(topic))
            expect(tree.get(topic)).toBeUndefined()
          }
          expect(tree.size).toBe(model.size)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('stops when visit returns false', () => {
    const tree = new TopicTree<Pair>()
    for (let i = 0; i < 100; i++) tree.set(`a/${i}/b`, [`a/${i}/b`, i])
    for (const filter of ['#', '+/+/b', 'a/#', 'a/7/b']) {
      let visits = 0
      tree.find(filter, () => {
        visits++
        return false
      })
      expect(visits).toBe(1)
    }
    expect(found(tree, '#')).toHaveLength(100)
  })

  it('has no value where a topic only leads on', () => {
    const tree = new TopicTree<Pair>()
    tree.set('a/b', ['a/b', 1])
    expect([tree.get('a'), tree.delete('a'), found(tree, 'a'), found(tree, '+')]).toEqual([undefined, false, [], []])
    tree.set('a', ['a', 2])
    expect([tree.delete('a/b'), tree.get('a')]).toEqual([true, ['a', 2]])
  })

  it('values may be replaced while they are visited', () => {
    const tree = new TopicTree<Pair>()
    for (let i = 0; i < 100; i++) tree.set(`a/${i}`, [`a/${i}`, i])
    let visits = 0
    tree.find('a/#', ([topic, value]) => {
      visits++
      tree.set(topic, [topic, -value])
    })
    expect([visits, tree.size, tree.get('a/7')]).toEqual([100, 100, ['a/7', -7]])
  })

  it('keeps its capacity under churn with ever new topics, and prunes emptied branches', () => {
    const tree = new TopicTree<Pair>()
    for (let i = 0; i < 1000; i++) tree.set(churned(i), [churned(i), i])
    const { capacity } = tree
    for (let i = 1000; i < 200_000; i++) {
      tree.delete(churned(i - 1000))
      tree.set(churned(i), [churned(i), i])
    }
    expect(tree.size).toBe(1000)
    expect(tree.capacity).toBeLessThanOrEqual(2 * capacity)
    expect(found(tree, '+/+/+')).toHaveLength(1000)
    expect(found(tree, 'client 199999/#')).toEqual([[churned(199_999), 199_999]])
    expect(found(tree, 'client 5/#')).toEqual([])
  })

  it('survives the deepest topics and filters', () => {
    const tree = new TopicTree<Pair>()
    const slashes = '/'.repeat(65_535)
    tree.set(slashes, [slashes, 1])
    tree.set('/'.repeat(29_999), ['/'.repeat(29_999), 2])
    expect(found(tree, '#')).toHaveLength(2)
    expect(found(tree, slashes)).toEqual([[slashes, 1]])
    expect(found(tree, `${'+/'.repeat(29_999)}+`).map((pair) => pair[1])).toEqual([2])
    expect(found(tree, `${'+/'.repeat(32_767)}#`).map((pair) => pair[1])).toEqual([1])
    expect(tree.delete(slashes)).toBe(true)
    expect(found(tree, '/#').map((pair) => pair[1])).toEqual([2])
  })
})
