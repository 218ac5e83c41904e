import { fakeClock } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import type { Committer } from '../src/committer.ts'
import { defaultLimits, type Message } from '../src/index.ts'
import { RetainedMessages } from '../src/retained.ts'
import { Schedule } from '../src/schedule.ts'
import { message, rig, type Rig, textOf } from './rig.ts'

const retain = { retain: true } as const

function found(r: Rig, filter: string): string[] {
  const texts: string[] = []
  r.broker.retained.find(filter, (message) => void texts.push(textOf(message)))
  return texts.toSorted()
}

describe('retained messages', () => {
  it('the last of each topic is kept, found by filter, and cleared by an empty one', async () => {
    const r = await rig()
    await r.publish('a/1', 'old', retain)
    await r.publish('a/1', 'new', { ...retain, qos: 0 })
    await r.publish('a/2', 'two', retain)
    await r.publish('a/3', 'not retained')
    expect([found(r, 'a/+'), found(r, '#'), found(r, 'a/1'), found(r, 'b')]).toEqual([
      ['new', 'two'],
      ['new', 'two'],
      ['new'],
      [],
    ])
    expect([r.broker.retained.size, r.broker.retained.bytes]).toEqual([2, 6])
    await r.publish('a/1', '', retain)
    await r.publish('a/1', '', retain)
    expect([found(r, '#'), r.broker.retained.bytes, await r.keys('retained')]).toEqual([['two'], 3, ['a/2']])
  })

  it('are there after a restart, whole', async () => {
    const r = await rig()
    await r.publish('t', 'm', { ...retain, headers: [['k', 'v']], contentType: 'text/plain' })
    const again = await r.restart()
    expect(again.broker.retained.get('t')).toEqual(r.broker.retained.get('t'))
    expect([again.broker.retained.size, again.broker.retained.bytes]).toEqual([1, 1])
  })

  it('are the same message to all who ask for it after a restart, also while they are visited', async () => {
    const r = await rig()
    for (let i = 0; i < 20; i++) await r.publish(`t/${i}`, 'm'.repeat(i + 1), retain)
    const { retained } = (await r.restart()).broker
    const seen = new Set<Message>()
    retained.find('t/#', (each) => void seen.add(each))
    retained.find('#', (each) => void seen.add(each))
    retained.find('t/7', (each) => void seen.add(each))
    expect([seen.size, seen.has(retained.get('t/7')!), retained.bytes]).toEqual([20, true, 210])
  })

  it('are whole, and the same message to all who ask for it, short or long, before any restart too', async () => {
    const r = await rig()
    const texts = ['m', 'ü€', 'm'.repeat(200), 'm'.repeat(300)]
    for (const [i, text] of texts.entries())
      await r.publish(`t/${i}`, text, {
        ...retain,
        qos: 2,
        headers: [['k', 'v']],
        expiresAt: i === 0 ? 1e15 : undefined,
      })
    const { retained } = r.broker
    for (const [i, text] of texts.entries()) {
      const message = retained.get(`t/${i}`)!
      expect([textOf(message), message.qos, message.retain, message.headers]).toEqual([text, 2, true, [['k', 'v']]])
      retained.find('#', (each) => void (each.topic === message.topic && expect(each).toBe(message)))
    }
    expect(retained.bytes).toBe(1 + 5 + 200 + 300)
    for (const i of texts.keys()) await r.publish(`t/${i}`, '', retain)
    expect([retained.size, retained.bytes]).toEqual([0, 0])
  })

  it('that nobody has asked for since a restart are replaced, cleared and counted like any other', async () => {
    const r = await rig({ limits: { retainedBytes: 20 } })
    for (const topic of ['a', 'b', 'c']) await r.publish(topic, '12345', retain)
    const again = await r.restart()
    expect([again.broker.retained.size, again.broker.retained.bytes]).toEqual([3, 15])
    await again.publish('a', '1', retain)
    await again.publish('b', '', retain)
    expect([again.broker.retained.size, again.broker.retained.bytes]).toEqual([2, 6])
    expect(await again.publish('c', '1'.repeat(20), retain)).toBe('quota-exceeded')
    expect(await again.keys('retained')).toEqual(['a', 'c'])
    const third = await again.restart()
    expect([found(third, '#'), third.broker.retained.bytes]).toEqual([['1', '12345'], 6])
  })

  it('goes on expiring over a restart, and is gone when that came meanwhile', async () => {
    const r = await rig()
    const now = r.host.clock.now()
    await r.publish('early', 'm', { ...retain, expiresAt: now + 1000 })
    await r.publish('late', 'm', { ...retain, expiresAt: now + 5000 })
    await r.host.advance(1000)
    const again = await r.restart()
    expect(again.broker.retained.get('early')).toBeUndefined()
    await again.host.advance(3999)
    expect([found(again, '#'), await again.keys('retained')]).toEqual([['m'], ['late']])
    await again.host.advance(1)
    expect([found(again, '#'), await again.keys('retained'), again.broker.retained.bytes]).toEqual([[], [], 0])
  })

  it('are limited in number and bytes: what is there may be replaced', async () => {
    const r = await rig({ limits: { retained: 2, retainedBytes: 5 } })
    expect(await r.publish('1', 'aa', retain)).toBe('kept')
    expect(await r.publish('2', 'bb', retain)).toBe('kept')
    expect(await r.publish('3', 'c', retain)).toBe('quota-exceeded')
    expect(await r.publish('2', 'bbbb', retain)).toBe('quota-exceeded')
    expect(await r.publish('2', 'bbb', retain)).toBe('kept')
    expect(found(r, '#')).toEqual(['aa', 'bbb'])
  })

  it('expire, also in the storage, and a younger one is not taken away with an older one', async () => {
    const r = await rig()
    const now = r.host.clock.now()
    await r.publish('t', 'short', { ...retain, expiresAt: now + 1000 })
    await r.publish('u', 'first', { ...retain, expiresAt: now + 1000 })
    await r.publish('u', 'second', { ...retain, expiresAt: now + 5000 })
    await r.host.advance(999)
    const again = await r.restart()
    expect(found(r, '#')).toEqual(['second', 'short'])
    await again.host.advance(1)
    expect([found(again, '#'), again.broker.retained.get('t'), await again.keys('retained')]).toEqual([
      ['second'],
      undefined,
      ['u'],
    ])
    await again.host.advance(4000)
    expect([found(again, '#'), again.broker.retained.bytes]).toEqual([[], 0])
  })

  it("the broker's own are found, but neither stored nor counted nor told", async () => {
    const r = await rig({ limits: { retained: 0 } })
    const now = r.host.clock.now()
    await r.publish('$SYS', 'one', { ...retain, qos: 0 })
    await r.publish('$SYS/a', 'old', { ...retain, qos: 0 })
    await r.publish('$SYS/a', 'new', { ...retain, qos: 0 })
    await r.publish('$SYS/b', 'short', { ...retain, qos: 0, expiresAt: now + 1000 })
    expect(found(r, '$SYS/#')).toEqual(['new', 'one', 'short'])
    expect([r.broker.retained.size, r.broker.retained.bytes, await r.keys('retained')]).toEqual([0, 0, []])
    expect(await r.publish('$SYSTEM', 'x', retain)).toBe('quota-exceeded')
    await r.host.advance(1000)
    await r.publish('$SYS', '', { ...retain, qos: 0 })
    await r.publish('$SYS', '', { ...retain, qos: 0 })
    expect([found(r, '$SYS/#'), r.broker.retained.size, r.broker.counters.commits]).toEqual([['new'], 0, 0])
    expect(r.events.filter((event) => event.type === 'retained')).toEqual([])
    expect(found(await r.restart(), '$SYS/#')).toEqual([])
  })

  it('one that is replaced leaves no appointment behind', () => {
    const clock = fakeClock()
    const schedule = new Schedule(clock, () => expect.unreachable())
    const committer = { write: () => {} } as unknown as Committer
    const parts = { clock, limits: defaultLimits, schedule, committer, seed: 1, emit: () => {} }
    const retained = new RetainedMessages(parts)
    for (let i = 0; i < 500; i++) retained.set(message('t', 'm', { expiresAt: clock.now() + 1000 + i }))
    expect(schedule.size).toBe(1)
    retained.set(message('t', ''))
    expect(schedule.size).toBe(0)
  })
})

