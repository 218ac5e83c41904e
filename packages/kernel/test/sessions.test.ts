import { describe, expect, it } from 'vitest'
import { rig } from './rig.ts'

describe('sessions', () => {
  it('resumes: subscriptions, what waits, and what was under way are there', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t')
    await r.publish('t', '1')
    await a.leave()
    await r.publish('t', '2')
    const again = await r.open('a')
    expect([again.resumed, again.session === a.session]).toEqual([true, true])
    expect(again.peer.received.map((d) => [d.text, d.redelivered])).toEqual([
      ['1', true],
      ['2', false],
    ])
  })

  it('a clean start finds nothing, and nothing of what was is left', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t', { qos: 2 })
    await a.subscribe('u', { group: 'g' })
    await r.publish('t', '1', { qos: 2 })
    a.session.outbound.accept(1)
    a.session.inbound.claim(9)
    await a.leave()
    const again = await r.open('a', { clean: true })
    expect([again.resumed, again.session.subscriptions.size, again.session.inbound.has(9)]).toEqual([false, 0, false])
    expect([again.peer.texts, again.peer.confirmed]).toEqual([[], []])
    await r.host.advance(1000)
    for (const table of ['subscriptions', 'inbound', 'inflight', 'groups']) expect(await r.keys(table)).toEqual([])
    expect(await r.keys('sessions')).toEqual(['a'])
  })

  it('is taken over: the older connection is told and gets nothing more', async () => {
    const r = await rig()
    const old = await r.open('a')
    await old.subscribe('t')
    await r.publish('t', '1')
    const fresh = await r.open('a')
    expect([fresh.resumed, old.peer.ended]).toEqual([true, ['session-taken-over']])
    await r.publish('t', '2')
    expect([old.peer.texts, fresh.peer.texts]).toEqual([['1'], ['1', '2']])
    expect([r.broker.sessions.size, r.broker.sessions.connected]).toEqual([1, 1])
    await old.leave()
    expect(r.broker.sessions.connected).toBe(1)
  })

  it('one that was to end with its connection is not resumed by who takes over', async () => {
    const r = await rig()
    const old = await r.open('a', { expiry: 0 })
    await old.subscribe('t')
    const fresh = await r.open('a')
    expect([fresh.resumed, fresh.session.subscriptions.size, old.peer.ended]).toEqual([
      false,
      0,
      ['session-taken-over'],
    ])
  })

  it('ends when its time is over, not before', async () => {
    const r = await rig()
    const a = await r.open('a', { expiry: 5000 })
    await r.host.advance(60_000)
    await a.leave()
    await r.host.advance(4999)
    expect([r.broker.sessions.size, await r.keys('sessions')]).toEqual([1, ['a']])
    await r.host.advance(1)
    expect([r.broker.sessions.size, await r.keys('sessions')]).toEqual([0, []])
    expect((await r.open('a')).resumed).toBe(false)
  })

  it('coming back in time stops the clock', async () => {
    const r = await rig()
    await (await r.open('a', { expiry: 5000 })).leave()
    await r.host.advance(4999)
    const again = await r.open('a', { expiry: 5000 })
    await r.host.advance(60_000)
    expect([again.resumed, r.broker.sessions.size, again.peer.ended]).toEqual([true, 1, []])
  })

  it('the clock goes on over a restart, also for who was connected', async () => {
    const r = await rig()
    await (await r.open('gone', { expiry: 5000 })).leave()
    await r.open('there', { expiry: 5000 })
    await r.host.advance(3000)
    const again = await r.restart()
    await again.host.advance(2000)
    expect(again.broker.sessions.get('gone')).toBe(undefined)
    expect(again.broker.sessions.get('there')).toBeDefined()
    const third = await again.restart()
    await third.host.advance(3000)
    expect(third.broker.sessions.size).toBe(0)
  })

  it('expiry is capped, and Infinity is never', async () => {
    const r = await rig({ limits: { sessionExpiry: 1000 } })
    await (await r.open('a', { expiry: Infinity })).leave()
    await r.host.advance(1000)
    expect(r.broker.sessions.size).toBe(0)
    const free = await rig()
    await (await free.open('a', { expiry: Infinity })).leave()
    await free.host.advance(1e11)
    const again = await free.restart()
    expect((await again.open('a')).resumed).toBe(true)
  })

  it('leaving may change the expiry, but not make a session stay that was to end', async () => {
    const r = await rig()
    const [longer, ends, ended] = [
      await r.open('a', { expiry: 1000 }),
      await r.open('b'),
      await r.open('c', { expiry: 0 }),
    ]
    await ends.subscribe('t')
    await longer.leave({ expiry: 5000 })
    await ends.leave({ expiry: 0 })
    await ended.leave({ expiry: 5000 })
    await r.host.advance(4999)
    expect(Array.from(r.broker.sessions, ({ id }) => id)).toEqual(['a'])
    expect(await r.keys('subscriptions')).toEqual([])
  })

  it('one that stops being durable leaves nothing behind, though the broker crashes', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t')
    a.session.inbound.claim(5)
    await r.open('a', { expiry: 0 })
    const again = await r.restart()
    await again.host.advance(1000)
    expect(again.broker.sessions.size).toBe(0)
    for (const table of ['sessions', 'subscriptions', 'inbound']) expect(await again.keys(table)).toEqual([])
  })

  it('there are no more than the limit, but those that are may come back', async () => {
    const r = await rig({ limits: { sessions: 1 } })
    await (await r.open('a')).leave()
    await expect(r.open('b')).rejects.toThrow('quota-exceeded')
    expect((await r.open('a')).resumed).toBe(true)
    expect((await r.open('a', { clean: true })).resumed).toBe(false)
  })

  it('can be ended from outside, connected or not', async () => {
    const r = await rig()
    const a = await r.open('a')
    const b = await r.open('b')
    await b.leave()
    r.broker.sessions.end(a.session, 'banned')
    r.broker.sessions.end(b.session, 'banned')
    r.broker.sessions.end(b.session, 'banned')
    await r.host.settle()
    expect([a.peer.ended, b.peer.ended, r.broker.sessions.size]).toEqual([['banned'], [], 0])
    expect(await r.keys('sessions')).toEqual([])
  })

  it('a subscription is refused beyond the limit, and where its filter is none', async () => {
    const r = await rig({ limits: { subscriptions: 1, topicLevels: 2 } })
    const { session } = await r.open('a')
    expect(() => session.subscribe('a/b/c', { qos: 0 })).toThrow('invalid-filter')
    expect(() => session.subscribe('a#', { qos: 0 })).toThrow('invalid-filter')
    expect([session.subscribe('a', { qos: 0 }), session.subscribe('a', { qos: 1 })]).toEqual([true, false])
    expect(() => session.subscribe('b', { qos: 0 })).toThrow('quota-exceeded')
    expect([session.unsubscribe('b'), session.unsubscribe('a'), session.subscriptions.size]).toEqual([false, true, 0])
  })

  it('tells those who watch, and a watcher that throws disturbs nobody', async () => {
    const r = await rig()
    r.broker.watch(() => {
      throw new Error('a watcher that throws')
    })
    const a = await r.open('a', { expiry: 0 })
    await a.subscribe('t')
    a.session.unsubscribe('t')
    await a.leave()
    const told = r.events.map(({ type }) => type)
    expect(told).toEqual(['connected', 'subscribed', 'unsubscribed', 'disconnected', 'session-ended'])
    expect(r.host.reports).toHaveLength(told.length)
  })
})

describe('a consumer that throws', () => {
  it.each(['at once', 'from the line', 'in a group'])(
    'is cut off, and the others get their messages: %s',
    async (how) => {
      const r = await rig()
      const bad = await r.open('bad', { load: how === 'from the line' ? 1 : 0 })
      await bad.subscribe('t', { group: how === 'in a group' ? 'g' : undefined })
      const good = await r.open('good')
      await good.subscribe('t')
      bad.peer.tooLarge = () => {
        throw new Error('a consumer that throws')
      }
      await r.publish('t', '1')
      bad.peer.load = 0
      bad.session.outbound.pump()
      await r.host.settle()
      expect([bad.peer.ended, good.peer.texts, good.peer.ended]).toEqual([['unavailable'], ['1'], []])
      expect([r.broker.sessions.connected, r.host.reports.length]).toEqual([1, 1])
      expect((await r.open('bad')).peer.texts).toEqual(['1'])
    },
  )
})
