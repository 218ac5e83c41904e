import { fakeClock, type FakeHost, fakeHost } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { Will } from '../src/index.ts'
import type { Subscription } from '../src/subscription.ts'
import { type Client, message, rig, type Rig, textOf } from './rig.ts'

const shared = { group: 'g' } as const

async function publishAll(r: Rig, topic: string, texts: readonly string[], qos: 1 | 2 = 1): Promise<void> {
  for (const text of texts) expect(await r.publish(topic, text, { qos })).toBe('kept')
}

function seen({ peer }: Client): unknown[] {
  return peer.received.map(({ text, tag, qos, redelivered }) => [text, tag, qos, redelivered])
}

describe('over a restart', () => {
  it('what was under way has its tag and the mark of a repetition, also where answers came out of turn', async () => {
    const r = await rig()
    const a = await r.open('a', { credit: 4 })
    await a.subscribe('t', { qos: 2 })
    await publishAll(r, 't', ['0', '1', '2'])
    await publishAll(r, 't', ['3', '4', '5'], 2)
    a.session.outbound.ack(2)
    a.session.outbound.accept(4)
    await r.host.advance(1000)
    const again = await r.restart()
    const b = await again.open('a', { credit: 2 })
    // The one that was accepted is confirmed, not sent; of the others those come first that came first.
    expect([b.peer.confirmed, seen(b)]).toEqual([[4], [['0', 1, 1, true]]])
    b.session.outbound.complete(4)
    b.session.outbound.ack(1)
    b.session.outbound.ack(3)
    await again.host.settle()
    b.peer.credit = 10
    b.session.outbound.pump()
    await again.host.settle()
    expect(
      seen(b)
        .slice(1)
        .map((each) => (each as unknown[]).slice(0, 3)),
    ).toEqual([
      ['2', 3, 1],
      ['4', 5, 2],
      ['5', 6, 2],
    ])
  })

  it('what lay beyond the limit of a line does not come back, and the line is no longer than it was', async () => {
    const r = await rig({ limits: { maxQueued: 3 } })
    for (const id of ['a', 'b']) {
      const each = await r.open(id)
      await each.subscribe('t')
      await each.subscribe('t', shared)
      await each.leave()
    }
    await publishAll(r, 't', ['0', '1', '2', '3', '4', '5'])
    const again = await r.restart()
    expect(again.broker.sessions.get('a')?.outbound.queued).toBe(3)
    // The copies of the group come behind those of its own.
    expect((await again.open('a', { credit: 20 })).peer.texts).toEqual(['3', '4', '5', '3', '4', '5'])
  })

  it('a line that was bounded in number is so when the limit is lower than it was', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t')
    await a.leave()
    await publishAll(r, 't', ['0', '1', '2', '3'])
    const again = await rig({ storage: r.storage, limits: { maxQueued: 2 } })
    expect([again.broker.sessions.get('a')?.outbound.queued, again.broker.counters.dropped]).toEqual([2, 2])
    expect((await again.open('a')).peer.texts).toEqual(['2', '3'])
  })

  it('a group goes on where it was: what was settled is gone, the rest comes once and in order', async () => {
    const r = await rig()
    const a = await r.open('a', { credit: 3 })
    await a.subscribe('t', shared)
    await publishAll(r, 't', ['0', '1', '2', '3', '4'])
    a.session.outbound.ack(2)
    await r.host.advance(1000)
    expect(a.peer.texts).toEqual(['0', '1', '2', '3'])
    const again = await r.restart()
    const b = await again.open('b')
    await b.subscribe('t', shared)
    await again.host.advance(1000)
    expect(b.peer.texts).toEqual(['0', '2', '3', '4'])
    for (const { tag } of b.peer.received) b.session.outbound.ack(tag)
    await again.host.advance(1000)
    const third = await again.restart()
    expect((await third.open('a')).peer.texts).toEqual([])
  })

  it('a will that fell due meanwhile is published at the start, to who waits for it, and once', async () => {
    const r = await rig()
    const heard = await r.open('heard')
    await heard.subscribe('will/#')
    await heard.leave()
    await (await r.open('due', { will: new Will(message('will/due', 'due'), 2000) })).leave()
    await (await r.open('not due', { will: new Will(message('will/later', 'later'), 9000) })).leave()
    await (await r.open('ended', { will: new Will(message('will/end', 'end'), 9000), expiry: 1500 })).leave()
    const down = await rig({ storage: r.storage, host: later(r, 5000) })
    await down.host.advance(1)
    expect(down.broker.sessions.get('ended')).toBeUndefined()
    const once = await rig({ storage: r.storage, host: later(r, 5001) })
    await once.host.advance(1)
    expect((await once.open('heard')).peer.texts.toSorted()).toEqual(['due', 'end'])
    await once.host.advance(3999)
    expect(await once.keys('wills')).toEqual([])
    expect((await (await once.restart()).open('heard')).peer.texts.toSorted()).toEqual(['due', 'end', 'later'])
  })

  it('sessions whose time ran out meanwhile are gone with all they had', async () => {
    const r = await rig()
    const a = await r.open('a', { expiry: 2000 })
    await a.subscribe('t', { qos: 2 })
    await a.subscribe('t', shared)
    await a.subscribe('x', { exclusive: true })
    await publishAll(r, 't', ['0', '1'], 2)
    a.session.inbound.claim(9)
    a.session.outbound.accept(1)
    await r.host.settle()
    await a.leave()
    const again = await rig({ storage: r.storage, host: later(r, 3000) })
    await again.host.advance(20_000)
    expect(again.broker.sessions.size).toBe(0)
    for (const name of ['sessions', 'subscriptions', 'inbound', 'inflight', 'wills', 'groups'])
      expect([name, await again.keys(name)]).toEqual([name, []])
    expect(await again.records()).toEqual([])
    await (await again.open('b')).subscribe('x', { exclusive: true })
  })

  it('everything there is survives together, twice', async () => {
    const r = await rig()
    await prepare(r)
    const before = await survey(r)
    const again = await r.restart()
    expect(await survey(again)).toEqual(before)
    const third = await again.restart()
    expect(await survey(third)).toEqual(before)
    await claims(third)
  })
})

