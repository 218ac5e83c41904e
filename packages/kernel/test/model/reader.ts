import {
  type Consumer,
  DeliveryFlag,
  type ErrorCode,
  type Grant,
  type Load,
  matches,
  type Message,
  type Qos,
  type Session,
} from '../../src/index.ts'
import type { Certainty, World } from './world.ts'

type Frame =
  | { readonly kind: 'publish'; readonly message: Message; readonly tag: number; readonly qos: number }
  | { readonly kind: 'release'; readonly tag: number }
type Reply = { readonly kind: 'ack' | 'accept' | 'complete'; readonly tag: number }

/** A connection: what the broker sent and the client has not read, what the client sent and the broker has not. */
class Link implements Consumer {
  load: Load = 0
  open = true
  started = false
  session!: Session
  readonly credit: number
  readonly down: Frame[] = []
  readonly up: Reply[] = []
  /** Tags under way on this connection. */
  readonly unsettled: Set<number> = new Set()
  readonly #fault: (text: string) => void

  constructor(credit: number, fault: (text: string) => void) {
    this.credit = credit
    this.#fault = fault
  }

  deliver(message: Message, _grant: Grant, tag: number, flags: number): boolean {
    if (!this.open) return true
    if (!this.started) this.#fault('delivered before the session was started')
    const qos = flags & DeliveryFlag.qos
    if (tag > 0 !== qos > 0) this.#fault(`tag ${tag} at QoS ${qos}`)
    if (this.unsettled.size >= this.credit) this.#fault(`more than ${this.credit} under way`)
    this.#begin(tag)
    this.down.push({ kind: 'publish', message, tag, qos })
    return true
  }

  confirm(tag: number): void {
    if (!this.open) return
    this.#begin(tag)
    this.down.push({ kind: 'release', tag })
  }

  end(_reason: ErrorCode): void {
    this.open = false
  }

  #begin(tag: number): void {
    if (this.unsettled.has(tag)) this.#fault(`tag ${tag} is under way already`)
    this.unsettled.add(tag)
  }
}

/** A client that subscribes, as MQTT would have it: it knows what it has of QoS 2, and answers everything it reads. */
export class Reader {
  readonly id: string
  readonly qos: Qos
  readonly group: string | undefined
  /** Who it counts as: itself, or its group. */
  readonly target: string
  /** How often each message came. */
  readonly received: Map<string, number> = new Map()
  /** True from the moment it asks for a clean start until it has one. */
  cleaning = false
  readonly #world: World
  readonly #filters = new Map<string, Certainty>()
  /** QoS 2 messages by tag that are not released. */
  readonly #held = new Map<number, string>()
  readonly #newest = new Map<string, number>()
  #known: Certainty = 'no'
  /** An answer tells how things are if it is that to the latest request. */
  #requests = 0
  #link: Link | undefined

  constructor(world: World, id: string, qos: Qos, group?: string) {
    this.#world = world
    this.id = id
    this.qos = qos
    this.group = group
    this.target = group ?? id
  }

  get linked(): boolean {
    return this.#link?.open === true
  }

  get idle(): boolean {
    return this.#link !== undefined && this.#link.down.length === 0 && this.#link.up.length === 0
  }

  /** Whether a message of this topic is for it. */
  wants(topic: string): Certainty {
    let certainty: Certainty = 'no'
    for (const [filter, known] of this.#filters) {
      if (!matches(filter, topic) || known === 'no') continue
      if (known === 'yes') return 'yes'
      certainty = known
    }
    return certainty
  }

