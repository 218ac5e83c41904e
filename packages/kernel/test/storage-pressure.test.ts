import { memoryStorage } from '@isomq/storage-memory'
import { failingStorage } from '@isomq/testkit'
import { type ErrorCode, Will } from '../src/index.ts'
import { describe, expect, it } from 'vitest'
import { message, rig, type Rig, type RigOptions, textOf } from './rig.ts'

interface Disk {
  /** What every change fails with, if anything. */
  fault: ErrorCode | undefined
  /** What every read fails with. */
  readFault: ErrorCode | undefined
  /** Changes asked for. */
  asked: number
}

async function onDisk(options: RigOptions = {}): Promise<{ r: Rig; disk: Disk }> {
  const disk: Disk = { fault: undefined, readFault: undefined, asked: 0 }
  const storage = failingStorage(memoryStorage(), {
    failCommit: () => {
      disk.asked++
      return disk.fault
    },
    failRead: () => disk.readFault,
  })
  return { r: await rig({ ...options, storage }), disk }
}

const kinds = (r: Rig): string[] => r.events.map(({ type }) => type).filter((type) => type.startsWith('storage'))

describe('the health of a broker', () => {
  it('is bad from the first failure until the storage works again; both are told once', async () => {
    const { r, disk } = await onDisk()
    await (await r.open('a')).subscribe('t')
    expect(r.broker.health).toEqual({ state: 'ok' })
    disk.fault = 'quota-exceeded'
    const since = r.host.clock.now()
    for (let i = 0; i < 5; i++) {
      void r.publish('t')
      await r.host.advance(1000)
    }
    expect(r.broker.health).toMatchObject({ state: 'storage-failing', since, error: { code: 'quota-exceeded' } })
    expect(kinds(r)).toEqual(['storage-failed'])
    disk.fault = undefined
    await r.host.advance(1000)
    expect([r.broker.health, kinds(r)]).toEqual([{ state: 'ok' }, ['storage-failed', 'storage-recovered']])
    expect(r.events.find(({ type }) => type === 'storage-recovered')).toMatchObject({ since })
  })

  it('is bad while records cannot be read, whatever can be written', async () => {
    const { r, disk } = await onDisk({ limits: { queuedBytes: 1 } })
    const a = await r.open('a')
    await a.subscribe('t')
    await a.leave()
    await r.publish('t', 'm')
    disk.readFault = 'storage-failed'
    const again = await r.open('a')
    await r.publish('t', 'n')
    expect([r.broker.health.state, again.peer.texts]).toEqual(['storage-failing', []])
    disk.readFault = undefined
    await r.host.advance(1000)
    expect([r.broker.health.state, again.peer.texts]).toEqual(['ok', ['m', 'n']])
  })

  it('is bad while the log cannot be trimmed, which is tried again', async () => {
    const { r, disk } = await onDisk()
    const a = await r.open('a')
    await a.subscribe('t')
    await r.publish('t')
    a.session.outbound.ack(1)
    await r.host.advance(5000)
    disk.fault = 'storage-failed'
    await r.host.advance(5000)
    expect([r.broker.health.state, await r.records()]).toEqual(['storage-failing', ['t']])
    disk.fault = undefined
    await r.host.advance(10_000)
    expect([r.broker.health.state, await r.records()]).toEqual(['ok', []])
  })
})

