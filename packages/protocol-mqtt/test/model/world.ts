import { type Broker, type Connection, createBroker, type Protocol, type Storage } from '@isomq/kernel'
import { memoryStorage } from '@isomq/storage-memory'
import { fakeClock, fakeHost, type FakeHost } from '@isomq/testkit'
import { mqtt } from '../../src/mqtt.ts'
import { Client } from './client.ts'
import { type Disk, disk } from './disk.ts'
import { GroupView } from './group-view.ts'
import type { Sent } from './ledger.ts'
import { isForgotten } from './wire.ts'

/** How a world is made. */
export interface Make {
  /** Bodies of waiting messages are hardly ever held in memory, and what no log has is soon dropped. */
  readonly tight: boolean
  /** Deliveries the broker has under way to one session. */
  readonly inflight: number
}

const tables = ['sessions', 'subscriptions', 'inbound', 'inflight', 'wills', 'groups', 'retained']

/** One broker, its disk, and everybody who talks to it. */
export class World {
  readonly clients: readonly Client[]
  readonly group: GroupView
  readonly sent: Map<string, Sent> = new Map()
  readonly faults: string[] = []
  /** What the broker announces. */
  readonly receiveMaximum = 4
  readonly aliases = 2
  /** How often the broker was started. */
  life = 0
  /** Grows with everything that is done; and the last step after which nothing was left to write. */
  step = 1
  quietStep = 0
  /** Deliveries begun. */
  deliveries = 0
  /** The disk has refused something at some time. */
  wasFaulty = false
  /** The broker is being stopped in order. */
  isStopping = false
  disk!: Disk
  broker!: Broker
  readonly #platter: Storage = memoryStorage()
  readonly #make: Make
  readonly #trace: string[] = []
  readonly #protocol: Protocol = mqtt({
    receiveMaximum: this.receiveMaximum,
    topicAliasMaximum: this.aliases,
    unsentPause: 64,
    unsentLimit: 128,
  })
  #host: FakeHost = fakeHost()
  /** What the disk refused may not be written yet. */
  #isFaulty = false

  constructor(make: Make) {
    this.#make = make
    const peers = [
      ['a', 5, false],
      ['b', 4, false],
      ['m', 5, true],
      ['n', 4, true],
      ['p', 5, false],
      ['q', 4, false],
    ] as const
    this.clients = peers.map(([id, version, member]) => new Client(this, id, { version, member }))
    this.group = new GroupView(
      '$share/g/g/+',
      this.clients.filter((client) => client.member),
    )
  }

  get now(): number {
    return this.#host.clock.now()
  }

  get tight(): boolean {
    return this.#make.tight
  }

  get trace(): string {
    return this.#trace.join('\n')
  }

  serve(connection: Connection): void {
    this.#protocol.serve(connection, this.broker)
  }

  note(line: string): void {
    this.#trace.push(line)
  }

  fault(text: string): void {
    this.note(`! ${text}`)
    this.faults.push(text)
  }

  async start(): Promise<void> {
    this.life++
    this.#host = fakeHost(fakeClock(this.now))
    this.disk = disk(this.#platter)
    const limits = { inflight: this.#make.inflight, ...(this.#make.tight ? { queuedBytes: 8 } : {}) }
    this.broker = await createBroker({ storage: this.disk.storage, host: this.#host, limits })
  }

  /** The power goes and comes back. */
  async crash(applied: boolean): Promise<void> {
    this.disk.cut(applied)
    await this.tick()
    this.#checkReports()
    for (const client of this.clients) client.crash(false)
    for (const due of this.group.dues.values()) due.suspect = !(due.discarded = false)
    await this.start()
  }

  /** The broker is stopped in order and started again. */
  async restart(): Promise<void> {
    this.disk.hold(false)
    this.disk.failChanges(0)
    this.isStopping = true
    const closed = this.broker.close()
    await this.settle()
    await closed
    this.#checkReports()
    for (const client of this.clients) client.crash(true)
    this.isStopping = false
    this.#isFaulty = false
    this.quietStep = ++this.step
    await this.start()
  }

  /** Lets promises be kept. The turn of the event loop is not over. */
  async tick(): Promise<void> {
    for (let i = 0; i < 24; i++) await Promise.resolve()
  }

  async turn(): Promise<void> {
    this.#host.turn()
    await this.tick()
  }

  async settle(): Promise<void> {
    await this.#host.settle()
    if (this.disk.waiting > 0 || this.#isFaulty) return
    this.quietStep = this.step
  }

  async advance(milliseconds: number): Promise<void> {
    const isWell = this.disk.failing === 0 && this.disk.waiting === 0
    await this.#host.advance(milliseconds)
    // What it refused is written, or read, within a second.
    if (milliseconds > 1000 && isWell && this.disk.waiting === 0) this.#isFaulty = false
    for (const client of this.clients) client.expire()
    await this.settle()
    // Publishers may be held back for a while: only now everything that was written has been heard.
    if (milliseconds < 100 || this.disk.waiting > 0) return
    for (const client of this.clients) client.confirm()
    if (!this.#isFaulty) this.#checkProgress()
  }

  /** The disk refuses so many of the next changes, or reads. */
  spoil(changes: number, reads: number): void {
    this.disk.failChanges(changes)
    this.disk.failReads(reads)
    this.#isFaulty = true
    this.wasFaulty = true
    for (const { sender } of this.clients) sender.unsettle()
  }

  /** A message is written (again): who is subscribed now? */
  witness(sent: Sent): void {
    if (sent.attempts++ === 0) sent.writtenAt = this.now
    if (this.#isFaulty) sent.unordered = true
    for (const client of this.clients) {
      const { session, durable } = client
      session.witness(sent, session.shaken)
      const due = session.dues.get(sent.key)
      if (due !== undefined && !durable && this.tight) due.must = false
    }
    if (sent.topic.startsWith('g/')) this.group.witness(sent, false)
  }

  /** The broker need not have this message. */
  disown({ key }: Sent): void {
    for (const target of [this.group, ...this.clients.map((client) => client.session)]) {
      const due = target.dues.get(key)
      if (due !== undefined) due.must = false
    }
  }

  /** Everybody comes back, reads and answers everything. */
  async drain(): Promise<void> {
    this.disk.hold(false)
    this.disk.failChanges(0)
    this.disk.failReads(0)
    for (let round = 0, quiet = 0; quiet < 3; round++) {
      if (round > 200) return this.fault('it never gets quiet')
      for (const client of this.clients) if (client.link?.open !== true) client.connect()
      await this.serveAll()
      const isIdle = this.clients.every((client) => client.idle) && this.#nothingWaits()
      await this.advance(1000)
      quiet = isIdle ? quiet + 1 : 0
    }
    this.#checkArrivals()
    await this.#checkRest()
  }

  /** Everybody reads and answers what there is. */
  async serveAll(): Promise<void> {
    await this.settle()
    for (const client of this.clients) {
      client.pause(false)
      client.read(Infinity)
      for (const kind of ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const) client.answer(kind, 50, false)
    }
    await this.settle()
  }

  /** All sessions end: nothing may stay behind. */
  async end(): Promise<void> {
    for (const client of this.clients) client.connect({ clean: true, expiry: 0, receiveMaximum: 5, aliases: 0 })
    await this.serveAll()
    for (const client of this.clients) client.leave('disconnect')
    await this.advance(12_000)
    this.#checkReports()
    const { sessions } = this.broker
    if (sessions.size > 0) this.fault(`${sessions.size} sessions are left`)
    for (const name of tables)
      for await (const [key] of this.#platter.table(name).scan('')) this.fault(`left in ${name}: ${shown(key)}`)
    const { start, end } = await this.#platter.log('$sessions').range()
    if (start !== end) this.fault(`left in the log: ${start} to ${end}`)
    await this.broker.close()
    if (this.#host.clock.pending > 0) this.fault(`${this.#host.clock.pending} timers are left`)
  }

  #nothingWaits(): boolean {
    for (const { outbound, inbound } of this.broker.sessions)
      if (outbound.queued + outbound.inflight.length + inbound.size > 0) return false
    return true
  }

  #checkProgress(): void {
    for (const client of this.clients) {
      const { queued = 0 } = this.broker.sessions.get(client.id)?.outbound ?? {}
      client.checkProgress(queued, this.#make.inflight)
    }
  }

  #checkArrivals(): void {
    const targets = this.clients.map(({ id, session }) => ({ id, dues: session.dues }))
    for (const { id, dues } of [{ id: 'group', dues: this.group.dues }, ...targets])
      for (const [key, { must, exempt, received }] of dues) {
        const { expiry, writtenAt } = this.sent.get(key)!
        const mayBeOver = expiry !== undefined && this.now >= writtenAt + expiry
        if (must && !exempt && received === 0 && !mayBeOver) this.fault(`${key} never reached ${id}`)
      }
    for (const client of this.clients)
      for (const [id, delivery] of client.session.deliveries) {
        const { key, phase } = delivery
        const sent = this.sent.get(key)!
        const due = client.targetOf(sent.topic).dues.get(key)
        if (phase === 'done' || client.session.doubtful || isForgotten(this, client.link!, delivery)) continue
        if (due?.must === true && !due.exempt) this.fault(`${key} #${id} of ${client.id} is ${phase} and never goes on`)
      }
  }

  /** Nothing of what is settled is left in the storage while the sessions live on. */
  async #checkRest(): Promise<void> {
    for (const name of ['inbound', 'inflight'])
      for await (const [key] of this.#platter.table(name).scan('')) this.fault(`kept in ${name}: ${shown(key)}`)
  }

  #checkReports(): void {
    for (const { error, context } of this.#host.reports) this.fault(`reported ${context}: ${String(error)}`)
  }
}

function shown(key: string): string {
  return key.replaceAll('\0', ' ')
}
