import { memoryStorage } from '@isomq/storage-memory'
import { delayOn, failingStorage, fakeHost, slowStorage } from '@isomq/testkit'
import type { Storage } from '../src/index.ts'
import { describe, expect, it } from 'vitest'
import { message, rig, type Rig, type RigOptions } from './rig.ts'

/** A broker whose disk takes 10 ms from the moment `slow` is set. */
async function slowRig(): Promise<{ r: Rig; disk: Storage; slow: () => void }> {
  const host = fakeHost()
  const disk = memoryStorage()
  const delay = delayOn(host.clock, 10)
  let isSlow = false
  const storage = slowStorage(disk, () => (isSlow ? delay() : Promise.resolve()))
  return { r: await rig({ host, storage }), disk, slow: () => void (isSlow = true) }
}

/** A broker whose disk is full while `full` is true. */
async function fullRig(options: RigOptions = {}): Promise<{ r: Rig; disk: { full: boolean } }> {
  const disk = { full: false }
  const storage = failingStorage(memoryStorage(), { failCommit: () => (disk.full ? 'storage-failed' : undefined) })
  return { r: await rig({ ...options, storage }), disk }
}

describe('before a commit is durable', () => {
  it('nothing is delivered and the publisher is not told', async () => {
    const { r, slow } = await slowRig()
    const { subscribe, peer } = await r.open('a')
    await subscribe('t')
    slow()
    let told = false
    void (r.broker.publish(message('t', 'm')) as Promise<void>).then(() => (told = true))
    await r.host.settle()
    await r.host.advance(9)
    expect([told, peer.texts, r.broker.backlog]).toEqual([false, [], 1])
    await r.host.advance(1)
    expect([told, peer.texts, r.broker.backlog]).toEqual([true, ['m'], 0])
  })

  it('one batch at a time is under way, and the next gathers behind it', async () => {
    const { r, slow } = await slowRig()
    const { subscribe, peer } = await r.open('a')
    await subscribe('t')
    slow()
    const { commits } = r.broker.counters
    for (const text of ['1', '2', '3']) {
      void r.broker.publish(message('t', text))
      await r.host.settle()
    }
    await r.host.advance(10)
    expect(peer.texts).toEqual(['1'])
    await r.host.advance(10)
    expect(peer.texts).toEqual(['1', '2', '3'])
    expect(r.broker.counters.commits - commits).toBe(2)
  })

  it('whoever unsubscribes meanwhile does not get it', async () => {
    const { r, slow } = await slowRig()
    const a = await r.open('a')
    await a.subscribe('t')
    slow()
    void r.broker.publish(message('t', 'm'))
    await r.host.settle()
    a.session.unsubscribe('t')
    await r.host.advance(30)
    expect(a.peer.texts).toEqual([])
  })

  it('a crash loses what nobody was told of, and nothing else', async () => {
    const { r, disk, slow } = await slowRig()
    const a = await r.open('a')
    await a.subscribe('t')
    await r.publish('t', 'kept')
    slow()
    void r.broker.publish(message('t', 'lost'))
    await r.host.settle()
    const again = await rig({ storage: disk })
    expect((await again.open('a')).peer.texts).toEqual(['kept'])
  })
})

describe('while a log is read', () => {
  it('the session may end and another take its name: what is read then changes nothing', async () => {
    const disk = memoryStorage()
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    const storage: Storage = {
      table: (name) => disk.table(name),
      log: (name) => ({ ...disk.log(name), get: (offsets) => gate.then(() => disk.log(name).get(offsets)) }),
      commit: (batch) => disk.commit(batch),
      close: () => disk.close(),
    }
    const r = await rig({ storage })
    const a = await r.open('a')
    await a.subscribe('t')
    await a.leave()
    await r.publish('t', 'm')
    await r.open('a')
    await r.open('a', { clean: true })
    await r.host.advance(2000)
    open()
    await r.host.advance(2000)
    expect(await r.keys('sessions')).toEqual(['a'])
  })
})

