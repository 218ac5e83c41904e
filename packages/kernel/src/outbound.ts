import { type Consumer, DeliveryFlag } from './consumer.ts'
import { type Core, drop, expired } from './core.ts'
import type { Deliveries, UnderWay } from './deliveries.ts'
import type { Delivery, TakenFrom } from './delivery.ts'
import type { DropReason } from './events.ts'
import { fetchRecords } from './fetch-records.ts'
import type { Grant } from './grant.ts'
import type { Message, Offset } from './message.ts'
import { fillDelivery, fillWaiting, type Found, missingAhead, missingOf } from './missing-bodies.ts'
import { isOwnSession } from './own-session.ts'
import { type Burdened, relieve } from './pressure.ts'
import type { Session } from './session.ts'
import { Waiting } from './waiting.ts'
import { Window } from './window.ts'

/** How far a session has come in the log. */
export interface Place {
  /** Everything from here on that is not among `unsettled` is owed. */
  readonly next: Offset
  /** What was sent and is not settled. */
  readonly unsettled: readonly Offset[]
  /** The QoS of each of them. */
  readonly granted: readonly number[]
  /** Records before this one may have been sent, though they are owed. */
  readonly suspect: Offset
}

/**
 * The way of messages out to one session: a window of deliveries under way, and behind it what waits. QoS 0 passes by
 * both. Everything is in the order it was offered.
 */
export class Outbound implements Burdened {
  relief: Set<() => void> | undefined
  shedding = false
  readonly #core: Core
  readonly #session: Session
  readonly #window: Window
  readonly #waiting = new Waiting()
  #consumer: Consumer | undefined
  #loading = false
  #pumping = false
  /** Subscriptions have changed since some of what waits came: it may leave at QoS 0 now, and is not to be overtaken then. */
  #rejudged = false
  /** Records before this one may have been sent before the broker last stopped. */
  #suspect: Offset = 0
  /** The version of the guard's policy that let everything in. */
  #policy: number

  constructor(core: Core, session: Session) {
    this.#core = core
    this.#session = session
    this.#window = new Window(core, session, this)
    this.#policy = core.guard.version
  }

  /** Deliveries under way. */
  get inflight(): Deliveries {
    return this.#window.deliveries
  }

  /** Messages that wait behind the window. */
  get queued(): number {
    return this.#waiting.length
  }

  /** True when a message offered now would leave at once. */
  get free(): boolean {
    const consumer = this.#consumer
    return (
      consumer !== undefined &&
      !this.#loading &&
      this.#waiting.length === 0 &&
      !this.#window.behind &&
      this.#window.outstanding < this.#credit(consumer) &&
      consumer.load === 0
    )
  }

