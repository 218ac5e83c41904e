import { describe, expect, it } from 'vitest'
import { type Client, message, rig, type Rig } from './rig.ts'

/** What a scripted client has of QoS 2 and has not been asked to complete. */
interface Memory {
  readonly held: Set<number>
  readonly texts: string[]
}

/** The client takes in what came over this connection, as MQTT would have it, and answers the first `answers` of it. */
function answer({ peer, session }: Client, memory: Memory, answers: number): void {
  for (const { tag, text, qos } of peer.received) {
    if (qos === 2 && memory.held.has(tag)) continue
    memory.held.add(tag)
    memory.texts.push(text)
  }
  for (const { tag, qos } of peer.received.slice(0, answers)) {
    if (qos === 1) session.outbound.ack(tag)
    else session.outbound.accept(tag)
  }
}

const script: readonly ((r: Rig, a: Client) => unknown)[] = [
  (_, a) => a.subscribe('t', { qos: 2 }),
  (r) => r.publish('t', '1', { qos: 2 }),
  (r) => r.publish('t', '2', { qos: 1 }),
  (_, a) => a.session.outbound.accept(1),
  (r) => r.publish('t', '3', { qos: 2 }),
  (_, a) => a.session.outbound.complete(1),
  (_, a) => a.session.outbound.ack(2),
  (r) => r.publish('t', '4', { qos: 2 }),
  (_, a) => a.session.outbound.accept(3),
]