describe('a new subscriber', () => {
  it.each([
    ['durable', 3_600_000],
    ['not durable', 0],
  ])('gets them marked as such, at the lower QoS, when it pumps: %s', async (_, expiry) => {
    const r = await rig()
    await r.publish('t/0', 'zero', { ...retain, qos: 0 })
    await r.publish('t/1', 'one', { ...retain, qos: 1 })
    await r.publish('t/2', 'two', { ...retain, qos: 2 })
    const a = await r.open('a', { expiry })
    a.session.subscribe('t/+', { qos: 1 })
    await r.host.settle()
    expect(a.peer.texts).toEqual([])
    a.session.outbound.pump()
    const got = a.peer.received.map((d) => `${d.text} ${d.qos} ${d.retained}`).toSorted()
    expect(got).toEqual(['one 1 true', 'two 1 true', 'zero 0 true'])
  })

  it('gets them as it asked: always, if new, or never; a group never does', async () => {
    const r = await rig()
    await r.publish('t', 'm', retain)
    const a = await r.open('a')
    await a.subscribe('t', { retained: 'never' })
    await a.subscribe('t', { retained: 'if-new' })
    await a.subscribe('t', { group: 'g' })
    expect(a.peer.texts).toEqual([])
    await a.subscribe('t', { retained: 'always' })
    await a.subscribe('+', { retained: 'if-new' })
    expect(a.peer.texts).toEqual(['m', 'm'])
  })

  it('does not get its own where it wants none, nor what it may not see', async () => {
    const guard = {
      authenticate: () => Promise.reject(new Error('not asked')),
      authorize: () => true,
      receives: (_: unknown, topic: string) => topic !== 'secret',
      version: 0,
    }
    const r = await rig({ guard })
    await r.publish('own', 'own', { ...retain, publisher: 'a' })
    await r.publish('secret', 'secret', retain)
    const a = await r.open('a')
    await a.subscribe('#', { noLocal: true })
    expect(a.peer.texts).toEqual([])
  })

  it('is owed them over a restart, to itself alone', async () => {
    const r = await rig()
    await r.publish('t', 'm', retain)
    const a = await r.open('a')
    const b = await r.open('b')
    await b.subscribe('t', { retained: 'never' })
    a.session.subscribe('t', { qos: 1 })
    await r.host.settle()
    const again = await r.restart()
    expect((await again.open('a')).peer.received.map((d) => [d.text, d.tag, d.retained])).toEqual([['m', 1, true]])
    expect((await again.open('b')).peer.texts).toEqual([])
  })

  it('is owed them over a restart though another commit followed at once', async () => {
    const r = await rig()
    await r.publish('t', 'm', retain)
    const a = await r.open('a', { load: 1 })
    a.session.subscribe('t', { qos: 1 })
    r.host.turn()
    void r.broker.publish({
      topic: 't',
      payload: new Uint8Array(0),
      qos: 1,
      retain: false,
      publisher: '',
      timestamp: 0,
    })
    r.broker.sessions.leave(a.session, a.peer, { forgetWill: false, reason: 'lost' })
    await r.host.settle()
    expect((await (await r.restart()).open('a')).peer.received.map((d) => d.retained)).toEqual([true, false])
  })

  it('does not get one that was replaced while it waited, where no log has it', async () => {
    const r = await rig()
    await r.publish('t', 'old', retain)
    await r.publish('u', 'stays', retain)
    const a = await r.open('a', { expiry: 0 })
    a.session.subscribe('#', { qos: 1 })
    await r.publish('t', 'new', { ...retain, qos: 0 })
    a.session.outbound.pump()
    expect(a.peer.texts.toSorted()).toEqual(['new', 'stays'])
  })

  it('does not get one that came too late for it: it unsubscribed', async () => {
    const r = await rig()
    await r.publish('t', 'm', retain)
    const a = await r.open('a')
    a.session.subscribe('t', { qos: 1 })
    a.session.unsubscribe('t')
    await r.host.settle()
    a.session.outbound.pump()
    expect([a.peer.texts, a.session.outbound.queued]).toEqual([[], 0])
  })
})
