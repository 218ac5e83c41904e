import { allowAll, type Storage } from '@isomq/kernel'
import { memoryStorage } from '@isomq/storage-memory'
import { describe, expect, it, vi } from 'vitest'
import { FilterTrie } from '../../../kernel/src/filter-trie.ts'
import { publishes, type Wires, wires } from './wires.ts'

const encoded = vi.hoisted(() => ({ publishes: 0 }))

vi.mock('../../src/codec/encode-publish.ts', async (original) => {
  const actual = await original<typeof import('../../src/codec/encode-publish.ts')>()
  return {
    ...actual,
    publishTemplate(...args: Parameters<typeof actual.publishTemplate>) {
      encoded.publishes++
      return actual.publishTemplate(...args)
    },
  }
})

const count = 200
const match = vi.spyOn(FilterTrie.prototype, 'match')

interface Cost {
  /** Writes to the subscriber that got most of them. */
  readonly writes: number
  /** Writes to the publisher. */
  readonly answers: number
  readonly encodes: number
  readonly lookups: number
}

/** What a round of messages has cost. Counts depend on no machine. */
function cost({ publisher, subscribers }: Wires): Cost {
  return {
    writes: Math.max(...subscribers.map(({ sent }) => sent.length)),
    answers: publisher.sent.length,
    encodes: encoded.publishes,
    lookups: match.mock.calls.length,
  }
}

/** What a turn writes may lie in a few pieces, however many messages it is. */
const few = expect.toSatisfy((writes: number) => writes >= 1 && writes <= 4)

function clear({ publisher, subscribers }: Wires): void {
  for (const wire of [publisher, ...subscribers]) wire.sent = []
  encoded.publishes = 0
  match.mockClear()
}

async function round(w: Wires, frames: Uint8Array): Promise<Cost> {
  clear(w)
  w.publisher.feed(frames)
  await w.host.settle()
  return cost(w)
}

describe('a chunk with 200 messages costs', () => {
  it('QoS 0, known topic: one write for each subscriber, nothing encoded, nothing looked up', async () => {
    const w = await wires(100, { filter: 't/+', qos: 0 })
    const frames = publishes(count, () => 't/a', 0)
    expect(await round(w, frames)).toEqual({ writes: few, answers: 0, encodes: 0, lookups: 1 })
    expect(await round(w, frames)).toEqual({ writes: few, answers: 0, encodes: 0, lookups: 0 })
  })

  it('QoS 0, new topics: one look-up each', async () => {
    const w = await wires(1, { filter: '#', qos: 0 })
    const frames = publishes(count, (i) => `t/${i}`, 0)
    expect(await round(w, frames)).toEqual({ writes: few, answers: 0, encodes: 0, lookups: count })
    expect(await round(w, frames)).toEqual({ writes: few, answers: 0, encodes: 0, lookups: 0 })
  })

  it('QoS 1 to many: the packets that came in, one write each, and one with all PUBACKs', async () => {
    const w = await wires(100, { filter: 't/+', qos: 1 })
    const frames = publishes(20, () => 't/a', 1)
    await round(w, frames)
    for (const wire of w.subscribers) wire.feed(wire.pubacks())
    expect(await round(w, frames)).toEqual({ writes: few, answers: 1, encodes: 0, lookups: 0 })
  })

  it('subscribing elsewhere: no look-up', async () => {
    const w = await wires(1, { filter: 't/+', qos: 0 })
    const frames = publishes(count, (i) => `t/${i}`, 0)
    await round(w, frames)
    const [session] = w.broker.sessions
    session!.subscribe('elsewhere/a', { qos: 0 })
    session!.subscribe('elsewhere/+/b', { qos: 0 })
    session!.unsubscribe('elsewhere/a')
    expect(await round(w, frames)).toEqual({ writes: few, answers: 0, encodes: 0, lookups: 0 })
    session!.subscribe('t/7', { qos: 0 })
    expect(await round(w, frames)).toEqual({ writes: few, answers: 0, encodes: 0, lookups: 1 })
  })

  it('a guard: one question for each topic', async () => {
    const authorize = vi.fn(() => true)
    const receives = vi.fn(() => true)
    const w = await wires(10, { filter: 't/+', qos: 0 }, { guard: { ...allowAll, authorize, receives } })
    const frames = publishes(count, (i) => `t/${i % 2}`, 0)
    authorize.mockClear()
    await round(w, frames)
    await round(w, frames)
    expect([authorize.mock.calls.length, receives.mock.calls.length]).toEqual([2, 20])
  })

  it('QoS 1 to durable sessions: one commit with one record for each message', async () => {
    const inner = memoryStorage()
    const commit = vi.fn(inner.commit.bind(inner))
    const storage: Storage = {
      ...inner,
      log: inner.log.bind(inner),
      table: inner.table.bind(inner),
      close: inner.close.bind(inner),
      commit,
    }
    const w = await wires(10, { filter: 't/+', qos: 1, durable: true }, { storage })
    commit.mockClear()
    expect(
      await round(
        w,
        publishes(20, () => 't/a', 1),
      ),
    ).toEqual({ writes: few, answers: 1, encodes: 0, lookups: 1 })
    expect(commit.mock.calls.map(([{ appends }]) => appends.map(({ records }) => records.length))).toEqual([[20]])
  })
})
