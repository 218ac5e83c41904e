import { memoryStorage } from '@isomq/storage-memory'
import { failingStorage } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { createBroker } from '../src/index.ts'
import { rig, type Rig, textOf } from './rig.ts'

const history = { filters: ['kept/#'] }
const period = 10_000

/** Publishes, and lets the broker work where nobody has to wait for it either. */
async function publish(r: Rig, ...args: Parameters<Rig['publish']>): Promise<string> {
  const outcome = await r.publish(...args)
  await r.host.settle()
  return outcome
}

async function texts(r: Rig, from = 0, limit = 1000): Promise<string[]> {
  const { records } = await r.broker.history.read(from, { limit })
  return records.map(({ message }) => textOf(message))
}

describe('a history', () => {
  it('keeps what its filters match, at every QoS, though nobody waits for it', async () => {
    const r = await rig({ history })
    await publish(r, 'kept/a', 'zero', { qos: 0 })
    await publish(r, 'other', 'never', { qos: 1 })
    expect(await publish(r, 'kept/b', 'one', { qos: 1 })).toBe('kept')
    await publish(r, 'kept/c', 'two', { qos: 2 })
    expect(await texts(r)).toEqual(['zero', 'one', 'two'])
    await r.host.advance(10 * period)
    expect(await texts(r)).toEqual(['zero', 'one', 'two'])
  })

  it('keeps one record of what sessions are owed, too', async () => {
    const r = await rig({ history })
    const a = await r.open('a')
    await a.subscribe('kept/#')
    await publish(r, 'kept/a', 'once')
    expect(a.peer.texts).toEqual(['once'])
    a.session.outbound.ack(1)
    await r.host.advance(10 * period)
    expect(await texts(r)).toEqual(['once'])
  })

  it('delivers QoS 0 at once, whatever the disk does', async () => {
    const disk = { fails: false }
    const storage = failingStorage(memoryStorage(), { failCommit: () => (disk.fails ? 'storage-failed' : undefined) })
    const r = await rig({ history, storage })
    const a = await r.open('a', { expiry: 0 })
    await a.subscribe('kept/#')
    disk.fails = true
    expect(await publish(r, 'kept/a', 'live', { qos: 0 })).toBe('void')
    expect(a.peer.texts).toEqual(['live'])
    disk.fails = false
    await r.host.advance(period)
    await publish(r, 'kept/a', 'later', { qos: 0 })
    expect(await texts(r)).toEqual(['later'])
  })

  it('hands out nothing that was kept before somebody came', async () => {
    const r = await rig({ history })
    await publish(r, 'kept/a', 'before')
    await publish(r, 'kept/a', 'before', { qos: 0 })
    const a = await r.open('a')
    await a.subscribe('kept/#')
    const again = await r.restart()
    const b = await again.open('a')
    expect(b.resumed).toBe(true)
    expect(b.peer.texts).toEqual([])
    expect(await texts(again)).toEqual(['before', 'before'])
  })

  it('owes a record of QoS 0 to nobody after a restart', async () => {
    const r = await rig({ history })
    const a = await r.open('a')
    await a.subscribe('kept/#')
    await a.leave()
    await publish(r, 'kept/a', 'lost', { qos: 0 })
    await publish(r, 'kept/a', 'owed', { qos: 1 })
    const again = await r.restart()
    const b = await again.open('a')
    b.session.outbound.pump()
    await again.host.settle()
    expect(b.peer.texts).toEqual(['owed'])
  })

  it('forgets what is older than its age', async () => {
    const r = await rig({ history: { ...history, maxAge: 100 * period } })
    await publish(r, 'kept/a', 'old')
    await r.host.advance(50 * period)
    await publish(r, 'kept/a', 'young')
    await r.host.advance(70 * period)
    expect(await texts(r)).toEqual(['young'])
    const again = await r.restart()
    await again.host.advance(20 * period)
    expect(await texts(again)).toEqual(['young'])
    await again.host.advance(100 * period)
    expect(await texts(again)).toEqual([])
    expect(again.host.clock.pending).toBe(0)
  })

  it('forgets what is beyond its bytes without waiting for its time, also after a restart', async () => {
    const r = await rig({ history: { ...history, maxBytes: 1600 } })
    for (let i = 0; i < 400; i++) await publish(r, 'kept/a', `${i}`.padStart(10, '0'))
    const kept = await texts(r)
    expect(kept.length).toBeGreaterThan(120)
    expect(kept.length).toBeLessThanOrEqual(180)
    expect(kept.at(-1)).toBe('399'.padStart(10, '0'))
    const again = await r.restart()
    for (let i = 400; i < 800; i++) await publish(again, 'kept/a', `${i}`.padStart(10, '0'))
    expect((await texts(again)).length).toBeLessThanOrEqual(180)
  })

  it('does not take from those who sleep what they are owed', async () => {
    const r = await rig({ history: { ...history, maxBytes: 160, maxAge: period } })
    const a = await r.open('a', { credit: 1000 })
    await a.subscribe('kept/#')
    await a.leave()
    for (let i = 0; i < 50; i++) await publish(r, 'kept/a', `${i}`.padStart(10, '0'))
    await r.host.advance(10 * period)
    const back = await r.open('a', { credit: 1000 })
    back.session.outbound.pump()
    await r.host.settle()
    expect(back.peer.texts).toHaveLength(50)
  })

  it('is read from a time on', async () => {
    const r = await rig({ history })
    for (const time of [1000, 2000, 2000, 3000]) await publish(r, 'kept/a', `${time}`, { timestamp: time })
    expect(await Promise.all([0, 1000, 1001, 2000, 3000, 3001].map((time) => r.broker.history.at(time)))).toEqual([
      0, 0, 1, 1, 3, 4,
    ])
  })

  it('is read in parts, and by choice', async () => {
    const r = await rig({ history })
    for (const text of ['a', 'b', 'c', 'd']) await publish(r, 'kept/a', text)
    const first = await r.broker.history.read(0, { limit: 2 })
    expect(first.records.map(({ offset }) => offset)).toEqual([0, 1])
    const rest = await r.broker.history.read(first.next, { limit: 9, where: (message) => textOf(message) === 'd' })
    expect(rest.records.map(({ message }) => textOf(message))).toEqual(['d'])
    expect(rest.next).toBe(4)
    expect(await r.broker.history.range()).toEqual({ start: 0, end: 4 })
  })

  it('does not show copies of retained messages that subscribers are owed', async () => {
    const r = await rig({ history })
    await publish(r, 'kept/a', 'retained', { retain: true })
    const a = await r.open('a')
    await a.subscribe('kept/#')
    await a.leave()
    await r.host.settle()
    expect(await texts(r)).toEqual(['retained'])
  })

  it('tells who watches, when there is something to read', async () => {
    const r = await rig({ history })
    const seen: number[] = []
    const stop = r.broker.history.watch(() => void texts(r).then((all) => seen.push(all.length)))
    await publish(r, 'kept/a', 'one', { qos: 0 })
    await r.host.settle()
    await publish(r, 'other', 'two')
    await r.host.settle()
    stop()
    await publish(r, 'kept/a', 'three')
    await r.host.settle()
    expect(seen).toEqual([1])
  })

  it('of a filter that is none is refused', async () => {
    const r = await rig()
    const options = { storage: memoryStorage(), host: r.host, history: { filters: ['a/#/b'] } }
    await expect(createBroker(options)).rejects.toMatchObject({ code: 'invalid-filter', message: /a\/#\/b/ })
  })
})
