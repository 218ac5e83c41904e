import { describe, expect, it } from 'vitest'
import { failingStorage } from '@isomq/testkit'
import { memoryStorage } from '@isomq/storage-memory'
import { message, rig } from './rig.ts'

describe('placement', () => {
  it.each([1, 2] as const)('QoS %i is appended once, however many durable sessions wait', async (qos) => {
    const r = await rig()
    for (const id of ['a', 'b', 'c']) await (await r.open(id)).subscribe('t/#', { qos })
    await (await r.open('d')).subscribe('t/#', { group: 'g' })
    expect(await r.publish('t/1', 'm', { qos })).toBe('kept')
    expect(await r.records()).toEqual(['m'])
    expect(r.broker.counters.stored).toBe(1)
  })

  it('nothing is appended when nobody waits who outlives his connection', async () => {
    const r = await rig()
    await (await r.open('short', { expiry: 0 })).subscribe('t')
    await (await r.open('unready')).subscribe('t', { qos: 0 })
    await (await r.open('elsewhere')).subscribe('u')
    expect(await r.publish('t')).toBe('void')
    expect(await r.publish('t', 'm', { qos: 2 })).toBe('void')
    expect(await r.records()).toEqual([])
  })

  it('QoS 0 is never appended and never waits', async () => {
    const r = await rig()
    const { subscribe, peer } = await r.open('a')
    await subscribe('t', { qos: 2 })
    expect(r.broker.publish(message('t', 'm', { qos: 0 }))).toBe(undefined)
    expect(peer.texts).toEqual(['m'])
    expect(await r.records()).toEqual([])
  })

  it('a session stops being waited for when it ends', async () => {
    const r = await rig()
    const a = await r.open('a', { expiry: 1000 })
    await a.subscribe('t')
    await a.leave()
    expect(await r.publish('t', '1')).toBe('kept')
    await r.host.advance(1000)
    expect(await r.publish('t', '2')).toBe('void')
  })

  it('one turn is one commit, and the order is that of publishing', async () => {
    let commits = 0
    const storage = failingStorage(memoryStorage(), { failCommit: () => void commits++ })
    const r = await rig({ storage })
    const { subscribe, peer } = await r.open('a', { credit: 60 })
    await subscribe('#')
    commits = 0
    const texts = Array.from({ length: 50 }, (_, i) => String(i))
    const promises = texts.map((text) => r.broker.publish(message(Number(text) % 2 === 0 ? 't' : 'u', text)))
    await r.host.settle()
    await Promise.all(promises)
    expect(commits).toBe(1)
    expect(peer.texts).toEqual(texts)
    expect(peer.received.map(({ tag }) => tag)).toEqual(texts.map((_, i) => i + 1))
  })

  it('what need not be kept waits behind what must', async () => {
    const r = await rig()
    const durable = await r.open('durable')
    await durable.subscribe('kept')
    const short = await r.open('short', { expiry: 0 })
    await short.subscribe('#')
    const outcomes = [r.broker.publish(message('kept', '1')), r.broker.publish(message('free', '2'))]
    expect(outcomes.every((each) => each instanceof Promise)).toBe(true)
    expect(short.peer.texts).toEqual([])
    await r.host.settle()
    expect(short.peer.texts).toEqual(['1', '2'])
    expect(await r.records()).toEqual(['1'])
  })

  it('refuses topics that are none, and those of the broker to others', async () => {
    const r = await rig({ limits: { topicLevels: 3 } })
    expect(await r.publish('a/+')).toBe('invalid-topic')
    expect(await r.publish('a/b/c/d')).toBe('invalid-topic')
    expect(() => r.broker.publish(message('$SYS/x', ''), { clientId: 'c' })).toThrow('not-authorized')
    expect(await r.publish('$SYS/x')).toBe('void')
  })

  it('a tap hears everything in order, until it is taken off', async () => {
    const r = await rig()
    const heard: string[] = []
    const off = r.broker.tap('t/#', ({ topic }) => void heard.push(topic))
    r.broker.tap('t/b', () => {
      throw new Error('a tap that throws')
    })
    await r.publish('t/a', '', { qos: 0 })
    await r.publish('t/b')
    off()
    await r.publish('t/c')
    expect(heard).toEqual(['t/a', 't/b'])
    expect(r.host.reports.map(({ context }) => context)).toEqual(['tap'])
    expect(() => r.broker.tap('a#', () => {})).toThrow('invalid-filter')
  })
})
