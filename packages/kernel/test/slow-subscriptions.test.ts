import { describe, expect, it } from 'vitest'
import type { SlowOptions } from '../src/index.ts'
import { type Client, rig, type Rig } from './rig.ts'

async function start(options: Partial<SlowOptions> = {}): Promise<Rig> {
  return rig({ slowSubscriptions: options })
}

/** What was slow, in a few words. */
function slow(r: Rig): string[] {
  return Array.from(r.broker.slow, ({ session, topic, took }) => `${session} ${topic} ${took}`)
}

/** Publishes, lets time pass, and acknowledges all that was received last. */
async function exchange(r: Rig, c: Client, topic: string, took: number): Promise<void> {
  await r.publish(topic)
  await r.host.advance(took)
  c.session.outbound.ack(c.peer.received.at(-1)!.tag)
}

describe('a subscription', () => {
  it('is slow when its acknowledgement takes the threshold', async () => {
    const r = await start()
    const c = await r.open('c')
    await c.subscribe('#')
    await exchange(r, c, 'fast', 499)
    await exchange(r, c, 'slow', 500)
    expect(Array.from(r.broker.slow)).toEqual([{ session: 'c', topic: 'slow', took: 500, at: r.host.clock.now() }])
  })

  it('is timed until PUBCOMP at QoS 2', async () => {
    const r = await start()
    const c = await r.open('c')
    await c.subscribe('t', { qos: 2 })
    await r.publish('t', 'x', { qos: 2 })
    const { tag } = c.peer.received[0]!
    await r.host.advance(600)
    expect([c.session.outbound.ack(tag), c.session.outbound.accept(tag)]).toEqual([false, true])
    await r.host.advance(100)
    expect([slow(r), c.session.outbound.complete(tag), slow(r)]).toEqual([[], true, ['c t 700']])
  })

  it('is timed until it is sent at QoS 0', async () => {
    const r = await start()
    const c = await r.open('c')
    await c.subscribe('t', { qos: 0 })
    const timestamp = r.host.clock.now()
    await r.host.advance(600)
    await r.publish('t', 'x', { qos: 0, timestamp })
    expect(slow(r)).toEqual(['c t 600'])
  })

  it('is timed from when the message was accepted, also while it waits behind others', async () => {
    const r = await start()
    const c = await r.open('c', { credit: 1 })
    await c.subscribe('#')
    await r.publish('a')
    await r.publish('b')
    await r.host.advance(600)
    c.session.outbound.ack(c.peer.received[0]!.tag)
    await r.host.advance(600)
    c.session.outbound.ack(c.peer.received[1]!.tag)
    expect(slow(r)).toEqual(['c b 1200', 'c a 600'])
  })

  it('is not slow because its session was away', async () => {
    const r = await start()
    const before = await r.open('c')
    await before.subscribe('#')
    await r.publish('begun')
    await before.leave()
    await r.publish('queued')
    await r.host.advance(10_000)
    const c = await r.open('c')
    for (const { tag } of c.peer.received) c.session.outbound.ack(tag)
    expect([c.peer.texts, slow(r)]).toEqual([['begun', 'queued'], []])
    await exchange(r, c, 'live', 700)
    expect(slow(r)).toEqual(['c live 700'])
  })

  it('is not slow because a retained message is old, whatever its QoS', async () => {
    const r = await start()
    await r.publish('old', 'old', { retain: true })
    const [durable, short] = [await r.open('durable'), await r.open('short', { expiry: 0 })]
    await r.host.advance(10_000)
    await durable.subscribe('old')
    await short.subscribe('old', { qos: 0 })
    await r.host.advance(10_000)
    durable.session.outbound.ack(durable.peer.received[0]!.tag)
    expect([durable.peer.texts, short.peer.texts, slow(r)]).toEqual([['old'], ['old'], []])
  })

  it('is not slow because of what it refuses, or never gets', async () => {
    const r = await start()
    const c = await r.open('c')
    await c.subscribe('#', { qos: 2 })
    c.peer.tooLarge = ({ topic }) => topic === 'large'
    await r.publish('large', 'x', { timestamp: 0 })
    await r.publish('t')
    await r.host.advance(1000)
    const { tag } = c.peer.received[0]!
    expect([c.session.outbound.reject(tag), c.session.outbound.ack(tag), slow(r)]).toEqual([true, false, []])
  })

  it('is not slow because a group’s message was another member’s before', async () => {
    const r = await start()
    const [a, b] = [await r.open('a', { expiry: 0 }), await r.open('b', { expiry: 0 })]
    await a.subscribe('t', { group: 'g' })
    await r.publish('t')
    await b.subscribe('t', { group: 'g' })
    await a.leave()
    await r.host.advance(800)
    b.session.outbound.ack(b.peer.received[0]!.tag)
    expect(slow(r)).toEqual(['b t 800'])
  })
})

describe('the list of slow subscriptions', () => {
  it('has the latest of each session and topic, slowest first', async () => {
    const r = await start()
    const [c, d] = [await r.open('c'), await r.open('d')]
    await c.subscribe('c/#')
    await d.subscribe('d/#')
    await exchange(r, c, 'c/1', 900)
    await exchange(r, c, 'c/2', 700)
    await exchange(r, d, 'd/1', 800)
    expect(slow(r)).toEqual(['c c/1 900', 'd d/1 800', 'c c/2 700'])
    await exchange(r, c, 'c/1', 600)
    await exchange(r, d, 'd/1', 10)
    expect(slow(r)).toEqual(['d d/1 800', 'c c/2 700', 'c c/1 600'])
  })

  it('keeps so many that took longest', async () => {
    const r = await start({ top: 2 })
    const c = await r.open('c')
    await c.subscribe('#')
    for (const took of [700, 600, 500, 600, 650]) await exchange(r, c, String(took), took)
    expect(slow(r)).toEqual(['c 700 700', 'c 650 650'])
  })

  it('forgets after a while, and first what is forgotten makes room', async () => {
    const r = await start({ top: 1, expireAfter: 60_000 })
    const c = await r.open('c')
    await c.subscribe('#')
    await exchange(r, c, 'a', 5000)
    await r.host.advance(59_400)
    await exchange(r, c, 'b', 599)
    expect(slow(r)).toEqual(['c a 5000'])
    await exchange(r, c, 'b', 500)
    expect(slow(r)).toEqual(['c b 500'])
    await r.host.advance(60_000)
    expect(slow(r)).toEqual([])
  })

  it('is empty where deliveries are not timed', async () => {
    const r = await rig()
    const c = await r.open('c')
    await c.subscribe('#')
    await exchange(r, c, 't', 5000)
    expect(slow(r)).toEqual([])
  })
})
