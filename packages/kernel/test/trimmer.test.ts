import { memoryStorage } from '@isomq/storage-memory'
import { failingStorage } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { rig, type Rig } from './rig.ts'

const period = 10_000

async function range(r: Rig): Promise<readonly [start: number, end: number]> {
  const { start, end } = await r.storage.log('$sessions').range()
  return [start, end]
}

describe('the log forgets', () => {
  it('what everybody has, up to the lowest place of any reader', async () => {
    const r = await rig()
    const [fast, slow] = [await r.open('fast'), await r.open('slow')]
    await fast.subscribe('t')
    await slow.subscribe('t')
    for (const text of ['0', '1', '2', '3']) await r.publish('t', text)
    for (const tag of [1, 2, 3, 4]) fast.session.outbound.ack(tag)
    for (const tag of [1, 3]) slow.session.outbound.ack(tag)
    await r.host.advance(period)
    expect(await range(r)).toEqual([1, 4])
    for (const tag of [2, 4]) slow.session.outbound.ack(tag)
    await r.host.advance(period)
    expect(await range(r)).toEqual([4, 4])
    expect(r.host.clock.pending).toBe(0)
  })

  it('not what a group has to give out or to have settled', async () => {
    const r = await rig()
    const a = await r.open('a', { credit: 1 })
    await a.subscribe('t', { group: 'g' })
    for (const text of ['0', '1', '2']) await r.publish('t', text)
    a.session.outbound.ack(1)
    await r.host.advance(period)
    expect(await range(r)).toEqual([1, 3])
    a.session.outbound.ack(2)
    a.session.outbound.ack(3)
    await r.host.advance(period)
    expect(await range(r)).toEqual([3, 3])
  })

  it('not what a session waits for that has stopped being durable', async () => {
    const r = await rig({ limits: { queuedBytes: 1 } })
    const a = await r.open('a', { credit: 1 })
    await a.subscribe('t')
    for (const text of ['zero', 'one', 'two']) await r.publish('t', text)
    const again = await r.open('a', { expiry: 0, credit: 1 })
    await r.host.advance(period)
    for (const tag of [1, 2]) {
      again.session.outbound.ack(tag)
      await r.host.settle()
    }
    expect(again.peer.texts).toEqual(['zero', 'one', 'two'])
  })

  it('after a restart too, though nothing comes any more', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t')
    await r.publish('t')
    a.session.outbound.ack(1)
    await r.host.advance(1000)
    const again = await r.restart()
    await again.host.advance(period)
    expect(await range(again)).toEqual([1, 1])
  })

  it('later when the storage fails, though nothing comes any more', async () => {
    let failing = false
    const fail = (): 'storage-failed' | undefined => (failing ? 'storage-failed' : undefined)
    const r = await rig({ storage: failingStorage(memoryStorage(), { failCommit: fail }) })
    const a = await r.open('a')
    await a.subscribe('t')
    await r.publish('t', '0')
    a.session.outbound.ack(1)
    await r.host.advance(period - 1)
    failing = true
    await r.host.advance(1)
    expect(await range(r)).toEqual([0, 1])
    failing = false
    await r.host.advance(period)
    expect(await range(r)).toEqual([1, 1])
  })

  it('the oldest when it grows beyond its limit, and counts what it drops', async () => {
    const r = await rig({ limits: { logBytes: 160 } })
    const a = await r.open('a')
    await a.subscribe('t')
    await a.leave()
    for (let i = 0; i < 60; i++) await r.publish('t', String(i).padStart(10, '0'))
    const [start, end] = await range(r)
    expect(end).toBe(60)
    expect((end - start) * 10).toBeLessThanOrEqual(160)
    expect(end - start).toBeGreaterThanOrEqual(14)
    expect(r.dropped('queue-full')).toHaveLength(start)
    expect(Number((await r.open('a')).peer.texts[0])).toBe(start)
  })

  it('counting what was there before a restart', async () => {
    const r = await rig({ limits: { logBytes: 160 } })
    const a = await r.open('a')
    await a.subscribe('t')
    await a.leave()
    for (let i = 0; i < 15; i++) await r.publish('t', '0123456789')
    const again = await r.restart()
    for (let i = 0; i < 5; i++) await again.publish('t', '0123456789')
    const [start, end] = await range(again)
    expect((end - start) * 10).toBeLessThanOrEqual(160)
  })

  it('what has waited longer than it may, and counts what it drops', async () => {
    const r = await rig({ limits: { logAge: 60_000 } })
    const a = await r.open('a')
    await a.subscribe('t')
    const b = await r.open('b')
    await b.subscribe('t', { group: 'g' })
    await a.leave()
    await b.leave()
    for (let i = 0; i < 10; i++) {
      await r.publish('t', String(i))
      await r.host.advance(period)
    }
    // A part of the log is as old as its youngest record, and a sixteenth of the time long at most.
    expect(await range(r)).toEqual([4, 10])
    expect(r.dropped('queue-full')).toHaveLength(8)
    await r.host.advance(60_000)
    expect(await range(r)).toEqual([10, 10])
    expect((await r.open('a')).peer.texts).toEqual([])
  })

  it('what was too old before a restart', async () => {
    const r = await rig({ limits: { logAge: 60_000 } })
    const a = await r.open('a')
    await a.subscribe('t')
    await a.leave()
    await r.publish('t', 'old')
    await r.host.advance(50_000)
    await r.publish('t', 'young')
    const again = await r.restart()
    await again.host.advance(2 * period)
    expect(await again.records()).toEqual(['young'])
    expect((await again.open('a')).peer.texts).toEqual(['young'])
  })

  it('what has expired, though somebody who sleeps has nothing else', async () => {
    const r = await rig()
    const reader = await r.open('reader')
    await reader.subscribe('#')
    for (const id of ['sleeper', 'other']) {
      const sleeper = await r.open(id)
      await sleeper.subscribe('t', id === 'other' ? { group: 'g' } : {})
      await sleeper.leave()
    }
    const expiresAt = r.host.clock.now() + 5000
    for (const topic of ['t', 'u', 't', 'u']) await r.publish(topic, topic, topic === 't' ? { expiresAt } : {})
    for (const tag of [1, 2, 3, 4]) reader.session.outbound.ack(tag)
    await r.host.advance(period)
    expect(await range(r)).toEqual([4, 4])
    expect([r.dropped('expired'), r.broker.counters.kept]).toEqual([['', '', '', ''], 0])
  })

  it('not what has not expired, nor what waits behind that', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t')
    await a.leave()
    const expiresAt = r.host.clock.now() + 5000
    await r.publish('t', 'gone', { expiresAt })
    await r.publish('t', 'stays')
    await r.publish('t', 'gone too', { expiresAt })
    await r.host.advance(period)
    expect(await range(r)).toEqual([1, 3])
    expect((await r.open('a')).peer.texts).toEqual(['stays'])
  })
})
