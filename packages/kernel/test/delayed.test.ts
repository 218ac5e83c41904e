import { memoryStorage } from '@isomq/storage-memory'
import { delayOn, failingStorage, fakeHost, slowStorage } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { allowAll, type Guard, type Message, Will } from '../src/index.ts'
import { delay, publisher, tapped, waiting } from './delay.ts'
import { message, rig, textOf } from './rig.ts'

describe('a delayed message', () => {
  it.each([0, 1, 2] as const)('of QoS %i is published when it is due, complete, and not before', async (qos) => {
    const r = await rig()
    const heard = tapped(r)
    const fields: Partial<Message> = {
      qos,
      retain: true,
      headers: [
        ['a', '1'],
        ['a', '2'],
      ],
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Uint8Array.of(1, 2),
      utf8: true,
      key: 'k',
      expiresAt: r.host.clock.now() + 9000,
    }
    const accepted = r.host.clock.now()
    expect(await delay(r, 5000, 'm', fields)).toBe('kept')
    await r.host.advance(4999)
    expect([heard, r.broker.retained.size, r.broker.delayed.size]).toEqual([[], 0, 1])
    await r.host.advance(1)
    const expected = {
      ...message('t', 'm', { ...fields, timestamp: accepted }),
      dueAt: undefined,
      recipient: undefined,
    }
    expect(heard).toEqual([expected])
    expect(r.broker.retained.get('t')).toEqual(expected)
    expect([r.broker.delayed.size, r.broker.delayed.bytes, await r.keys('delayed')]).toEqual([0, 0, []])
    await r.host.advance(100_000)
    expect(heard).toHaveLength(1)
  })

  it('of no delay is published at once, counted once', async () => {
    const r = await rig()
    const heard = tapped(r)
    const { received } = r.broker.counters
    await delay(r, 0, 'm')
    await r.host.advance(0)
    expect([heard.length, r.broker.counters.received - received]).toEqual([1, 1])
  })

  it.each([0, 1] as const)('of QoS %i is accepted only once it is durable', async (qos) => {
    const host = fakeHost()
    const later = delayOn(host.clock, 10)
    let slow = false
    const r = await rig({ host, storage: slowStorage(memoryStorage(), () => (slow ? later() : Promise.resolve())) })
    const heard = tapped(r)
    slow = true
    let accepted = false
    const kept = r.broker.publish(message('t', 'four', { qos, dueAt: host.clock.now() })) as Promise<void>
    void kept.then(() => (accepted = true))
    await host.advance(9)
    expect([accepted, heard, waiting(r), r.broker.backlog]).toEqual([false, [], [], 4])
    await host.advance(1)
    expect([accepted, heard]).toEqual([true, []])
    // It is due, and goes out once its row is gone for good.
    await host.advance(9)
    expect(heard).toEqual([])
    await host.advance(1)
    expect(heard).toHaveLength(1)
  })

  it('is owed to who has a lasting session when it is due, not to who had one when it was sent', async () => {
    const r = await rig()
    const early = await r.open('early')
    await early.subscribe('t')
    await delay(r, 5000, 'm')
    early.session.unsubscribe('t')
    const late = await r.open('late')
    await late.subscribe('t')
    await late.leave()
    await r.host.advance(5000)
    expect(early.peer.texts).toEqual([])
    expect(await r.records()).toEqual(['m'])
    expect((await r.open('late')).peer.texts).toEqual(['m'])
  })

  it('sent first goes first among those of one time; else the one due first', async () => {
    const r = await rig()
    const heard = tapped(r)
    await delay(r, 3000, 'third')
    const start = r.host.clock.now()
    for (let i = 0; i < 20; i++) await delay(r, 2000, `second ${i}`, { qos: (i % 3) as 0 | 1 | 2 })
    await delay(r, 1000, 'first')
    const all = ['first', ...Array.from({ length: 20 }, (_, i) => `second ${i}`), 'third']
    expect(waiting(r)).toEqual(all)
    await r.host.advance(1999)
    // Another way to the same time.
    await delay(r, 1, 'second last')
    expect(r.host.clock.now()).toBe(start + 1999)
    await r.host.advance(10_000)
    expect(heard.map(textOf)).toEqual([...all.slice(0, -1), 'second last', 'third'])
  })

  it('that all fall due at once go out in portions, in order', async () => {
    const r = await rig()
    const heard = tapped(r)
    const due = r.host.clock.now() + 1000
    for (let i = 0; i < 2500; i++) void r.broker.publish(message('t', String(i), { dueAt: due }))
    await r.host.settle()
    const { commits } = r.broker.counters
    await r.host.advance(1000)
    expect(heard.map(textOf)).toEqual(Array.from({ length: 2500 }, (_, i) => String(i)))
    expect(r.broker.counters.commits - commits).toBe(3)
  })

  it('large ones in smaller portions', async () => {
    const r = await rig()
    const due = r.host.clock.now() + 1000
    const text = 'x'.repeat(600_000)
    for (let i = 0; i < 5; i++) void r.broker.publish(message('t', text, { dueAt: due }))
    await r.host.settle()
    const { commits } = r.broker.counters
    await r.host.advance(1000)
    expect([r.broker.delayed.size, r.broker.counters.commits - commits]).toEqual([0, 3])
  })
})