  /** A consumer is there and ready: what was under way is sent again, then what waits. */
  start(consumer: Consumer): void {
    this.#consumer = consumer
    this.#session.announced = true
    for (const { tag } of this.#window.start()) consumer.confirm(tag)
    this.pump()
  }

  /** The connection is gone. What was under way through a group goes back to it, QoS 2 that has begun excepted. */
  stop(): void {
    this.#consumer = undefined
    const back = this.#window.stop()
    this.#waiting.forget()
    relieve(this)
    for (const group of new Set(back.map((d) => d.group!))) group.takeBack(back.filter((d) => d.group === group))
  }

  /** A message for this session, now. `offset` is -1 when no log has it. */
  offer(message: Message, grant: Grant, offset: Offset, flags: number = 0): void {
    const qos = message.qos < grant.qos ? message.qos : grant.qos
    const consumer = this.#consumer
    if (qos === 0) {
      if (consumer === undefined) return
      if (this.#rejudged && message.qos > 0) return this.wait(message, grant, offset, flags)
      const { load } = consumer
      if (load > 0) this.#core.pressure.mark(this)
      if (load === 2) drop(this.#core, this.#session.id, 'slow-consumer', message.topic)
      else if (expired(this.#core, message)) drop(this.#core, this.#session.id, 'expired', message.topic)
      else if (consumer.deliver(message, grant, 0, flags)) this.#sent(message)
      else drop(this.#core, this.#session.id, 'too-large', message.topic)
    } else if (this.free) this.#send(message, grant, offset, flags | qos)
    else this.wait(message, grant, offset, flags)
  }

  /** Hands a group's message to this session, which must be `free`. */
  take(message: Message, grant: Grant, offset: Offset, from: TakenFrom): void {
    const qos = message.qos < grant.qos ? message.qos : grant.qos
    try {
      if (qos > 0) this.#send(message, grant, offset, qos, from)
      else this.offer(message, grant, offset)
    } catch (error) {
      this.#failed(error)
    }
    if (qos === 0) from.group.settle(offset)
  }

  /** Puts a message behind all others, without sending anything. */
  wait(message: Message, grant: Grant, offset: Offset, flags: number): void {
    const { limits, pressure } = this.#core
    const waiting = this.#waiting
    const keep = offset < 0 || (this.#consumer !== undefined && waiting.bytes < limits.queuedBytes)
    waiting.push(offset, keep ? { message, grant, flags } : undefined)
    if ((flags & DeliveryFlag.retained) !== 0) return
    // Not worth writing down: it comes with every message that somebody who sleeps is owed. Recovery drops it again.
    const most = offset < 0 ? limits.queuedBytes : Infinity
    while (waiting.length > 1 && (waiting.length > this.#most || waiting.bytes > most)) this.#dropFirst()
    if (this.#consumer !== undefined && this.#burdened()) pressure.mark(this)
  }

  /** A record that was owed when the broker last stopped; `under` says what is known of it if it was under way then. */
  restore(offset: Offset, under: UnderWay | undefined): void {
    if (this.#window.restore(offset, under)) return
    this.#waiting.push(offset, undefined)
    if (this.#waiting.length > this.#most) this.#dropFirst()
  }

  /** What it is owed of the records before this one may have been sent: the broker was killed before that was saved. */
  suspect(before: Offset): void {
    this.#suspect = before
    this.#window.suspect(before)
  }

  /** Somebody else uses the session now: whether he may have what waits is asked anew. */
  distrust(): void {
    this.#policy = NaN
  }

  /** Gives everything up: the session ends. */
  clear(): void {
    this.#window.clear()
    this.#waiting.clear()
  }

  /** Settles a QoS 1 delivery; false when there is none under this tag. */
  ack(tag: number): boolean {
    const at = this.#window.indexOf(tag)
    if (at < 0 || (this.inflight.at(at).flags & DeliveryFlag.qos) !== 1) return false
    this.#settle(at)
    return true
  }

  /** The peer has this QoS 2 delivery. True: it is to be asked to complete it (once the session's change is durable). */
  accept(tag: number): boolean {
    const at = this.#window.indexOf(tag)
    if (at < 0 || (this.inflight.at(at).flags & DeliveryFlag.qos) !== 2) return false
    this.#window.accept(at)
    return true
  }

  /** Settles a QoS 2 delivery; false when there is none under this tag. */
  complete(tag: number): boolean {
    const at = this.#window.indexOf(tag)
    if (at < 0 || !this.inflight.at(at).accepted) return false
    this.#settle(at)
    return true
  }

  /** The peer refuses this delivery: it is dropped. False when there is none under this tag. */
  reject(tag: number): boolean {
    const at = this.#window.indexOf(tag)
    if (at < 0) return false
    drop(this.#core, this.#session.id, 'rejected', this.inflight.at(at).message?.topic ?? '')
    this.#settle(at)
    return true
  }

  /** Sends what can be sent: call it when the consumer has room again. */
  pump(): void {
    // What is settled on the way (it is too large) must not pump in its turn: the line may be long.
    if (this.#pumping) return
    this.#pumping = true
    try {
      this.#pump()
    } catch (error) {
      this.#failed(error)
    }
    this.#pumping = false
  }

  #pump(): void {
    const consumer = this.#consumer
    if (consumer === undefined || this.#loading) return
    if (!this.#resend(consumer)) return
    const waiting = this.#waiting
    while (waiting.length > 0 && consumer.load === 0) {
      const held = waiting.held(0)
      if (held === undefined) {
        if (this.#window.outstanding >= this.#credit(consumer)) break
        return this.#load()
      }
      const { message, grant, flags } = held
      const qos = message.qos < grant.qos ? message.qos : grant.qos
      if (qos > 0 && this.#window.outstanding >= this.#credit(consumer)) break
      const offset = waiting.offset(0)
      waiting.shift()
      if (this.#stale(message, offset, flags)) this.#session.changed()
      else if (qos > 0) this.#send(message, grant, offset, flags | qos | this.#suspected(offset))
      else if (consumer.deliver(message, grant, 0, flags)) this.#sent(message)
      else drop(this.#core, this.#session.id, 'too-large', message.topic)
    }
    if ((this.shedding || this.relief !== undefined) && consumer.load === 0 && !this.#burdened()) relieve(this)
    if (waiting.length > 0) return
    this.#rejudged = false
    const { groups } = this.#session
    if (groups.size > 0) for (const group of groups) group.pump()
  }

  /** How far it has come; `next` is `end` when nothing is owed. */
  place(end: Offset): Place {
    const next = this.#window.firstUnsent(this.#waiting.firstRecord(end))
    const { unsettled } = this.#window
    const granted = unsettled.map((d) => d.flags & DeliveryFlag.qos)
    return { next, unsettled: unsettled.map((d) => d.offset), granted, suspect: this.#suspect }
  }

  /** Gives up the records it waits for up to the first of which this is not true: the log is about to forget them, so nobody has to write it down. */
  giveUp(isGone: (offset: Offset) => boolean, reason: DropReason): void {
    const waiting = this.#waiting
    while (waiting.length > 0 && waiting.offset(0) >= 0 && isGone(waiting.offset(0))) this.#dropFirst(reason)
  }

  #dropFirst(reason: DropReason = 'queue-full'): void {
    drop(this.#core, this.#session.id, reason, this.#waiting.held(0)?.message.topic ?? '')
    this.#waiting.shift()
  }

  #credit(consumer: Consumer): number {
    return Math.min(consumer.credit, this.#core.limits.inflight)
  }

  /** Messages that may wait. */
  get #most(): number {
    return isOwnSession(this.#session.id) ? Infinity : this.#core.limits.maxQueued
  }

  #suspected(offset: Offset): number {
    return offset >= 0 && offset < this.#suspect ? DeliveryFlag.redelivered : 0
  }

  #burdened(): boolean {
    const { limits } = this.#core
    return this.#waiting.length > this.#most / 2 || this.#waiting.bytes > limits.queuedBytes / 2
  }

  /** Not to be sent any more: expired, or no more allowed, or a retained message that has been replaced. */
  #stale(message: Message, offset: Offset, flags: number): boolean {
    // Whatever waits was allowed when it came: only a policy that has changed can say otherwise.
    if (this.#core.guard.version !== this.#policy && !this.#session.receives(message)) return true
    if (expired(this.#core, message)) {
      drop(this.#core, this.#session.id, 'expired', message.topic)
      return true
    }
    return (flags & DeliveryFlag.retained) !== 0 && offset < 0 && this.#core.retained.get(message.topic) !== message
  }

  // oxlint-disable-next-line max-params -- the path of every message: an object for its arguments would cost more
  #send(message: Message, grant: Grant, offset: Offset, flags: number, from?: TakenFrom): void {
    const delivery = this.#window.begin(message, grant, offset, flags, from)
    if (delivery.held === 0) this.#dispatch(delivery)
  }

  /** These have waited until their rows were durable. */
  released(ready: readonly Delivery[]): void {
    try {
      for (const delivery of ready) if (this.#window.has(delivery)) this.#dispatch(delivery)
    } catch (error) {
      this.#failed(error)
    }
    this.pump()
  }

  /** A consumer has thrown: nobody else is to suffer from it. */
  #failed(error: unknown): void {
    this.#core.host.report(error, `delivering to session ${JSON.stringify(this.#session.id)}`)
    this.#core.cutOff(this.#session)
  }

  #sent({ timestamp }: Message): void {
    const { counters, timings, host } = this.#core
    // To ask the clock costs as much as some deliveries.
    if ((++counters.sent & 63) === 0) timings.deliver.observe(host.clock.now() - timestamp)
  }

  #dispatch(delivery: Delivery): void {
    const message = delivery.message!
    // [MQTT-4.3.3-7]: what has been sent once does not expire any more.
    const isLate = (delivery.flags & DeliveryFlag.redelivered) === 0 && expired(this.#core, message)
    if (!isLate && this.#consumer!.deliver(message, delivery.grant!, delivery.tag, delivery.flags)) {
      // What comes again says how long the client was away.
      if ((delivery.flags & DeliveryFlag.redelivered) === 0) this.#sent(message)
      else this.#core.counters.sent++
      delivery.flags |= DeliveryFlag.redelivered
      return
    }
    drop(this.#core, this.#session.id, isLate ? 'expired' : 'too-large', message.topic)
    this.#settle(this.#window.indexOf(delivery.tag))
  }

  /** False while something of the window is still to be sent again. */
  #resend(consumer: Consumer): boolean {
    const window = this.#window
    for (let delivery = window.next(); delivery !== undefined; delivery = window.next()) {
      if (delivery.held > 0 || window.outstanding >= this.#credit(consumer) || consumer.load > 0) return false
      if (delivery.message === undefined) {
        this.#load()
        return false
      }
      window.advance()
      this.#dispatch(delivery)
    }
    return true
  }

  #settle(at: number): void {
    this.#window.settle(at)
    this.pump()
  }

  /**
   * A subscription comes, changes or goes away. What is under way is completed as it began; what waits is judged again
   * when it is read back.
   */
  pin(): void {
    this.#rejudged = this.#waiting.length > 0
    this.#waiting.forget()
    this.#window.pin()
  }

  /** Reads messages that are not in memory: those under way first, else the next that wait. */
  #load(): void {
    let wanted = missingOf(this.#window.rest)
    if (wanted.length === 0) wanted = missingAhead(this.#waiting, this.#core.limits.inflight)
    this.#loading = true
    fetchRecords(this.#core, wanted, (found) => {
      this.#loading = false
      if (found !== undefined) this.#loaded(found)
      this.pump()
    })
  }

  #loaded(found: Found): void {
    for (const delivery of Array.from(this.inflight)) {
      if (delivery.message !== undefined || delivery.accepted || !found.has(delivery.offset)) continue
      if (!fillDelivery(this.#session, delivery, found)) this.#settle(this.#window.indexOf(delivery.tag))
    }
    fillWaiting(this.#session, this.#waiting, found)
    this.#session.changed()
  }
}
