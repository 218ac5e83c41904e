import { describe, expect, it } from 'vitest'
import { memoryStorage } from '@isomq/storage-memory'
import { allowAll, type Log, type Qos } from '../src/index.ts'
import { type Client, rig, type Rig } from './rig.ts'

const shared = { group: 'g' }

async function members(r: Rig, ...ids: string[]): Promise<Client[]> {
  const clients: Client[] = []
  for (const id of ids) {
    const client = await r.open(id)
    await client.subscribe('t', shared)
    clients.push(client)
  }
  return clients
}

async function publishAll(r: Rig, texts: string[], qos: Qos = 1): Promise<void> {
  for (const text of texts) await r.publish('t', text, { qos })
}

describe('a group', () => {
  it.each([0, 1, 2] as const)('gives each message of QoS %i to one member in turn', async (qos) => {
    const r = await rig()
    const [a, b, c] = (await members(r, 'a', 'b', 'c')) as [Client, Client, Client]
    await b.leave()
    await publishAll(r, ['1', '2', '3', '4'], qos)
    expect([a.peer.texts, b.peer.texts, c.peer.texts]).toEqual([['1', '3'], [], ['2', '4']])
  })

  it('is one group by name and filter; a session may be in several and have its own copy', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t', { group: 'g' })
    await a.subscribe('t', { group: 'h' })
    await a.subscribe('+', { group: 'g' })
    await a.subscribe('t')
    await r.publish('t')
    expect(a.peer.texts).toHaveLength(4)
    expect(await r.records()).toHaveLength(1)
  })

  it('passes over a member that cannot take more, and waits when none can', async () => {
    const r = await rig()
    const [a, b] = (await members(r, 'a', 'b')) as [Client, Client]
    a.peer.credit = 1
    b.peer.load = 1
    await publishAll(r, ['1', '2', '3'])
    expect([a.peer.texts, b.peer.texts]).toEqual([['1'], []])
    b.peer.load = 0
    b.session.outbound.pump()
    expect([a.peer.texts, b.peer.texts]).toEqual([['1'], ['2', '3']])
  })

  it('passes over a member who may not see the topic', async () => {
    const guard = {
      authenticate: () => Promise.reject(new Error('not asked')),
      authorize: () => true,
      receives: ({ clientId }: { clientId: string }) => clientId !== 'a',
      version: 0,
    }
    const r = await rig({ guard })
    const [a, b] = (await members(r, 'a', 'b')) as [Client, Client]
    await publishAll(r, ['1', '2'])
    expect([a.peer.texts, b.peer.texts]).toEqual([[], ['1', '2']])
  })

  it('drops at once, and counts, what nobody who is connected may see; it holds up nobody', async () => {
    const guard = { ...allowAll, receives: (_: unknown, topic: string) => topic !== 'secret/1' }
    const r = await rig({ guard })
    const a = await r.open('a')
    await a.subscribe('secret/+', shared)
    await r.publish('secret/1')
    expect([r.broker.pressure.hold(() => {}), r.dropped('not-authorized')]).toEqual([false, ['secret/1']])
    await r.publish('secret/2')
    expect(a.peer.texts).toEqual(['secret/2'])
    await r.host.advance(11_000)
    a.session.outbound.ack(a.peer.received[0]!.tag)
    await r.host.advance(11_000)
    expect(await r.records()).toEqual([])
  })

  it('what only a member may see that is full waits for it, and what others may see does not', async () => {
    const receives = ({ clientId }: { clientId: string }, topic: string): boolean =>
      clientId === 'a' || topic === 'x/all'
    const r = await rig({ guard: { ...allowAll, receives } })
    const [a, b] = [await r.open('a', { credit: 1 }), await r.open('b')]
    for (const each of [a, b]) await each.subscribe('x/+', shared)
    for (const text of ['1', '2', '3']) await r.publish('x/a', text)
    await r.publish('x/all', '4')
    expect([a.peer.texts, b.peer.texts, r.dropped('not-authorized')]).toEqual([['1'], ['4'], []])
    a.session.outbound.ack(a.peer.received[0]!.tag)
    a.session.outbound.ack(a.peer.received[1]!.tag)
    expect(a.peer.texts).toEqual(['1', '2', '3'])
  })

  it('reads back what waits when somebody can take it, each message once', async () => {
    const reads: (readonly number[])[] = []
    const memory = memoryStorage()
    const log = memory.log('$sessions')
    const get: Log['get'] = (offsets) => {
      reads.push(offsets)
      return log.get(offsets)
    }
    memory.log = () => ({ ...log, get })
    const r = await rig({ limits: { inflight: 1 }, storage: memory })
    const [a] = (await members(r, 'a')) as [Client]
    await publishAll(r, ['0'])
    await a.leave()
    await publishAll(r, ['1', '2', '3'])
    await r.host.advance(1000)
    expect(reads).toEqual([])
    const { peer, session } = await r.open('a', { load: 2 })
    peer.tooLarge = () => true
    peer.load = 0
    session.outbound.pump()
    await r.host.settle()
    expect([reads, r.dropped('too-large')]).toEqual([
      [[1], [2], [3]],
      ['t', 't', 't', 't'],
    ])
  })

  it.each([
    ['round-robin', 'c'],
    ['sticky', 'b'],
  ] as const)('goes on where it was when a member leaves for good: %s', async (sharing, next) => {
    const r = await rig({ sharing })
    const all = await members(r, 'a', 'b', 'c')
    all[0]!.peer.load = sharing === 'sticky' ? 2 : 0
    await publishAll(r, sharing === 'sticky' ? ['1'] : ['1', '2'])
    expect(all[1]!.peer.texts).toHaveLength(1)
    all[0]!.session.unsubscribe('t', 'g')
    await publishAll(r, ['last'])
    expect(all.filter(({ peer }) => peer.texts.includes('last')).map(({ session }) => session.id)).toEqual([next])
  })

  it('keeps its place while nobody is connected, over a restart too', async () => {
    const r = await rig()
    const [a] = (await members(r, 'a')) as [Client]
    await a.leave()
    await publishAll(r, ['1', '2'])
    const again = await r.restart()
    await again.publish('t', '3')
    expect((await again.open('a')).peer.received.map((d) => [d.text, d.tag])).toEqual([
      ['1', 1],
      ['2', 2],
      ['3', 3],
    ])
  })

  it('keeps no place for members who are not durable', async () => {
    const r = await rig()
    const a = await r.open('a', { expiry: 0 })
    await a.subscribe('t', shared)
    expect(await r.publish('t')).toBe('void')
    expect([a.peer.texts, await r.records()]).toEqual([['t'], []])
  })

  it('what a member has not acknowledged goes to the others in order, as if never sent', async () => {
    const r = await rig()
    const [a, b] = (await members(r, 'a', 'b')) as [Client, Client]
    await publishAll(r, ['1', '2', '3', '4', '5', '6'])
    a.session.outbound.ack(3)
    await a.leave()
    expect(b.peer.received.map((d) => [d.text, d.redelivered])).toEqual(
      ['2', '4', '6', '1', '5'].map((text) => [text, false]),
    )
    expect((await r.open('a')).peer.texts).toEqual([])
  })

  it('it is in order also when it comes back from several', async () => {
    const r = await rig()
    const [a, b] = (await members(r, 'a', 'b')) as [Client, Client]
    await publishAll(r, ['1', '2', '3', '4'])
    r.broker.sessions.leave(b.session, b.peer, { forgetWill: false, reason: 'lost' })
    await a.leave()
    expect((await r.open('a')).peer.texts).toEqual(['1', '2', '3', '4'])
  })

  it('it keeps its place in that order when it comes back a second time', async () => {
    const r = await rig()
    const [a, b] = (await members(r, 'a', 'b')) as [Client, Client]
    await publishAll(r, ['1', '2', '3'])
    await a.leave()
    expect(b.peer.texts).toEqual(['2', '1', '3'])
    await b.leave()
    expect((await r.open('a')).peer.texts).toEqual(['1', '2', '3'])
  })

  it('it goes to the front of the line, and is there once after a restart', async () => {
    const r = await rig()
    const [a] = (await members(r, 'a')) as [Client]
    a.peer.credit = 2
    await publishAll(r, ['1', '2', '3'])
    await a.leave()
    // Whoever joins has the place of the group written.
    await (await r.open('b', { load: 1 })).subscribe('t', shared)
    expect((await (await r.restart()).open('a')).peer.texts).toEqual(['1', '2', '3'])
    expect((await r.open('a')).peer.texts).toEqual(['1', '2', '3'])
  })

  it('QoS 2 that has begun stays with its member, over a restart too', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t', { ...shared, qos: 2 })
    await publishAll(r, ['1'], 2)
    const b = await r.open('b')
    await b.subscribe('t', { ...shared, qos: 2 })
    await a.leave()
    expect(b.peer.texts).toEqual([])
    const again = await r.restart()
    expect((await again.open('b')).peer.texts).toEqual([])
    const back = await again.open('a')
    expect(back.peer.received.map((d) => [d.text, d.tag, d.redelivered])).toEqual([['1', 1, true]])
    back.session.outbound.accept(1)
    back.session.outbound.complete(1)
    await again.host.advance(1000)
    expect(await again.keys('inflight')).toEqual([])
    expect((await (await again.restart()).open('b')).peer.texts).toEqual([])
  })

  it('it does not leave before its row is durable', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t', { ...shared, qos: 2 })
    const { deliver } = a.peer
    const rows: Promise<string[]>[] = []
    a.peer.deliver = (...all) => {
      rows.push(r.keys('inflight'))
      return deliver.apply(a.peer, all)
    }
    await publishAll(r, ['1', '2'], 2)
    expect(await Promise.all(rows)).toEqual([['a 1'], ['a 1', 'a 2']])
  })

  it('when the last member leaves nothing is left of it', async () => {
    const r = await rig()
    const [a, b] = (await members(r, 'a', 'b')) as [Client, Client]
    await publishAll(r, ['1', '2'])
    a.session.unsubscribe('t', 'g')
    await b.leave({ expiry: 0 })
    expect(await r.publish('t')).toBe('void')
    await r.host.advance(1000)
    expect([await r.keys('groups'), await r.keys('subscriptions')]).toEqual([[], []])
  })

  it('one that comes after it under its name keeps its own place', async () => {
    const r = await rig()
    const [a] = (await members(r, 'a')) as [Client]
    await publishAll(r, ['1'])
    a.session.unsubscribe('t', 'g')
    await r.host.advance(1000)
    await a.subscribe('t', shared)
    a.session.outbound.ack(1)
    await r.host.advance(1000)
    await a.leave()
    await publishAll(r, ['2'])
    expect((await (await r.restart()).open('a')).peer.texts).toEqual(['2'])
  })

  it('what was under way to who unsubscribed is completed by him', async () => {
    const r = await rig()
    const [a] = (await members(r, 'a')) as [Client]
    await publishAll(r, ['1'])
    a.session.unsubscribe('t', 'g')
    await a.leave()
    expect((await r.open('a')).peer.received.map((d) => [d.text, d.redelivered])).toEqual([['1', true]])
  })

  it('what goes back to it leaves no row behind', async () => {
    const r = await rig()
    const [a, b] = (await members(r, 'a', 'b')) as [Client, Client]
    await a.subscribe('other')
    await publishAll(r, ['1'])
    a.session.unsubscribe('other')
    await r.host.settle()
    expect(await r.keys('inflight')).toEqual(['a 1'])
    await a.leave()
    await r.host.advance(1000)
    expect([b.peer.texts, await r.keys('inflight')]).toEqual([['1'], []])
  })

  it('what goes back to it is the oldest of its line, and the first to go', async () => {
    const r = await rig({ limits: { maxQueued: 3 } })
    const a = await r.open('a', { credit: 2 })
    await a.subscribe('t', shared)
    await publishAll(r, ['1', '2'])
    await a.leave()
    await publishAll(r, ['3', '4'])
    expect([r.dropped('queue-full').length, a.session.groups.values().next().value?.queued]).toEqual([1, 3])
    await publishAll(r, ['5', '6'])
    await r.host.advance(10_000)
    // The log forgets what it has given up.
    expect(await r.records()).toEqual(['4', '5', '6'])
    expect((await (await r.restart()).open('a')).peer.texts).toEqual(['4', '5', '6'])
    expect((await r.open('a', { credit: 9 })).peer.texts).toEqual(['4', '5', '6'])
  })

  it('what goes back to a line that is full is beyond it', async () => {
    const r = await rig({ limits: { maxQueued: 2 } })
    const a = await r.open('a', { credit: 1 })
    await a.subscribe('t', shared)
    await publishAll(r, ['1', '2', '3'])
    expect(r.dropped('queue-full')).toEqual([])
    await a.leave()
    expect(r.dropped('queue-full')).toHaveLength(1)
    expect((await r.open('a')).peer.texts).toEqual(['2', '3'])
  })

  it('what goes back to it is given up with the log that it lies in', async () => {
    const r = await rig({ limits: { logBytes: 160 } })
    const a = await r.open('a', { credit: 2 })
    await a.subscribe('t', shared)
    await publishAll(r, ['1'.padEnd(10), '2'.padEnd(10)])
    await a.leave()
    for (let i = 3; i < 40; i++) await publishAll(r, [String(i).padEnd(10)])
    const { start, end } = await r.storage.log('$sessions').range()
    expect([end, (await r.open('a', { credit: 99 })).peer.texts.length]).toEqual([39, end - start])
    expect(r.dropped('queue-full')).toHaveLength(start)
  })

  it('its line is bounded, and what is beyond is counted', async () => {
    const r = await rig({ limits: { maxQueued: 2 } })
    const [a] = (await members(r, 'a')) as [Client]
    await a.leave()
    await publishAll(r, ['1', '2', '3', '4'])
    expect((await r.open('a')).peer.texts).toEqual(['3', '4'])
    expect(r.dropped('queue-full')).toHaveLength(2)
  })
})