describe('a delayed message is refused', () => {
  it.each([
    ['a/+', 'invalid-topic'],
    ['', 'invalid-topic'],
    ['a/b/c/d', 'invalid-topic'],
    ['$SYS', 'not-authorized'],
    ['$SYS/broker', 'not-authorized'],
  ])('where a direct one would be: %j', async (topic, code) => {
    const r = await rig({ limits: { topicLevels: 3 } })
    expect(await delay(r, 1000, 'm', { topic })).toBe(code)
    expect([r.broker.delayed.size, r.broker.counters.received, await r.keys('delayed')]).toEqual([0, 0, []])
  })

  it('beyond the number that is kept, and taken again when there is room', async () => {
    const r = await rig({ limits: { delayed: 2 } })
    expect(await delay(r, 1000, 'a')).toBe('kept')
    expect(await delay(r, 2000, 'b')).toBe('kept')
    expect(await delay(r, 1000, 'c')).toBe('quota-exceeded')
    expect(await r.keys('delayed')).toHaveLength(2)
    const again = await r.restart()
    expect(await delay(again, 1000, 'c')).toBe('quota-exceeded')
    await again.host.advance(1000)
    expect(await delay(again, 1000, 'c')).toBe('kept')
  })

  it('beyond the bytes that are kept', async () => {
    const r = await rig({ limits: { delayedBytes: 10 } })
    expect(await delay(r, 1000, '123456')).toBe('kept')
    expect(await delay(r, 1000, '12345')).toBe('quota-exceeded')
    expect(await delay(r, 1000, '1234')).toBe('kept')
    expect(r.broker.delayed.bytes).toBe(10)
    await r.host.advance(1000)
    expect(r.broker.delayed.bytes).toBe(0)
  })

  it('when the broker is closing', async () => {
    const r = await rig()
    await r.broker.close()
    expect(await delay(r, 1000, 'm')).toBe('shutting-down')
  })
})

describe('a delayed message that cannot be kept', () => {
  it('is refused, not counted and never published', async () => {
    const disk = { full: false }
    const storage = failingStorage(memoryStorage(), { failCommit: () => (disk.full ? 'storage-failed' : undefined) })
    const r = await rig({ storage })
    const heard = tapped(r)
    disk.full = true
    expect(await delay(r, 0, 'm')).toBe('storage-failed')
    disk.full = false
    await r.host.advance(10_000)
    expect([heard, r.broker.delayed.size, r.broker.delayed.bytes, await r.keys('delayed')]).toEqual([[], 0, 0, []])
  })
})