  connect(credit: number, clean: boolean = false, expiry: number = Infinity): void {
    const world = this.#world
    const { id } = this
    if (clean) this.#forget()
    const link = new Link(credit, (text) => world.fault(`${id}: ${text}`))
    const peer = { transport: 'test', secure: false }
    const options = { id, principal: { clientId: id }, peer, consumer: link, clean, expiry }
    const { session, resumed } = world.broker.sessions.open(options)
    link.session = session
    this.#link = link
    world.after(
      session.committing,
      () => {
        if (!link.open) return
        if (!clean && this.#known !== 'maybe' && resumed !== (this.#known === 'yes'))
          world.fault(`${id}: session ${resumed ? 'found' : 'lost'}`)
        if (!resumed) this.#reset()
        this.cleaning = false
        this.#known = 'yes'
        link.started = true
        session.outbound.start(link)
      },
      () => this.drop(link),
    )
    if (this.#known === 'no') this.#known = 'maybe'
  }

  subscribe(filter: string): void {
    const link = this.#live()
    if (link === undefined) return
    if (this.#filters.get(filter) !== 'yes') this.#filters.set(filter, 'maybe')
    const request = ++this.#requests
    link.session.subscribe(filter, { qos: this.qos, group: this.group })
    this.#world.after(
      link.session.committing,
      () => {
        if (!link.open) return
        if (request === this.#requests) this.#filters.set(filter, 'yes')
        link.session.outbound.pump()
      },
      () => this.drop(link),
    )
  }

  unsubscribe(filter: string): void {
    const link = this.#live()
    if (link === undefined || this.group !== undefined) return
    if ((this.#filters.get(filter) ?? 'no') !== 'no') this.#filters.set(filter, 'maybe')
    for (const { topic, must } of this.#world.sent.values()) if (matches(filter, topic)) must.delete(this.target)
    const request = ++this.#requests
    link.session.unsubscribe(filter)
    this.#world.after(
      link.session.committing,
      () => (link.open && request === this.#requests ? this.#filters.set(filter, 'no') : undefined),
      () => this.drop(link),
    )
  }

  /** The client reads and answers. */
  read(frames: number): void {
    const link = this.#link
    if (link?.open !== true) return
    for (const frame of link.down.splice(0, frames)) {
      const { tag } = frame
      if (frame.kind === 'release') {
        this.#held.delete(tag)
        link.up.push({ kind: 'complete', tag })
      } else if (frame.qos === 1) {
        this.#receive(frame.message)
        link.up.push({ kind: 'ack', tag })
      } else {
        const key = keyOf(frame.message)
        const held = this.#held.get(tag)
        if (held === undefined) this.#receive(frame.message)
        else if (held !== key) this.#world.fault(`${this.id}: tag ${tag} is of ${held} and comes with ${key}`)
        this.#held.set(tag, key)
        link.up.push({ kind: 'accept', tag })
      }
    }
  }

  /** The broker hears the client's answers. */
  hear(replies: number): void {
    const link = this.#link
    if (link?.open !== true) return
    const { outbound } = link.session
    for (const { kind, tag } of link.up.splice(0, replies)) {
      if (kind !== 'accept') link.unsettled.delete(tag)
      if (!outbound[kind](tag)) this.#world.fault(`${this.id}: the broker does not know ${kind} ${tag}`)
      if (kind !== 'accept') continue
      const release = (): void => void (link.open && link.down.push({ kind: 'release', tag }))
      this.#world.after(link.session.committing, release, () => this.drop(link))
    }
  }

  setLoad(load: Load): void {
    const link = this.#live()
    if (link === undefined) return
    link.load = load
    if (load === 0) link.session.outbound.pump()
  }

  /** The connection is lost, with everything on it. */
  drop(link: Link | undefined = this.#link): void {
    if (link?.open !== true) return
    link.open = false
    this.#world.broker.sessions.leave(link.session, link, { forgetWill: false, reason: 'lost' })
  }

  /** The broker is gone. */
  cut(): void {
    if (this.#link !== undefined) this.#link.open = false
    this.#link = undefined
  }

  end(): void {
    this.connect(1, true, 0)
    this.drop()
  }

  #live(): Link | undefined {
    return this.#link?.open === true && this.#link.started ? this.#link : undefined
  }

  #receive(message: Message): void {
    const key = keyOf(message)
    const { id, target } = this
    const sent = this.#world.sent.get(key)
    if (sent === undefined) return this.#world.fault(`${id}: ${key} was never sent`)
    const times = this.#world.readers.reduce(
      (sum, r) => sum + (r.target === target ? (r.received.get(key) ?? 0) : 0),
      0,
    )
    this.received.set(key, (this.received.get(key) ?? 0) + 1)
    if (sent.exempt.has(target)) return
    if (!sent.may.has(target)) this.#world.fault(`${id}: ${key} is not for it`)
    if (sent.refused && sent.attempts === 1) this.#world.fault(`${id}: ${key} was refused`)
    if (times > 0 && sent.qos === 2 && this.qos === 2) this.#world.fault(`${id}: ${key} came twice`)
    if (times > 0 || sent.unordered || this.group !== undefined) return
    // Sent again after it subscribed, it is first seen behind what was sent once.
    if (sent.attempts > 1 && !sent.must.has(target)) return
    const line = `${sent.publisher} ${sent.topic} ${sent.qos}`
    const newest = this.#newest.get(line) ?? 0
    if (sent.n < newest) this.#world.fault(`${id}: ${key} came after ${newest}`)
    this.#newest.set(line, Math.max(newest, sent.n))
  }

  /** A clean start: what was owed is owed no more. */
  #forget(): void {
    this.cleaning = true
    this.#known = 'maybe'
    for (const sent of this.#world.sent.values()) {
      sent.exempt.add(this.target)
      sent.must.delete(this.target)
    }
    for (const filter of this.#filters.keys()) this.#filters.set(filter, 'maybe')
    this.#held.clear()
  }

  #reset(): void {
    this.#held.clear()
    for (const filter of this.#filters.keys()) this.#filters.set(filter, 'no')
  }
}

function keyOf(message: Message): string {
  return String.fromCharCode(...message.payload)
}
