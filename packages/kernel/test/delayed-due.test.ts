import { memoryStorage } from '@isomq/storage-memory'
import { delayOn, failingStorage, fakeHost, slowStorage } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { allowAll, BrokerError, type Guard } from '../src/index.ts'
import { delay, publisher, tapped, waiting } from './delay.ts'
import { message, rig, textOf } from './rig.ts'

describe('a delayed message, when it is due,', () => {
  it('is dropped and counted if it has expired, and not a moment later', async () => {
    const r = await rig()
    const heard = tapped(r)
    const now = r.host.clock.now()
    await delay(r, 5000, 'gone', { topic: 'gone', expiresAt: now + 5000 })
    await delay(r, 5000, 'there', { topic: 'there', expiresAt: now + 5001 })
    const { dropped } = r.broker.counters
    await r.host.advance(5000)
    expect(heard.map((each) => [each.topic, each.expiresAt])).toEqual([['there', now + 5001]])
    expect([r.dropped('expired'), r.broker.counters.dropped - dropped]).toEqual([['gone'], 1])
    await r.host.advance(1000)
    expect(await r.keys('delayed')).toEqual([])
  })

  it.each([
    ['says no', (): boolean => false, 0],
    ['says no later', (): Promise<boolean> => Promise.resolve(false), 0],
    ['refuses', (): boolean => fail(new BrokerError('not-authorized')), 0],
    ['throws', (): boolean => fail(new Error('broken')), 1],
    ['rejects', (): Promise<boolean> => Promise.reject(new Error('broken')), 1],
    ['says neither yes nor no', (): boolean => undefined as unknown as boolean, 1],
  ])('is dropped and counted if the guard %s', async (_, authorize, reports) => {
    const asked: unknown[] = []
    const guard: Guard = {
      ...allowAll,
      authorize: (...question) => {
        asked.push(question)
        return authorize()
      },
    }
    const r = await rig({ guard })
    const heard = tapped(r)
    await delay(r, 1000, 'm')
    // To ask when it is accepted is up to the protocol.
    expect(asked).toEqual([])
    await r.host.advance(2000)
    expect(asked).toEqual([[publisher, 'publish', 't']])
    expect([heard, r.dropped('not-authorized'), r.host.reports.length]).toEqual([[], ['t'], reports])
    expect([r.broker.delayed.size, await r.keys('delayed')]).toEqual([0, []])
  })

  it('of the broker itself needs nobody to allow it', async () => {
    const r = await rig({ guard: { ...allowAll, authorize: () => false } })
    const heard: string[] = []
    r.broker.tap('$SYS/#', (each) => heard.push(each.topic))
    void r.broker.publish(message('$SYS/x', 'm', { dueAt: r.host.clock.now() + 1000 }))
    await r.host.settle()
    const again = await r.restart()
    again.broker.tap('$SYS/#', (each) => heard.push(each.topic))
    await again.host.advance(1000)
    expect(heard).toEqual(['$SYS/x'])
  })

  it('waits for a guard that thinks, as do those behind it of the same publisher, and nobody else', async () => {
    const answers: ((yes: boolean) => void)[] = []
    const guard: Guard = {
      ...allowAll,
      authorize: ({ clientId }) => (clientId === 'publisher' ? new Promise((answer) => answers.push(answer)) : true),
    }
    const r = await rig({ guard })
    const heard = tapped(r)
    for (const text of ['1', '2', '3']) await delay(r, 1000, text)
    const dueAt = r.host.clock.now() + 1000
    void r.broker.publish(message('t', 'other', { publisher: 'other', dueAt }), { clientId: 'other' })
    await r.host.advance(2000)
    expect([heard.map(textOf), answers.length, r.broker.delayed.size]).toEqual([['other'], 1, 3])
    for (const yes of [true, false, true]) {
      answers.shift()!(yes)
      await r.host.settle()
    }
    expect([heard.map(textOf), r.broker.delayed.size]).toEqual([['other', '1', '3'], 0])
  })

  it('is dropped and counted if it may not be retained any more', async () => {
    const r = await rig({ limits: { retained: 1 } })
    const heard = tapped(r)
    await delay(r, 1000, 'm', { retain: true })
    await r.publish('other', 'full', { retain: true })
    await r.host.advance(1000)
    expect([heard.map(textOf), r.dropped('rejected'), r.broker.delayed.size]).toEqual([['full'], ['t'], 0])
  })

  it('is dropped and counted if its topic is none any more', async () => {
    const r = await rig()
    await delay(r, 1000, 'm', { topic: 'a/b/c' })
    const again = await rig({ host: r.host, storage: r.storage, limits: { topicLevels: 2 } })
    await r.broker.close()
    await r.host.advance(1000)
    expect([again.dropped('rejected'), again.broker.delayed.size]).toEqual([['a/b/c'], 0])
  })

  it('is tried again if the storage fails, in order, retained messages and all', async () => {
    const disk = { full: false }
    const storage = failingStorage(memoryStorage(), { failCommit: () => (disk.full ? 'storage-failed' : undefined) })
    const r = await rig({ storage })
    const a = await r.open('a')
    await a.subscribe('t', { qos: 2 })
    const heard = tapped(r)
    for (const text of ['1', '2']) await delay(r, 1000, text, { qos: 2, retain: true })
    await delay(r, 1500, '3', { qos: 2 })
    disk.full = true
    await r.host.advance(1700)
    expect([heard, waiting(r), r.broker.delayed.size]).toEqual([[], ['1', '2', '3'], 3])
    expect([r.broker.delayed.bytes, r.broker.retained.size]).toEqual([3, 0])
    disk.full = false
    await r.host.advance(2000)
    expect(heard.map(textOf)).toEqual(['1', '2', '3'])
    expect([a.peer.texts, await r.records()]).toEqual([
      ['1', '2', '3'],
      ['1', '2', '3'],
    ])
    expect(textOf(r.broker.retained.get('t')!)).toBe('2')
    expect([r.broker.delayed.size, await r.keys('delayed')]).toEqual([0, []])
  })

  it('does not overtake what the storage is about to refuse', async () => {
    const host = fakeHost()
    const later = delayOn(host.clock, 10)
    const disk = { slow: false, full: false }
    const failing = failingStorage(memoryStorage(), { failCommit: () => (disk.full ? 'storage-failed' : undefined) })
    const r = await rig({ host, storage: slowStorage(failing, () => (disk.slow ? later() : Promise.resolve())) })
    const heard = tapped(r)
    await delay(r, 1000, '1')
    await host.advance(999)
    disk.slow = true
    // Due at the same time, and durable while the first is on its way.
    void r.broker.publish(message('t', '2', { dueAt: host.clock.now() + 1 }))
    await host.advance(10)
    disk.full = true
    await host.advance(10)
    disk.full = false
    await host.advance(5000)
    expect(heard.map(textOf)).toEqual(['1', '2'])
  })

  it('nothing goes out after the broker was closed, guard or no guard', async () => {
    let answer: ((yes: boolean) => void) | undefined
    const guard: Guard = {
      ...allowAll,
      authorize: (_, __, topic) => topic !== 'slow' || new Promise((resolve) => (answer = resolve)),
    }
    const r = await rig({ guard })
    const heard = tapped(r)
    await delay(r, 1000, 'slow', { topic: 'slow' })
    await delay(r, 2000, 'm')
    await r.host.advance(1000)
    await r.broker.close()
    answer?.(true)
    await r.host.advance(10_000)
    expect([heard, r.host.clock.pending]).toEqual([[], 0])
    expect(await r.keys('delayed')).toHaveLength(2)
  })
})

function fail(error: Error): never {
  throw error
}
