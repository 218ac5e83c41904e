import { memoryStorage } from '@isomq/storage-memory'
import { failingStorage } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { allowAll, type Guard } from '../src/index.ts'
import { messageOverhead } from '../src/waiting.ts'
import { type Peer, rig, type Rig, type RigOptions, textOf } from './rig.ts'

/** A broker and a session that is subscribed to everything. */
async function subscribed(options: RigOptions & { credit?: number; expiry?: number; qos?: 1 | 2 } = {}) {
  const r = await rig(options)
  const { credit = 10, expiry = 3_600_000 } = options
  const a = await r.open('a', { credit, expiry })
  await a.subscribe('#', { qos: options.qos ?? 1 })
  return { r, ...a, out: a.session.outbound }
}

async function publishAll(r: Rig, ...texts: string[]): Promise<void> {
  for (const text of texts) await r.publish('t', text)
}

function tagged(peer: Peer): (readonly [text: string, tag: number, redelivered: boolean])[] {
  return peer.received.map(({ text, tag, redelivered }) => [text, tag, redelivered])
}

describe('the window', () => {
  it.each([
    ['durable', 3_600_000],
    ['not durable', 0],
  ])('holds as many as the peer takes at once, and an answer lets the next one out: %s', async (_, expiry) => {
    const { r, peer, out } = await subscribed({ credit: 2, expiry })
    await publishAll(r, '1', '2', '3', '4')
    expect([peer.texts, out.inflight.length, out.queued]).toEqual([['1', '2'], 2, 2])
    expect([out.ack(1), out.ack(1), out.ack(9)]).toEqual([true, false, false])
    expect(peer.texts).toEqual(['1', '2', '3'])
    expect([out.ack(2), out.ack(3), out.ack(4)]).toEqual([true, true, true])
    expect([peer.texts, out.inflight.length, out.queued]).toEqual([['1', '2', '3', '4'], 0, 0])
  })

  it('is never larger than the broker allows', async () => {
    const { r, peer } = await subscribed({ limits: { inflight: 1 } })
    await publishAll(r, '1', '2')
    expect(peer.texts).toEqual(['1'])
  })

  it('answers may come in any order', async () => {
    const { r, out, peer } = await subscribed({ credit: 3 })
    await publishAll(r, '1', '2', '3', '4', '5')
    expect([out.ack(2), out.ack(3), out.ack(1)]).toEqual([true, true, true])
    expect(peer.texts).toEqual(['1', '2', '3', '4', '5'])
  })

  it('QoS 0 passes by it, and is dropped only where no more fits', async () => {
    const { r, peer } = await subscribed({ credit: 1 })
    await publishAll(r, '1', '2')
    await r.publish('t', 'passes', { qos: 0 })
    peer.load = 1
    await r.publish('t', 'passes too', { qos: 0 })
    peer.load = 2
    await r.publish('slow', 'does not', { qos: 0 })
    await r.host.settle()
    expect([peer.texts, r.dropped('slow-consumer')]).toEqual([['1', 'passes', 'passes too'], ['slow']])
    peer.load = 0
    await r.publish('late', '', { qos: 0, expiresAt: r.host.clock.now() })
    expect([peer.received.length, r.dropped('expired')]).toEqual([3, ['late']])
  })

  it('a loaded peer gets nothing of QoS 1 until it is pumped', async () => {
    const { r, peer, out } = await subscribed()
    peer.load = 1
    await publishAll(r, '1', '2')
    expect([peer.texts, out.free]).toEqual([[], false])
    peer.load = 0
    out.pump()
    await r.host.settle()
    expect([peer.texts, out.free]).toEqual([['1', '2'], true])
  })

  it('what can never be delivered is dropped, and the line goes on, however long it is', async () => {
    const { r, peer, out } = await subscribed({ credit: 1, limits: { queuedBytes: 2 ** 30 } })
    peer.tooLarge = (message) => textOf(message) === 'large'
    await publishAll(r, '1')
    const promises = Array.from({ length: 20_000 }, () => r.publish('t', 'large'))
    await Promise.all(promises)
    await publishAll(r, '2')
    out.ack(1)
    await r.host.settle()
    expect([peer.texts, out.queued]).toEqual([['1', '2'], 0])
    expect([r.dropped('too-large').length, r.host.reports]).toEqual([20_000, []])
    await r.publish('zero', 'large', { qos: 0 })
    expect(r.dropped('too-large').at(-1)).toBe('zero')
  })
})

