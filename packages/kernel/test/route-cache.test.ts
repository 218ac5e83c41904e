import { describe, expect, it } from 'vitest'
import { RouteCache } from '../src/route-cache.ts'

interface Value {
  readonly id: number
  readonly weight: number
}

function hits(cache: RouteCache<Value>, topics: readonly string[]): number {
  return topics.filter((topic) => cache.get(topic) !== undefined).length
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}/${i}`)
}

describe('RouteCache', () => {
  it('keeps ten thousand topics that come round and round', () => {
    const cache = new RouteCache<Value>()
    const topics = names('t', 10_000)
    for (const [id, topic] of topics.entries()) expect(cache.offer(topic, { id, weight: 1 })).toBe(true)
    for (let round = 0; round < 3; round++) expect(hits(cache, topics)).toBe(10_000)
    expect(cache.get('t/77')).toEqual({ id: 77, weight: 1 })
  })

  it('stays bounded, and keeps what is asked for, while a million others come once', () => {
    const cache = new RouteCache<Value>()
    const often = names('often', 1000)
    for (const [id, topic] of often.entries()) cache.offer(topic, { id, weight: 1 })
    let largest = 0
    let missed = 0
    for (let i = 0; i < 1_000_000; i++) {
      cache.offer(`once/${i}`, { id: i, weight: 1 })
      if (i % 10 === 0 && cache.get(often[(i / 10) % 1000]!) === undefined) missed++
      largest = Math.max(largest, cache.size)
    }
    expect(largest).toBeLessThanOrEqual(32_768)
    expect(missed).toBe(0)
    expect(cache.get('once/1')).toBeUndefined()
  })

  it('lets a new set of topics in, if not at once, after others came once', () => {
    const cache = new RouteCache<Value>()
    for (let i = 0; i < 100_000; i++) cache.offer(`once/${i}`, { id: i, weight: 1 })
    const topics = names('new', 1000)
    for (let round = 0; round < 100; round++)
      for (const [id, topic] of topics.entries())
        if (cache.get(topic) === undefined) cache.offer(topic, { id, weight: 1 })
    expect(hits(cache, topics)).toBeGreaterThan(990)
  })

  it('is bounded by weight, too, and knows a topic once', () => {
    const cache = new RouteCache<Value>()
    for (let id = 0; id < 100; id++) cache.offer(`heavy/${id}`, { id, weight: 300_000 })
    expect(cache.size).toBeLessThanOrEqual(6)
    const fresh = new RouteCache<Value>()
    for (let id = 0; id < 10; id++) fresh.offer('again', { id, weight: 400_000 })
    expect([fresh.size, fresh.get('again')]).toEqual([1, { id: 9, weight: 400_000 }])
  })
})