describe('a restart', () => {
  it.each(script.map((_, i) => i + 1))(
    'after step %i of a script leaves nothing lost and no QoS 2 twice',
    async (steps) => {
      const r = await rig()
      const a = await r.open('a')
      for (const step of script.slice(0, steps)) {
        await step(r, a)
        await r.host.settle()
      }
      const sent = script.slice(0, steps).flatMap((_, i) => ({ 1: ['1'], 2: ['2'], 4: ['3'], 7: ['4'] })[i] ?? [])
      const memory: Memory = { held: new Set(), texts: [] }
      answer(a, memory, 0)
      if (steps > 5) memory.held.delete(1)
      const again = await r.restart()
      const b = await again.open('a')
      for (const tag of b.peer.confirmed) {
        memory.held.delete(tag)
        expect(b.session.outbound.complete(tag)).toBe(true)
      }
      const before = memory.texts.length
      answer(b, memory, Infinity)
      // At most the one of QoS 1 comes twice.
      expect(memory.texts.slice(before).filter((text) => text !== '2')).toEqual([])
      expect(memory.texts.slice(0, before)).toEqual(sent)
      await again.host.settle()
      for (const { tag, qos } of b.peer.received) if (qos === 2) b.session.outbound.complete(tag)
      await again.host.advance(1000)
      expect([Array.from(b.session.outbound.inflight), b.session.outbound.queued]).toEqual([[], 0])
      expect(await again.keys('inflight')).toEqual([])
      expect((await (await again.restart()).open('a')).peer.received).toEqual([])
    },
  )

  it('marks as repeated whatever may have been sent, however much that was, and over a second crash', async () => {
    const r = await rig({ limits: { inflight: 2 } })
    const a = await r.open('a')
    await a.subscribe('t')
    for (const text of ['1', '2', '3', '4', '5', '6']) void r.broker.publish(message('t', text))
    await r.host.settle()
    for (const tag of [1, 2, 3, 4]) a.session.outbound.ack(tag)
    expect(a.peer.texts).toEqual(['1', '2', '3', '4', '5', '6'])
    // The place is written within a second: it had not come to that. Now it is, and the broker crashes before anybody is back.
    const idle = await r.restart()
    await idle.host.advance(1000)
    const again = await idle.restart()
    // Here somebody is, and gets only some of it.
    const b = await again.open('a')
    expect(b.peer.received.map(({ text, redelivered }) => [text, redelivered])).toEqual([
      ['1', true],
      ['2', true],
    ])
    const third = await again.restart()
    await third.publish('t', '7')
    const c = await third.open('a', { credit: 1 })
    for (let tag = 1; tag <= 6; tag++) {
      c.session.outbound.ack(tag)
      await third.host.settle()
    }
    const came = c.peer.received.map(({ text, redelivered }) => [text, redelivered])
    expect(came).toEqual([...['1', '2', '3', '4', '5', '6'].map((text) => [text, true]), ['7', false]])
  })

  it('a message that no log has is not numbered as one the peer may still hold from before a crash', async () => {
    const limits = { queuedBytes: 1 }
    const r = await rig({ limits })
    const a = await r.open('a')
    await a.subscribe('t', { qos: 2 })
    void r.broker.publish(message('t', 'held', { qos: 2 }))
    await r.host.settle()
    expect(a.peer.received.map(({ text, tag }) => [text, tag])).toEqual([['held', 1]])
    const again = await r.restart()
    // From now on nothing is written for it, and hardly anything may wait: what is new pushes out what was.
    const b = again.open('a', { expiry: 0 })
    void again.broker.publish(message('t', 'new', { qos: 2 }))
    await again.host.settle()
    const { peer } = await b
    const found = peer.received.find(({ text }) => text === 'new')
    expect(found?.tag).not.toBe(1)
  })

  it('marks nothing as repeated that was published while its reader was away', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t')
    await r.publish('t', 'sent')
    await a.leave()
    await r.publish('t', 'waited')
    const b = await (await (await r.restart()).restart()).open('a')
    expect(b.peer.received.map(({ text, redelivered }) => [text, redelivered])).toEqual([
      ['sent', true],
      ['waited', false],
    ])
  })

  it('a subscription is owed what was published after it, to the record', async () => {
    const r = await rig()
    await (await r.open('other')).subscribe('t')
    const a = await r.open('a')
    await a.leave()
    const same = { qos: 1, retain: false, publisher: '', timestamp: 0 } as const
    const publish = (text: string): unknown =>
      r.broker.publish({ topic: 't', payload: new TextEncoder().encode(text), ...same })
    void publish('before')
    a.session.subscribe('t', { qos: 1 })
    void publish('after')
    await r.host.settle()
    expect((await (await r.restart()).open('a')).peer.texts).toEqual(['after'])
  })

  it('what came at QoS 0 does not come again because the subscription was raised, or another one came', async () => {
    const r = await rig()
    await (await r.open('other')).subscribe('#')
    const a = await r.open('a')
    await a.subscribe('t', { qos: 0 })
    await a.subscribe('#', { qos: 0 })
    await r.publish('t', '1')
    await r.publish('u', '2')
    await a.subscribe('t', { qos: 1 })
    await a.subscribe('+', { qos: 1 })
    await r.publish('t', '3')
    const { peer } = await (await r.restart()).open('a')
    expect(peer.texts).toEqual(['3'])
  })

  it('what is under way goes on at the QoS it began with', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t', { qos: 2 })
    await r.publish('t', 'm', { qos: 2 })
    await a.subscribe('t', { qos: 1 })
    const { peer } = await (await r.restart()).open('a')
    expect(peer.received.map(({ text, qos, tag }) => [text, qos, tag])).toEqual([['m', 2, 1]])
  })

  it('options of subscriptions are what they were', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t', { qos: 2, noLocal: true, retainAsPublished: true, identifier: 7 })
    await a.subscribe('u', { group: 'g', identifier: 8 })
    await a.subscribe('v', { exclusive: true, identifier: 9 })
    const again = await r.restart()
    const subscriptions = Array.from(again.broker.sessions.get('a')!.subscriptions.values(), ({ options }) => options)
    const plain = { group: undefined, exclusive: false, noLocal: false, retainAsPublished: false }
    expect(subscriptions).toEqual([
      { ...plain, qos: 2, noLocal: true, retainAsPublished: true, identifier: 7 },
      { ...plain, qos: 1, exclusive: true, identifier: 9 },
      { ...plain, qos: 1, group: 'g', identifier: 8 },
    ])
    expect(await again.publish('t', 'own', { publisher: 'a' })).toBe('kept')
    expect((await again.open('a')).peer.texts).toEqual([])
  })

  it('tags of QoS 2 messages that came in are known again', async () => {
    const r = await rig()
    const { session } = await r.open('p')
    expect([session.inbound.claim(7), session.inbound.claim(7), session.inbound.claim(8)]).toEqual([true, false, true])
    await r.host.settle()
    expect([session.inbound.release(8), session.inbound.release(8)]).toEqual([true, false])
    await r.host.settle()
    const { inbound } = (await (await r.restart()).open('p')).session
    expect([inbound.has(7), inbound.has(8), inbound.size]).toEqual([true, false, 1])
  })

  it('what has expired meanwhile is not owed', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t')
    await a.leave()
    await r.publish('t', 'expires', { expiresAt: r.host.clock.now() + 1000 })
    await r.host.advance(1000)
    const again = await r.restart()
    expect([again.broker.sessions.get('a')?.outbound.queued, (await again.open('a')).peer.texts]).toEqual([0, []])
  })

  it('of a storage that cannot be read fails', async () => {
    const r = await rig()
    await Promise.all([r.broker.close(), r.host.settle()])
    await r.storage.close()
    await expect(r.restart()).rejects.toThrow('closed')
  })
})