describe('while the storage fails', () => {
  it('it is asked at a bounded pace, whatever comes', async () => {
    const { r, disk } = await onDisk()
    await (await r.open('a')).subscribe('t')
    disk.fault = 'storage-failed'
    let refused = 0
    // A publisher that repeats whatever is refused, at once.
    const hammer = (): void => {
      void (r.broker.publish(message('t', '')) as Promise<void>).catch(() => {
        refused++
        hammer()
      })
    }
    hammer()
    await r.host.advance(10_000)
    disk.asked = 0
    refused = 0
    await r.host.advance(10_000)
    expect([disk.asked, refused]).toEqual([10, 10])
  })

  it('what needs no disk goes on at once, also at QoS 1 and 2; who waits for the disk waits alone', async () => {
    const { r, disk } = await onDisk()
    await (await r.open('kept')).subscribe('kept')
    const passing = await r.open('passing', { expiry: 0 })
    await passing.subscribe('t', { qos: 2 })
    disk.fault = 'storage-failed'
    for (let i = 0; i < 20; i++) {
      void r.broker.publish(message('kept', ''))?.catch(() => {})
      await r.host.advance(1000)
    }
    void r.publish('kept')
    await r.host.settle()
    const outcomes: string[] = []
    const publish = (topic: string, text: string, qos: 0 | 1 | 2, publisher: string): void => {
      const done = r.broker.publish(message(topic, text, { qos, publisher })) ?? Promise.resolve()
      done.then(
        () => outcomes.push(text),
        () => outcomes.push(`${text} refused`),
      )
    }
    publish('kept', 'waits', 1, 'p')
    publish('t', 'behind it', 1, 'p')
    for (const qos of [0, 1, 2] as const) publish('t', `at once ${qos}`, qos, 'q')
    await r.host.settle()
    expect(passing.peer.texts).toEqual(['at once 0', 'at once 1', 'at once 2'])
    expect(outcomes).toEqual(['at once 0', 'at once 1', 'at once 2'])
    await r.host.advance(1000)
    expect(passing.peer.texts.slice(3)).toEqual(['behind it'])
    expect(outcomes.slice(3)).toEqual(['waits refused', 'behind it'])
  })

  it('a message that shares a commit with others is not refused with them', async () => {
    const { r, disk } = await onDisk()
    await (await r.open('kept')).subscribe('kept')
    const passing = await r.open('passing', { expiry: 0 })
    await passing.subscribe('t')
    disk.fault = 'storage-failed'
    const refused = expect(r.broker.publish(message('kept', ''))).rejects.toThrow('made to fail')
    const taken = expect(r.broker.publish(message('t', 'm'))).resolves.toBe(undefined)
    await r.host.settle()
    await Promise.all([refused, taken])
    expect(passing.peer.texts).toEqual(['m'])
  })

  it('a QoS 2 message stands or falls with its tag', async () => {
    const { r, disk } = await onDisk()
    const { session } = await r.open('p')
    const passing = await r.open('passing', { expiry: 0 })
    await passing.subscribe('t', { qos: 2 })
    disk.fault = 'storage-failed'
    session.inbound.claim(7)
    expect(await r.publish('t', 'm', { qos: 2, publisher: 'p' })).toBe('storage-failed')
    expect([passing.peer.texts, session.inbound.has(7)]).toEqual([[], false])
  })

  it('closing does not wait for the next attempt', async () => {
    const { r, disk } = await onDisk()
    await (await r.open('a')).subscribe('t')
    disk.fault = 'storage-failed'
    for (let i = 0; i < 20; i++) {
      void r.broker.publish(message('t', ''))?.catch(() => {})
      await r.host.advance(1000)
    }
    disk.fault = undefined
    await Promise.all([r.broker.close(), r.host.settle()])
    expect(r.host.clock.pending).toBe(0)
  })
})

/** What clients could tell of a broker, when nobody is connected. */
function stateOf({ broker }: Rig): unknown {
  const sessions = Array.from(broker.sessions, ({ id, subscriptions, inbound, outbound, will }) => ({
    id,
    filters: Array.from(subscriptions.values(), ({ filter, options }) => [filter, options.qos, options.group]).sort(),
    tags: inbound.size,
    owed: outbound.queued + outbound.inflight.length,
    accepted: Array.from(outbound.inflight)
      .filter((each) => each.accepted)
      .map((each) => each.tag),
    will: will === undefined ? undefined : textOf(will.message),
  }))
  return {
    sessions: sessions.sort((a, b) => (a.id < b.id ? -1 : 1)),
    retained: ['r', 's'].map((topic) => broker.retained.get(topic)).map((each) => each && textOf(each)),
    delayed: Array.from(broker.delayed, ({ id }) => id),
    bans: Array.from(broker.bans, ({ value }) => value).sort(),
  }
}

type Step = (r: Rig, people: Awaited<ReturnType<typeof cast>>) => unknown