describe('QoS 2', () => {
  it('is accepted, then completed, and only then settled', async () => {
    const { r, out } = await subscribed({ credit: 1, qos: 2 })
    await r.publish('t', 'm', { qos: 2 })
    expect([out.ack(1), out.complete(1), out.accept(2)]).toEqual([false, false, false])
    expect([out.accept(1), out.accept(1), out.inflight.length, out.free]).toEqual([true, true, 1, false])
    await r.host.settle()
    expect(await r.keys('inflight')).toEqual(['a 1'])
    expect([out.complete(1), out.complete(1), out.free]).toEqual([true, false, true])
    await r.host.advance(1000)
    expect(await r.keys('inflight')).toEqual([])
  })

  it('a delivery of QoS 1 cannot be accepted', async () => {
    const { r, out } = await subscribed()
    await publishAll(r, '1')
    expect([out.accept(1), out.complete(1), out.inflight.length]).toEqual([false, false, 1])
  })

  it('accepted and completed in one turn leaves no row', async () => {
    const { r, out } = await subscribed({ qos: 2 })
    await r.publish('t', 'm', { qos: 2 })
    out.accept(1)
    out.complete(1)
    await r.host.advance(1000)
    expect(await r.keys('inflight')).toEqual([])
  })

  it('refused is dropped, counted and settled', async () => {
    const { r, out } = await subscribed({ qos: 2 })
    await r.publish('t', 'm', { qos: 2 })
    expect([out.reject(1), out.reject(1), out.inflight.length, r.dropped('rejected')]).toEqual([true, false, 0, ['t']])
  })

  it('on a new connection what was not accepted is sent again, the rest only confirmed', async () => {
    const { r, out } = await subscribed({ qos: 2 })
    for (const text of ['1', '2', '3']) await r.publish('t', text, { qos: 2 })
    out.accept(2)
    const { peer } = await r.open('a')
    expect([tagged(peer), peer.confirmed]).toEqual([
      [
        ['1', 1, true],
        ['3', 3, true],
      ],
      [2],
    ])
  })

  it('does not expire once it was sent, over a new connection or a restart', async () => {
    const { r } = await subscribed({ qos: 2 })
    await r.publish('t', 'm', { qos: 2, expiresAt: r.host.clock.now() + 1000 })
    await r.open('a')
    await r.host.advance(2000)
    expect((await r.open('a')).peer.texts).toEqual(['m'])
    expect((await (await r.restart()).open('a')).peer.texts).toEqual(['m'])
  })
})

describe('what waits', () => {
  it('is dropped, oldest first, beyond the limit', async () => {
    const { r, leave } = await subscribed({ limits: { maxQueued: 2 } })
    await leave()
    await publishAll(r, '1', '2', '3', '4')
    expect(r.dropped('queue-full')).toHaveLength(2)
    expect((await r.open('a')).peer.texts).toEqual(['3', '4'])
  })

  it('is dropped by bytes where no log has it', async () => {
    const { r, peer, out } = await subscribed({
      expiry: 0,
      credit: 1,
      limits: { queuedBytes: 2 * (3 + messageOverhead) },
    })
    await publishAll(r, '1', 'aaa', 'bbb', 'ccc')
    expect([out.queued, r.dropped('queue-full')]).toEqual([2, ['t']])
    for (const tag of [1, 2, 3]) out.ack(tag)
    expect(peer.texts).toEqual(['1', 'bbb', 'ccc'])
  })

  it('beyond the bytes is read back from the log, in order', async () => {
    const { r, peer, out } = await subscribed({ credit: 1, limits: { queuedBytes: messageOverhead } })
    const texts = Array.from({ length: 200 }, (_, i) => String(i))
    await publishAll(r, ...texts)
    for (const [tag] of texts.entries()) {
      out.ack(tag + 1)
      await r.host.settle()
    }
    expect([peer.texts, r.dropped('queue-full')]).toEqual([texts, []])
  })

  it('that expires is skipped and counted', async () => {
    const { r, leave } = await subscribed()
    await leave()
    await r.publish('u', 'expires', { expiresAt: r.host.clock.now() + 1000 })
    await publishAll(r, 'stays')
    await r.host.advance(1000)
    expect((await r.open('a')).peer.texts).toEqual(['stays'])
    expect(r.dropped('expired')).toEqual(['u'])
  })

  it('is still there when the log could not be read: it is read again a second later', async () => {
    let broken = false
    const storage = failingStorage(memoryStorage(), { failRead: () => (broken ? 'storage-failed' : undefined) })
    const { r, leave } = await subscribed({ storage })
    await leave()
    await publishAll(r, '1', '2')
    broken = true
    const { peer } = await r.open('a')
    await publishAll(r, '3')
    broken = false
    await r.host.advance(999)
    expect(peer.texts).toEqual([])
    await r.host.advance(1)
    expect(peer.texts).toEqual(['1', '2', '3'])
    expect(r.events.filter(({ type }) => type === 'storage-failed')).toHaveLength(1)
  })

  it('of an unsubscribed filter is not sent when it is read back; what was sent already is completed', async () => {
    const { r, session, leave } = await subscribed({ credit: 1 })
    await publishAll(r, '1', '2')
    session.unsubscribe('#')
    await r.host.settle()
    await leave()
    const again = await (await r.restart()).open('a')
    expect(tagged(again.peer)).toEqual([['1', 1, true]])
    again.session.outbound.ack(1)
    await r.host.settle()
    expect([again.peer.texts, again.session.outbound.queued]).toEqual([['1'], 0])
  })

  it('of an unsubscribed filter is not sent though it is held in memory', async () => {
    const { r, session, peer, out } = await subscribed({ credit: 1 })
    await publishAll(r, '1', '2')
    session.unsubscribe('#')
    out.ack(1)
    await r.host.settle()
    expect([peer.texts, out.queued]).toEqual([['1'], 0])
  })

  it.each(['held in memory', 'read back'])('is not sent to who may not see it any more: %s', async (where) => {
    const guard = { ...allowAll, version: 0, receives: () => true } satisfies Guard as {
      -readonly [K in keyof Guard]: Guard[K]
    }
    const { r, out, peer, leave } = await subscribed({ guard, credit: 1 })
    await publishAll(r, '1', '2')
    guard.receives = () => false
    guard.version++
    if (where === 'read back') await leave()
    const to = where === 'read back' ? (await r.open('a')).peer : peer
    out.ack(1)
    await r.host.settle()
    expect(to.texts).toEqual(where === 'read back' ? [] : ['1'])
    expect([out.queued, out.inflight.length, r.dropped('not-authorized').length > 0]).toEqual([0, 0, true])
  })
})

