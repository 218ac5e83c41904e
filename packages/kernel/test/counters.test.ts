import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../src/index.ts'
import { rig } from './rig.ts'

describe('counters', () => {
  it('messages accepted, delivered and dropped, those of the broker itself not among the accepted', async () => {
    const r = await rig({ limits: { maxQueued: 1 } })
    const a = await r.open('a')
    await a.subscribe('t')
    await r.publish('t', 'one')
    await r.publish('$SYS/t', 'x')
    await a.leave()
    for (const text of ['two', 'three']) await r.publish('t', text)
    expect(r.broker.counters).toMatchObject({ received: 3, sent: 1, dropped: 1, stored: 3 })
  })

  it('subscriptions and memberships of groups that there are now, over a restart too', async () => {
    const r = await rig()
    const [a, b] = [await r.open('a'), await r.open('b', { expiry: 0 })]
    for (const filter of ['t', 'u', 't']) await a.subscribe(filter)
    await a.subscribe('t', { group: 'g' })
    await b.subscribe('t')
    await b.subscribe('t', { group: 'g' })
    expect(r.broker.counters).toMatchObject({ subscriptions: 3, sharedSubscriptions: 2 })
    a.session.unsubscribe('u')
    a.session.unsubscribe('never')
    await b.leave()
    expect(r.broker.counters).toMatchObject({ subscriptions: 1, sharedSubscriptions: 1 })
    expect((await r.restart()).broker.counters).toMatchObject({ subscriptions: 1, sharedSubscriptions: 1 })
  })

  it('the most sessions that were connected at once, and those that nobody came back to in time', async () => {
    const r = await rig()
    const [a, b] = [await r.open('a', { expiry: 1000 }), await r.open('b')]
    // Taken over, not one more.
    await r.open('b')
    await b.leave()
    await a.leave()
    await r.open('c', { expiry: 0 })
    await r.host.advance(1000)
    r.broker.sessions.end(r.broker.sessions.get('b')!, 'banned')
    expect(r.broker.counters).toMatchObject({ connectedMaximum: 2, sessionsExpired: 1 })
  })

  it('records the log keeps: until everybody has them and it is trimmed', async () => {
    const r = await rig()
    const [a, b] = [await r.open('a'), await r.open('b')]
    for (const each of [a, b]) await each.subscribe('t')
    await b.leave()
    for (const text of ['one', 'two', 'three']) await r.publish('t', text)
    for (const { tag } of a.peer.received) a.session.outbound.ack(tag)
    await r.host.advance(10_000)
    expect(r.broker.counters).toMatchObject({ kept: 3, keptBytes: 11 })
    const over = await r.restart()
    expect(over.broker.counters).toMatchObject({ kept: 3, keptBytes: 11 })
    const back = await over.open('b')
    back.session.outbound.ack(back.peer.received[0]!.tag)
    await over.host.advance(10_000)
    expect(over.broker.counters.kept).toBe(2)
    for (const { tag } of back.peer.received.slice(1)) back.session.outbound.ack(tag)
    await over.host.advance(10_000)
    expect(over.broker.counters).toMatchObject({ kept: 0, keptBytes: 0 })
    over.broker.sessions.end(over.broker.sessions.get('a')!, 'banned')
    await back.leave()
    for (const text of ['four', 'five']) await over.publish('t', text)
    const third = await over.restart()
    expect(third.broker.counters).toMatchObject({ kept: 2, keptBytes: 8 })
    const last = await third.open('b')
    last.session.outbound.ack(last.peer.received[0]!.tag)
    await third.host.advance(10_000)
    expect(third.broker.counters.kept).toBe(1)
  })

  it('records the log keeps when it is cut in the middle of a batch', async () => {
    const r = await rig({ limits: { logBytes: 1600 } })
    const a = await r.open('a')
    await a.subscribe('t')
    await a.leave()
    const payload = 'x'.repeat(100)
    for (let i = 0; i < 40; i++)
      void r.broker.publish({
        topic: 't',
        payload: encodeUtf8(payload),
        qos: 1,
        retain: false,
        publisher: 'p',
        timestamp: 0,
      })
    await r.host.settle()
    const waiting = (await r.records()).length
    expect(waiting).toBeLessThan(40)
    expect(r.broker.counters).toMatchObject({ kept: waiting, keptBytes: 100 * waiting })
  })
})