/** Somebody who reads, one who reads at QoS 2, a member of a group, and one who publishes. */
async function cast(r: Rig) {
  const [reader, exact, member, publisher] = [
    await r.open('reader'),
    await r.open('exact'),
    await r.open('member'),
    await r.open('publisher', { will: new Will(message('t', 'gone', { publisher: 'publisher' })) }),
  ]
  await reader.subscribe('t')
  await exact.subscribe('t', { qos: 2 })
  await member.subscribe('t', { group: 'g' })
  await r.publish('r', 'old', { retain: true })
  for (const text of ['1', '2']) await r.publish('t', text, { qos: 2 })
  publisher.session.inbound.claim(7)
  exact.session.outbound.accept(1)
  void r.publish('later', '', { dueAt: r.host.clock.now() + 4000 })
  void r.broker.bans.add({ kind: 'clientId', value: 'old', reason: '' })
  await r.host.advance(2000)
  return { reader, exact, member, publisher }
}

const steps: Readonly<Record<string, Step>> = {
  'a message of QoS 1': (r) => r.publish('t', 'new'),
  'a message of QoS 2 and its tag': (r, { publisher }) => {
    publisher.session.inbound.claim(8)
    return r.publish('t', 'new', { qos: 2, publisher: 'publisher' })
  },
  'a retained message': (r) => r.publish('r', 'new', { retain: true }),
  'a retained message of QoS 0': (r) => r.publish('s', 'new', { retain: true, qos: 0 }),
  'deleting a retained message': (r) => r.publish('r', '', { retain: true }),
  'a subscription': (_, { reader }) => reader.subscribe('r'),
  'a subscription that is replaced': (_, { reader }) => reader.subscribe('t', { qos: 2 }),
  'a subscription of a group': (_, { reader }) => reader.subscribe('u', { group: 'h' }),
  unsubscribing: (_, { reader }) => reader.session.unsubscribe('t'),
  'leaving a group': (_, { member }) => member.session.unsubscribe('t', 'g'),
  PUBACK: (_, { reader }) => reader.session.outbound.ack(1),
  'PUBACK of a member': (_, { member }) => member.session.outbound.ack(1),
  PUBREC: (_, { exact }) => exact.session.outbound.accept(2),
  PUBREL: (_, { publisher }) => publisher.session.inbound.release(7),
  PUBCOMP: (_, { exact }) => exact.session.outbound.complete(1),
  'a new session': (r) => r.open('new', { clean: true }),
  'a session that begins anew': (r) => r.open('exact', { clean: true }),
  'the end of a session': (r, { exact }) => r.broker.sessions.end(exact.session, 'banned'),
  'a session that stops being durable': (_, { reader }) => reader.leave({ forgetWill: true, expiry: 0 }),
  'a message for later': (r) => r.publish('t', 'new', { dueAt: r.host.clock.now() + 60_000 }),
  'a message taken back': async (r) => {
    const [first] = Array.from(r.broker.delayed)
    const outcome = r.broker.delayed.cancel(first!.id).catch(() => {})
    await r.host.settle()
    await outcome
  },
  'a message that falls due': (r) => r.host.advance(2500),
  'a will': (_, { publisher }) => publisher.leave(),
  'a ban': async (r) => {
    const outcome = Promise.resolve(r.broker.bans.add({ kind: 'clientId', value: 'new', reason: '' })).catch(() => {})
    await r.host.settle()
    await outcome
  },
}

describe.each<ErrorCode>(['quota-exceeded', 'storage-failed'])('after %s memory and disk agree again', (fault) => {
  it.each(Object.keys(steps))('about %s', async (name) => {
    const { r, disk } = await onDisk()
    const people = await cast(r)
    disk.fault = fault
    await steps[name]!(r, people)
    await r.host.advance(3000)
    expect(r.broker.health.state).toBe('storage-failing')
    disk.fault = undefined
    await r.host.advance(3000)
    expect(r.broker.health.state).toBe('ok')
    for (const { session, peer } of Object.values(people))
      r.broker.sessions.leave(session, peer, { forgetWill: false, reason: 'lost' })
    await r.host.advance(3000)
    const again = await r.restart()
    expect(stateOf(again)).toEqual(stateOf(r))
  })
})