describe('when a commit fails', () => {
  it('the publisher is refused, nothing is delivered, and offsets go on without a gap', async () => {
    const { r, disk } = await fullRig()
    const a = await r.open('a')
    await a.subscribe('t')
    disk.full = true
    expect(await r.publish('t', 'refused')).toBe('storage-failed')
    disk.full = false
    expect(await r.publish('t', 'kept')).toBe('kept')
    expect(a.peer.received.map(({ text, tag }) => [text, tag])).toEqual([['kept', 1]])
    expect(await r.records()).toEqual(['kept'])
    expect(r.events.filter(({ type }) => type === 'storage-failed')).toHaveLength(1)
    expect((await (await r.restart()).open('a')).peer.texts).toEqual(['kept'])
  })

  it.each([0, 1] as const)('a retained message of QoS %i is taken back', async (qos) => {
    const { r, disk } = await fullRig()
    await r.publish('t', 'old', { retain: true, qos: 1 })
    disk.full = true
    await r.publish('t', 'new', { retain: true, qos })
    await r.host.settle()
    expect([r.broker.retained.get('t')?.payload.length, r.broker.retained.bytes]).toEqual([3, 3])
    expect(r.broker.retained.get('t')?.payload).toEqual(message('', 'old').payload)
  })

  it('so are several of one turn', async () => {
    const { r, disk } = await fullRig()
    await r.publish('t', 'old', { retain: true })
    disk.full = true
    const refused = ['new', 'newer'].map((text) =>
      expect(r.broker.publish(message('t', text, { retain: true }))).rejects.toThrow('made to fail'),
    )
    await Promise.all([...refused, r.host.settle()])
    expect(r.broker.retained.get('t')?.payload).toEqual(message('', 'old').payload)
  })

  it('and the next one too: the retained message is the last that was kept', async () => {
    const { r, disk } = await fullRig()
    await r.publish('t', 'old', { retain: true })
    disk.full = true
    // The second joins the next batch while the first is under way.
    const first = r.broker.publish(message('t', 'new', { retain: true }))
    r.host.turn()
    const second = r.broker.publish(message('t', 'newer', { retain: true }))
    await Promise.all([
      expect(first).rejects.toThrow('made to fail'),
      expect(second).rejects.toThrow('made to fail'),
      r.host.settle(),
    ])
    expect(r.broker.retained.get('t')?.payload).toEqual(message('', 'old').payload)
  })

  it('a QoS 2 message that was refused is new when it comes again, also to another connection', async () => {
    const { r, disk } = await fullRig()
    const { session, leave } = await r.open('p')
    await (await r.open('a')).subscribe('t')
    disk.full = true
    session.inbound.claim(7)
    const refused = r.publish('t', 'm', { qos: 2 })
    await leave()
    expect(await refused).toBe('storage-failed')
    expect(session.inbound.has(7)).toBe(false)
  })

  it('sessions and subscriptions are written with the next batch', async () => {
    const { r, disk } = await fullRig()
    disk.full = true
    const a = await r.open('a')
    await a.subscribe('t')
    expect(await r.keys('sessions')).toEqual([])
    disk.full = false
    await r.host.advance(1000)
    expect([await r.keys('sessions'), await r.keys('subscriptions')]).toEqual([['a'], ['a  t']])
    expect(await r.publish('t', 'm')).toBe('kept')
    expect((await (await r.restart()).open('a')).peer.texts).toEqual(['m'])
  })

  it('a subscription is owed what comes after, not counted from records that do not exist', async () => {
    const { r, disk } = await fullRig()
    const a = await r.open('a')
    await (await r.open('b')).subscribe('t')
    disk.full = true
    const refused = [1, 2, 3].map(() => expect(r.broker.publish(message('t', ''))).rejects.toThrow('made to fail'))
    a.session.subscribe('t', { qos: 1 })
    await r.host.settle()
    await Promise.all(refused)
    disk.full = false
    await a.leave()
    await r.publish('t', 'm')
    expect((await (await r.restart()).open('a')).peer.texts).toEqual(['m'])
  })

  it('a new session is not deleted with the one it replaced', async () => {
    const { r, disk } = await fullRig()
    await (await r.open('a')).subscribe('t')
    disk.full = true
    await r.open('a', { clean: true })
    disk.full = false
    await r.open('a')
    await r.host.advance(1000)
    expect([await r.keys('sessions'), await r.keys('subscriptions')]).toEqual([['a'], []])
  })

  it('the tag of a QoS 2 message that was released does not come back', async () => {
    const { r, disk } = await fullRig()
    const { session } = await r.open('p')
    session.inbound.claim(7)
    await r.host.settle()
    disk.full = true
    session.inbound.release(7)
    await r.host.settle()
    disk.full = false
    await r.host.advance(1000)
    expect(await r.keys('inbound')).toEqual([])
  })

  it('closing tells so', async () => {
    const { r, disk } = await fullRig()
    await r.open('a')
    disk.full = true
    await expect(Promise.all([r.broker.close(), r.host.settle()])).rejects.toThrow('made to fail')
  })
})

describe('closing', () => {
  it('ends every connection, writes what is unwritten, leaves no timer, and lets nobody in', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t')
    await r.publish('t', 'm')
    a.session.outbound.ack(1)
    await Promise.all([r.broker.close(), r.host.settle()])
    await r.broker.close()
    expect(a.peer.ended).toEqual(['shutting-down'])
    expect(r.host.clock.pending).toBe(0)
    await expect(r.open('b')).rejects.toThrow('shutting-down')
    expect(await r.publish('t')).toBe('shutting-down')
    expect((await (await r.restart()).open('a')).peer.texts).toEqual([])
  })
})