describe('tags', () => {
  /** The log grows by so many records that nobody waits for. */
  async function skip(r: Rig, records: number): Promise<Rig> {
    const filler = {
      topic: '$f',
      payload: new Uint8Array(0),
      qos: 1,
      retain: false,
      publisher: '',
      timestamp: 0,
    } as const
    await r.storage.log('$sessions').append(Array.from({ length: records }, () => filler))
    return r.restart()
  }

  it('another record under way has the tag: the row is durable before the message leaves with the next one', async () => {
    const { r } = await subscribed()
    await publishAll(r, 'old')
    const again = await skip(r, 65_534)
    const a = await again.open('a')
    const rows: string[][] = []
    const { deliver } = a.peer
    a.peer.deliver = (...all) => {
      void again.keys('inflight').then((keys) => rows.push(keys))
      return deliver.apply(a.peer, all)
    }
    await publishAll(again, 'new', 'next')
    expect(tagged(a.peer)).toEqual([
      ['old', 1, true],
      ['new', 2, false],
      ['next', 3, false],
    ])
    expect(rows.map((keys) => keys[0])).toEqual(['a 2', 'a 2'])
    const third = await (await again.restart()).open('a')
    expect(tagged(third.peer)).toEqual([
      ['old', 1, true],
      ['new', 2, true],
      ['next', 3, true],
    ])
  })

  it('a tag is not used again before it is durable that it is free', async () => {
    const { r } = await subscribed({ qos: 2 })
    await r.publish('t', 'old', { qos: 2 })
    const again = await skip(r, 65_534)
    const a = await again.open('a', { credit: 1 })
    await again.publish('t', 'new', { qos: 2 })
    // Answered in one turn, and then the broker is gone: after the restart the old one is under way again.
    a.session.outbound.accept(1)
    a.session.outbound.complete(1)
    await again.host.settle()
    expect(tagged(a.peer).at(-1)).toEqual(['new', 2, false])
  })

  it('in order of the log after a restart, though their rows have another order', async () => {
    const { r, session } = await subscribed({ credit: 12 })
    const texts = Array.from({ length: 12 }, (_, i) => String(i))
    await publishAll(r, ...texts)
    session.unsubscribe('#')
    await r.host.settle()
    const { peer } = await (await r.restart()).open('a', { credit: 12 })
    expect(peer.texts).toEqual(texts)
  })

  it('what is older than something that has a row comes before it after a restart', async () => {
    const { r } = await subscribed()
    await publishAll(r, 'old')
    const again = await skip(r, 65_533)
    await again.open('a')
    await publishAll(again, 'no row', 'row')
    const { peer } = await (await again.restart()).open('a')
    expect(tagged(peer)).toEqual([
      ['old', 1, true],
      ['no row', 65_535, true],
      ['row', 2, true],
    ])
  })

  it('a batch that fails holds back what waits for its row, not for ever', async () => {
    const disk = { full: false }
    const storage = failingStorage(memoryStorage(), { failCommit: () => (disk.full ? 'storage-failed' : undefined) })
    const { r } = await subscribed({ storage })
    await publishAll(r, 'old')
    const again = await skip(r, 65_534)
    const a = await again.open('a')
    const publishing = again.broker.publish({
      topic: 't',
      payload: new Uint8Array(1),
      qos: 1,
      retain: false,
      publisher: '',
      timestamp: 0,
    })
    again.host.turn()
    await publishing
    disk.full = true
    await again.host.settle()
    expect(a.peer.texts).toEqual(['old'])
    disk.full = false
    await again.host.advance(1000)
    expect(tagged(a.peer)).toEqual([
      ['old', 1, true],
      ['\0', 2, false],
    ])
  })
})
