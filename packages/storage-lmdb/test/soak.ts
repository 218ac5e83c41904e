import {
  type Broker,
  type Consumer,
  createBroker,
  DeliveryFlag,
  type Host,
  type Message,
  type Session,
  type Storage,
  Will,
} from '@isomq/kernel'
import { fakeClock, type FakeClock } from '@isomq/testkit'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { lmdbStorage } from '../src/index.ts'

/** What there is after one second of a broker's time. */
export interface Reading {
  readonly fileBytes: number
  readonly residentBytes: number
  /** Records of the log. */
  readonly records: number
  readonly sessions: number
  readonly retained: number
  readonly delayed: number
}

/** What is left when everything has ended. */
export interface Rest {
  /** Rows, by table. */
  readonly rows: Readonly<Record<string, number>>
  readonly records: number
  readonly timers: number
  readonly faults: readonly unknown[]
}

/** Messages a second, and bytes of each. */
export const [rate, size] = [200, 500]
/** Messages that may wait for one session. */
export const maxQueued = 100
const hour = 3_600_000
const tables = ['sessions', 'subscriptions', 'inbound', 'inflight', 'wills', 'groups', 'retained', 'delayed']

/** A broker on a disk, on a clock of the test: its seconds are as short as its work. */
export class Soak {
  readonly #clock: FakeClock = fakeClock()
  readonly #faults: unknown[] = []
  readonly #path: string
  readonly #storage: Storage
  #broker!: Broker
  #seconds = 0

  private constructor(path: string) {
    this.#path = path
    this.#storage = lmdbStorage({ path, durability: 'os' })
  }

  /** Two sessions that keep up, one of a group besides; one that sleeps for ever, and a member that does. */
  static async start(path: string): Promise<Soak> {
    const soak = new Soak(path)
    let ids = 0
    const host: Host = {
      clock: soak.#clock,
      defer: (task) => void setImmediate().then(task),
      randomId: () => `id ${ids++}`,
      report: (error) => void soak.#faults.push(error),
    }
    const limits = { maxQueued, logBytes: 16 * 1024 * 1024 }
    soak.#broker = await createBroker({ storage: soak.#storage, host, limits })
    for (const id of ['keeper 1', 'keeper 2']) {
      const session = soak.#open(id, Infinity, true)
      session.subscribe('t/#', { qos: 2 })
      session.subscribe('t/+', { qos: 1, group: 'kept' })
      session.subscribe('will/#', { qos: 1 })
    }
    for (const id of ['sleeper', 'sleeping member']) {
      const session = soak.#open(id, Infinity, false)
      session.subscribe('t/#', id === 'sleeper' ? { qos: 1 } : { qos: 1, group: 'asleep' })
      soak.#leave(session)
    }
    await soak.#idle()
    return soak
  }

  /** One second of everything. */
  async second(): Promise<Reading> {
    const second = this.#seconds++
    const now = this.#clock.now()
    for (let i = 0; i < rate; i++) this.#publish(`t/${i % 10}`, { qos: i % 4 === 0 ? 2 : 1 })
    for (let i = 0; i < 20; i++) {
      const expiresAt = i % 5 === 0 ? now + 3000 : undefined
      this.#publish(`kept/${(second * 7 + i) % 50}`, { retain: true, expiresAt })
    }
    for (let i = 0; i < 5; i++) this.#publish('t/later', { dueAt: now + 2000 + i * 900 })
    for (let i = 0; i < 3; i++) this.#visit(`visitor ${second} ${i}`)
    await this.#idle()
    await this.#advance(1000)
    const { counters, sessions, retained, delayed } = this.#broker
    return {
      fileBytes: statSync(join(this.#path, 'data.mdb')).size,
      residentBytes: process.memoryUsage.rss(),
      records: counters.kept,
      sessions: sessions.size,
      retained: retained.size,
      delayed: delayed.size,
    }
  }

  /** Ends every session, clears what is retained, and waits for what has a time. */
  async end(): Promise<Rest> {
    for (let i = 0; i < 50; i++) this.#publish(`kept/${i}`, { retain: true, payload: new Uint8Array(0) })
    for (const session of Array.from(this.#broker.sessions))
      if (!session.id.startsWith('visitor')) this.#broker.sessions.end(session, 'not-authorized')
    for (let i = 0; i < 25; i++) await this.#advance(1000)
    const rows: Record<string, number> = {}
    for (const name of tables) {
      rows[name] = 0
      for await (const _ of this.#storage.table(name).scan('')) rows[name]++
    }
    const { start, end } = await this.#storage.log('$sessions').range()
    await this.#broker.close()
    await this.#storage.close()
    return { rows, records: end - start, timers: this.#clock.pending, faults: this.#faults }
  }

  /** Somebody who comes, subscribes, begins what he does not finish, goes, and never comes back. */
  #visit(id: string): void {
    const will = new Will(messageOf('will/visitor', this.#clock.now()), 2000)
    const session = this.#open(id, 5000, false, will)
    session.subscribe('t/1', { qos: 2 })
    session.subscribe('t/2', { qos: 2, group: 'visitors' })
    session.subscribe(`x/${id}`, { qos: 1, exclusive: true })
    session.inbound.claim(7)
    void setImmediate().then(async () => {
      await session.committing
      const [first] = session.outbound.inflight
      session.outbound.accept(first?.tag ?? 0)
      this.#leave(session)
    })
  }

  #open(id: string, expiry: number, answers: boolean, will?: Will): Session {
    const peer = { transport: 'test', secure: false }
    const consumer: Consumer = {
      load: 0,
      credit: answers ? 20 : 1,
      deliver: (_message, _grant, tag, flags) => {
        if (answers && tag > 0) void setImmediate().then(() => acknowledge(session, tag, flags))
        return true
      },
      confirm: () => {},
      end: () => {},
    }
    const base = { id, principal: { clientId: id }, peer, consumer, clean: false, will }
    const { session } = this.#broker.sessions.open({ ...base, expiry: Math.min(expiry, hour * 24 * 365) })
    session.outbound.start(consumer)
    return session
  }

  #leave(session: Session): void {
    this.#broker.sessions.leave(session, session.consumer!, { forgetWill: false, reason: 'lost' })
  }

  #publish(topic: string, fields: Partial<Message>): void {
    const published = this.#broker.publish({ ...messageOf(topic, this.#clock.now()), ...fields })
    if (published !== undefined) published.catch((error: unknown) => this.#faults.push(error))
  }

  async #advance(milliseconds: number): Promise<void> {
    this.#clock.advance(milliseconds)
    await this.#idle()
  }

  /** Resolves when nothing is under way. */
  async #idle(): Promise<void> {
    // A look at the disk stands behind what was asked of it; what follows from an answer comes in turns.
    for (let quiet = 0; quiet < 5; quiet++) {
      const { commits, sent } = this.#broker.counters
      await setImmediate()
      await this.#storage.commit({ appends: [], writes: [{ table: 'soak', changes: [{ key: '', value: undefined }] }] })
      if (commits !== this.#broker.counters.commits || sent !== this.#broker.counters.sent) quiet = -1
    }
  }
}

function acknowledge({ outbound }: Session, tag: number, flags: number): void {
  if ((flags & DeliveryFlag.qos) === 1) outbound.ack(tag)
  else if (outbound.accept(tag)) outbound.complete(tag)
}

function messageOf(topic: string, timestamp: number): Message {
  return { topic, payload: new Uint8Array(size), qos: 1, retain: false, publisher: 'soak', timestamp }
}
