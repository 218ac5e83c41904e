import { memoryStorage } from '@isomq/storage-memory'
import { fakeClock, fakeHost, type FakeHost } from '@isomq/testkit'
import { type Broker, createBroker, type Limits, type Message, type Sharing, type Storage } from '../../src/index.ts'
import { type CrashStorage, crashStorage } from './crash-storage.ts'
import { messageOverhead } from '../../src/waiting.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** What is known from outside: a request under way leaves it open. */
export type Certainty = 'yes' | 'maybe' | 'no'

/** A message as its publisher knows it, and who is to receive it. Readers are named by id, a group's members by the group. */
export interface Sent {
  readonly key: string
  readonly publisher: string
  readonly n: number
  readonly qos: 1 | 2
  readonly topic: string
  readonly must: Set<string>
  readonly may: Set<string>
  /** Nothing is asserted of it for these. */
  readonly exempt: Set<string>
  attempts: number
  refused: boolean
  /** The broker refused it without its publisher hearing so: it comes again, behind younger ones. */
  unordered: boolean
}

const limits: Partial<Limits> = { queuedBytes: 4 * messageOverhead, inflight: 5 }

/** One broker, its disk, and everybody who talks to it. */
export class World {
  readonly disk: Storage = memoryStorage()
  readonly readers: Reader[] = []
  readonly writers: Writer[] = []
  readonly sent: Map<string, Sent> = new Map()
  readonly faults: string[] = []
  host: FakeHost = fakeHost()
  storage: CrashStorage = crashStorage(this.disk)
  broker!: Broker
  /** How often the broker was started. */
  life = 0
  readonly #sharing: Sharing

  constructor(sharing: Sharing) {
    this.#sharing = sharing
  }

  /** Starts the broker on what the disk holds. */
  async start(): Promise<void> {
    this.host = fakeHost(fakeClock(this.host.clock.now()))
    this.storage = crashStorage(this.disk)
    this.broker = await createBroker({ storage: this.storage, host: this.host, limits, sharing: this.#sharing })
    this.life++
  }

  /** The power goes and comes back. With `skip` the log has grown so far meanwhile that new records get old tags again. */
  async crash(applied: boolean, skip: boolean): Promise<void> {
    this.storage.cut(applied)
    for (const client of [...this.readers, ...this.writers]) client.cut()
    this.#checkReports()
    if (skip) {
      const filler: Message = {
        topic: '$f',
        payload: new Uint8Array(0),
        qos: 1,
        retain: false,
        publisher: '',
        timestamp: 0,
      }
      await this.disk.log('$sessions').append(Array.from({ length: 65_535 - 3 }, () => filler))
    }
    await this.start()
  }

  /** Lets promises be kept. Nothing else happens. */
  async tick(): Promise<void> {
    for (let i = 0; i < 16; i++) await Promise.resolve()
  }

  /** One turn of the event loop. */
  async turn(): Promise<void> {
    this.host.turn()
    await this.tick()
  }

  /** Turns and commits until nothing more happens by itself. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      const busy = this.storage.pending > 0
      this.storage.proceed()
      await this.turn()
      quiet = busy || this.storage.pending > 0 ? 0 : quiet + 1
    }
  }

  /** A message is offered to the broker (again): who is subscribed now? */
  witness(sent: Sent): void {
    const certain = new Set<string>()
    for (const reader of this.readers) {
      const certainty = reader.wants(sent.topic)
      if (reader.cleaning) sent.exempt.add(reader.target)
      if (certainty !== 'no') sent.may.add(reader.target)
      if (certainty === 'yes') certain.add(reader.target)
    }
    if (sent.attempts++ === 0) for (const target of certain) sent.must.add(target)
    else for (const target of sent.must) if (!certain.has(target)) sent.must.delete(target)
  }

  fault(text: string): void {
    this.faults.push(text)
  }

  /** Calls back when the broker has done what it promised; at once if there is nothing to wait for. */
  after(promise: Promise<void> | void, done: () => void, refused: () => void): void {
    if (promise === undefined) return done()
    const { life } = this
    promise.then(
      () => (life === this.life ? done() : undefined),
      () => (life === this.life ? refused() : undefined),
    )
  }

  #checkReports(): void {
    for (const { error, context } of this.host.reports) this.fault(`reported ${context}: ${String(error)}`)
  }

  /** Everybody comes back, reads and answers everything. */
  async drain(): Promise<void> {
    const clients = [...this.readers, ...this.writers]
    // What could not be read is asked for again after a second.
    for (let round = 0, quiet = 0; quiet < 3; round++) {
      for (const client of clients) if (!client.linked) client.connect(5)
      await this.settle()
      for (const reader of this.readers) reader.setLoad(0)
      for (const reader of this.readers) reader.read(Infinity)
      for (const reader of this.readers) reader.hear(Infinity)
      await this.settle()
      const idle = clients.every((client) => client.idle)
      if (idle) this.host.clock.advance(1000)
      quiet = idle && this.#quiet() ? quiet + 1 : 0
      if (round > 200) return this.fault('it never gets quiet')
    }
    for (const { key, must, exempt, refused } of this.sent.values()) {
      if (refused) continue
      for (const target of must) {
        const got = this.readers.some((reader) => reader.target === target && reader.received.has(key))
        if (!got && !exempt.has(target)) this.fault(`${key} never reached ${target}`)
      }
    }
  }

  #quiet(): boolean {
    for (const { outbound } of this.broker.sessions)
      if (outbound.queued > 0 || outbound.inflight.length > 0) return false
    return true
  }

  /** All sessions end. Returns what is left of them. */
  async end(): Promise<string[]> {
    for (const client of [...this.readers, ...this.writers]) client.end()
    await this.settle()
    for (let i = 0; i < 12; i++) {
      this.host.clock.advance(1000)
      await this.settle()
    }
    this.#checkReports()
    const left: string[] = []
    for (const table of ['sessions', 'subscriptions', 'inbound', 'inflight', 'wills', 'groups', 'retained'])
      for await (const [key] of this.disk.table(table).scan('')) left.push(`${table}: ${key.replaceAll('\0', ' ')}`)
    const { start, end } = await this.disk.log('$sessions').range()
    if (start !== end) left.push(`log: ${start} to ${end}`)
    return left
  }
}