/** A host on which so many milliseconds have passed while no broker ran. */
function later(r: Rig, milliseconds: number): FakeHost {
  return fakeHost(fakeClock(r.host.clock.now() + milliseconds))
}

/** Leaves something of every kind. */
async function prepare(r: Rig): Promise<void> {
  const now = r.host.clock.now()
  const a = await r.open('a', { credit: 2, expiry: 60_000, will: new Will(message('will', 'gone'), 30_000) })
  await a.subscribe('t/+', { qos: 2, noLocal: true, retainAsPublished: true, identifier: 7 })
  await a.subscribe('x', { exclusive: true })
  await a.subscribe('s', { ...shared, qos: 2, identifier: 8 })
  const b = await r.open('b', { expiry: Infinity })
  await b.subscribe('s', { ...shared, qos: 2 })
  await b.subscribe('will')
  await b.leave()
  const whole = {
    contentType: 'text/plain',
    headers: [
      ['k', '1'],
      ['k', '2'],
    ],
    correlationData: new Uint8Array([1]),
  } as const
  await r.publish('kept', 'value', { ...whole, responseTopic: 'r', utf8: true, retain: true })
  await r.publish('kept/short', 'value', { retain: true, expiresAt: now + 50_000 })
  await publishAll(r, 't/1', ['0', '1', '2', '3', '4'], 2)
  await publishAll(r, 's', ['s0', 's1', 's2'], 2)
  await r.publish('x', 'x0')
  a.session.outbound.accept(1)
  a.session.inbound.claim(77)
  await r.publish('t/2', 'delayed', { dueAt: now + 40_000 })
  await Promise.all([r.broker.bans.add({ kind: 'clientId', value: 'bad', reason: 'why' }), r.host.settle()])
  await a.leave()
  await r.host.advance(2000)
}

function inWords({ filter, since, options }: Subscription): string {
  const { qos, group, exclusive, noLocal, retainAsPublished, identifier } = options
  const flags = [exclusive === true, noLocal === true, retainAsPublished === true]
  return [filter, since, qos, group ?? '', ...flags, identifier ?? 0].join(' ')
}

/** What there is, in words that outlive a broker. */
async function survey({ broker }: Rig): Promise<unknown> {
  const sessions = Array.from(broker.sessions, (session) => ({
    id: session.id,
    expiry: session.expiry,
    disconnectedAt: session.disconnectedAt,
    due: session.will?.due,
    subscriptions: Array.from(session.subscriptions.values(), inWords).toSorted(),
    inflight: Array.from(session.outbound.inflight, ({ tag, offset, accepted }) => [tag, offset, accepted]),
    queued: session.outbound.queued,
    inbound: session.inbound.size,
    groups: Array.from(session.groups, ({ key, queued }) => [key, queued]),
  }))
  const retained: unknown[] = []
  broker.retained.find('#', (each) => void retained.push(each))
  const delayed = Array.from(broker.delayed, ({ id, message: each }) => [id, textOf(each), each.dueAt])
  return { sessions, retained, delayed, bans: Array.from(broker.bans) }
}

/** Everybody comes and gets what is his. */
async function claims(r: Rig): Promise<void> {
  const a = await r.open('a', { credit: 20 })
  expect(a.peer.confirmed).toEqual([1])
  expect(a.session.inbound.has(77)).toBe(true)
  a.session.outbound.complete(1)
  expect(a.peer.texts).toEqual(['1', '2', '3', '4', 'x0', 's0', 's1', 's2'])
  expect(a.peer.received[0]).toMatchObject({ tag: 2, qos: 2, redelivered: true })
  expect(a.peer.received[0]?.grant.identifiers).toEqual([7])
  expect(a.session.will).toBeUndefined()
  await r.host.advance(40_000)
  expect(a.peer.texts.at(-1)).toBe('delayed')
}