describe('a restart', () => {
  it('keeps what waits: when it is due, who sent it, in which order', async () => {
    const asked: unknown[] = []
    const guard: Guard = { ...allowAll, authorize: (...question) => asked.push(question) > 0 }
    const r = await rig({ guard })
    for (const text of ['1', '2', '3']) await delay(r, 5000, text, { qos: 0 })
    const before = Array.from(r.broker.delayed)
    await r.host.advance(2000)
    const again = await r.restart()
    expect(Array.from(again.broker.delayed)).toEqual(before)
    expect([again.broker.delayed.size, again.broker.delayed.bytes]).toEqual([3, 3])
    await delay(again, 3000, '4')
    const heard = tapped(again)
    await again.host.advance(2999)
    expect(heard).toEqual([])
    await again.host.advance(1)
    expect(heard.map(textOf)).toEqual(['1', '2', '3', '4'])
    expect(asked).toEqual(Array.from({ length: 4 }, () => [publisher, 'publish', 't']))
  })

  it('publishes what fell due meanwhile to who waits for it', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t')
    await delay(r, 1000, 'overdue')
    await delay(r, 1000, 'expired', { expiresAt: r.host.clock.now() + 1500 })
    await delay(r, 60_000, 'to come')
    r.host.clock.advance(0)
    const host = fakeHost()
    host.clock.advance(r.host.clock.now() + 30_000 - host.clock.now())
    const again = await rig({ storage: r.storage, host })
    await host.advance(0)
    expect((await again.open('a')).peer.texts).toEqual(['overdue'])
    expect([again.dropped('expired'), waiting(again)]).toEqual([['t'], ['to come']])
  })
})

describe('cancelling', () => {
  it('takes a message back for good', async () => {
    const r = await rig()
    const heard = tapped(r)
    for (const text of ['1', '2', '3']) await delay(r, 1000, text)
    const [, second] = r.broker.delayed
    const cancelled = r.broker.delayed.cancel(second!.id)
    await r.host.settle()
    expect(await cancelled).toBe(true)
    expect([waiting(r), r.broker.delayed.size, r.broker.delayed.bytes]).toEqual([['1', '3'], 2, 2])
    const again = await r.restart()
    expect(waiting(again)).toEqual(['1', '3'])
    await r.host.advance(1000)
    expect(heard.map(textOf)).toEqual(['1', '3'])
  })

  it('says no where there is none: never was, cancelled, published', async () => {
    const r = await rig()
    await delay(r, 1000, 'm')
    await delay(r, 2000, 'n')
    const [first, second] = Array.from(r.broker.delayed, ({ id }) => id)
    await r.host.advance(1000)
    expect(await r.broker.delayed.cancel(first!)).toBe(false)
    expect(await r.broker.delayed.cancel('nonsense')).toBe(false)
    void r.broker.delayed.cancel(second!)
    expect(await r.broker.delayed.cancel(second!)).toBe(false)
  })

  it('that the storage does not take is refused, and the message goes its way', async () => {
    const disk = { full: false }
    const storage = failingStorage(memoryStorage(), { failCommit: () => (disk.full ? 'storage-failed' : undefined) })
    const r = await rig({ storage })
    const heard = tapped(r)
    await delay(r, 5000, 'm')
    disk.full = true
    const [first] = r.broker.delayed
    const cancelled = expect(r.broker.delayed.cancel(first!.id)).rejects.toMatchObject({ code: 'storage-failed' })
    await r.host.settle()
    await cancelled
    disk.full = false
    expect([waiting(r), r.broker.delayed.size]).toEqual([['m'], 1])
    await r.host.advance(5000)
    expect(heard.map(textOf)).toEqual(['m'])
  })
})

describe('a will that is to be published later', () => {
  it('counts from when the will is published; it survives a restart on the way', async () => {
    const r = await rig()
    const a = await r.open('a', { will: new Will(message('t', 'gone', { dueAt: 5000 }), 2000, 6000) })
    const again = await r.restart()
    const heard = tapped(again)
    await again.host.advance(2000)
    expect([heard, again.broker.delayed.size]).toEqual([[], 1])
    const last = await again.restart()
    const now = last.host.clock.now()
    const finally_ = tapped(last)
    await last.host.advance(4999)
    expect(finally_).toEqual([])
    await last.host.advance(1)
    expect(finally_.map((each) => [textOf(each), each.expiresAt])).toEqual([['gone', now + 6000]])
    expect(a.peer.ended).toEqual([])
  })
})
