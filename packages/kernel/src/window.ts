import { DeliveryFlag } from './consumer.ts'
import type { Core } from './core.ts'
import { Deliveries, type UnderWay } from './deliveries.ts'
import { Delivery, deleteRow, type TakenFrom, tagOf, writeRow } from './delivery.ts'
import type { Grant } from './grant.ts'
import type { Message, Offset } from './message.ts'
import type { Session } from './session.ts'
import { Tags } from './tags.ts'

/** Whom a window tells. */
interface WindowOwner {
  /** These deliveries have waited for their rows, and it was their turn: they may leave now. */
  released(ready: readonly Delivery[]): void
}

/**
 * Deliveries under way to one session, in the order they were begun: under which tag, how far they have come, and what
 * of that the storage knows. Nothing is sent from here.
 */
export class Window {
  /** Deliveries that the present connection has not answered to the end. */
  outstanding = 0
  readonly #core: Core
  readonly #session: Session
  readonly #owner: WindowOwner
  readonly #tags: Tags
  /** All of them, the oldest first. */
  readonly deliveries: Deliveries = new Deliveries()
  /** Those before this place have had their turn on the present connection. */
  #turn = 0
  /** How often deliveries had to wait for their rows, and how many of these waits are over. */
  #holds = 0
  #over = 0

  constructor(core: Core, session: Session, owner: WindowOwner) {
    this.#core = core
    this.#session = session
    this.#owner = owner
    this.#tags = new Tags(core.committer)
  }

  /** The peer may hold any record before this one. */
  suspect(before: Offset): void {
    this.#tags.startBehind(before)
  }

  /** True while something is to be sent again before anything new. */
  get behind(): boolean {
    return this.#turn < this.deliveries.length
  }

  /** The next delivery to be sent again; `advance` when it is. */
  next(): Delivery | undefined {
    while (this.behind && this.deliveries.at(this.#turn).accepted) this.#turn++
    return this.behind ? this.deliveries.at(this.#turn) : undefined
  }

  /** What has not had its turn on the present connection. */
  get rest(): readonly Delivery[] {
    return Array.from(this.deliveries).slice(this.#turn)
  }

  /** The next one has its turn: its answer is outstanding. */
  advance(): void {
    this.#turn++
    this.outstanding++
  }

  /** There is a new connection, on which nothing has had its turn. Returns what is only to be completed. */
  start(): readonly Delivery[] {
    const accepted = Array.from(this.deliveries).filter((d) => d.accepted)
    this.outstanding = accepted.length
    return accepted
  }

  /** The connection is gone. Gives up, and returns, what goes back to its group: all but QoS 2 that was ever sent. */
  stop(): readonly Delivery[] {
    this.#turn = 0
    const isBack = (d: Delivery): boolean =>
      d.group?.populated === true && ((d.flags & DeliveryFlag.qos) === 1 || !wasSent(d))
    const back = Array.from(this.deliveries).filter(isBack)
    if (back.length > 0) this.deliveries.retain((d) => !back.includes(d))
    for (const delivery of back) if (delivery.row) deleteRow(this.#core, this.#session.id, delivery)
    for (const delivery of this.deliveries) if (delivery.offset >= 0) delivery.message = undefined
    return back
  }

  /** A new delivery, whose turn it is. It may leave at once unless it is `held`. */
  // oxlint-disable-next-line max-params -- the path of every message: an object for its arguments would cost more
  begin(message: Message, grant: Grant, offset: Offset, flags: number, from?: TakenFrom): Delivery {
    const group = from?.group
    const tag = this.#tags.allocate(this.deliveries, offset)
    const delivery = new Delivery(tag, offset, flags, from)
    delivery.message = message
    delivery.grant = grant
    if (this.#holds > this.#over) delivery.held = this.#holds
    this.deliveries.push(delivery)
    this.advance()
    // A tag that does not follow from the offset must be durable before the message leaves; so must a group's choice at
    // QoS 2, even of a member that is not: nobody else may get the message after a crash [MQTT-4.8.2-5].
    const isChosen = group !== undefined && (flags & DeliveryFlag.qos) === 2
    if (offset < 0) return delivery
    const isOdd = isChosen || (this.#session.durable && tag !== tagOf(offset))
    if (isOdd) writeRow(this.#core, this.#session.id, delivery)
    // Nor may it leave on the strength of a subscription that a crash would undo.
    if (isOdd || this.#session.changing > 0) {
      const hold = (delivery.held = ++this.#holds)
      this.#core.committer.after(() => this.#release(hold))
    }
    return delivery
  }

  /** Place of the delivery with this tag, or -1. */
  indexOf(tag: number): number {
    return this.deliveries.indexOfTag(tag)
  }

  /** Whether this one is still under way. */
  has(delivery: Delivery): boolean {
    const at = this.indexOf(delivery.tag)
    return at >= 0 && this.deliveries.at(at) === delivery
  }

  /** The peer has this QoS 2 delivery: from now on only its completion is missing. */
  accept(at: number): void {
    const delivery = this.deliveries.at(at)
    if (delivery.accepted) return
    delivery.accepted = true
    if (at >= this.#turn) this.outstanding++
    delivery.message = undefined
    if (this.#session.durable) writeRow(this.#core, this.#session.id, delivery)
  }

  /** This delivery is over. */
  settle(at: number): void {
    const delivery = this.deliveries.at(at)
    this.deliveries.remove(at)
    if (at < this.#turn) {
      this.#turn--
      this.outstanding--
    } else if (delivery.accepted) this.outstanding--
    if (delivery.row) deleteRow(this.#core, this.#session.id, delivery)
    if (delivery.group !== undefined) delivery.group.settle(delivery.offset)
    else if (delivery.offset >= 0) this.#session.changed()
    if (this.#session.durable && delivery.offset >= 0) this.#tags.retire(delivery)
  }

  /** A record that was owed when the broker last stopped. False when it was not under way then. */
  restore(offset: Offset, under: UnderWay | undefined): boolean {
    this.#tags.forget()
    return this.deliveries.putBack(offset, under)
  }

  /** Writes down what is under way: it is completed as it began, whatever becomes of its subscription. */
  pin(): void {
    for (const delivery of this.deliveries)
      if (delivery.offset >= 0 && !delivery.row) writeRow(this.#core, this.#session.id, delivery)
  }

  /** Gives everything up: the session ends. */
  clear(): void {
    for (const delivery of this.deliveries) {
      delivery.group?.settle(delivery.offset)
      if (delivery.row) deleteRow(this.#core, this.#session.id, delivery)
    }
    this.deliveries.clear()
  }

  /** Records that were sent and are not settled, those of groups excepted: groups keep places of their own. */
  get unsettled(): readonly Delivery[] {
    return Array.from(this.deliveries).filter((d) => isOwn(d) && wasSent(d))
  }

  /** The first record that has not been sent yet, likewise; `end` when there is none. */
  firstUnsent(end: Offset): Offset {
    for (const delivery of this.deliveries) if (isOwn(delivery) && !wasSent(delivery)) return delivery.offset
    return end
  }

  /** The rows of the first so many waits are durable. */
  #release(hold: number): void {
    this.#over = hold
    const ready = Array.from(this.deliveries)
      .slice(0, this.#turn)
      .filter((d) => d.held > 0 && d.held <= hold)
    for (const delivery of this.deliveries) if (delivery.held <= hold) delivery.held = 0
    this.#owner.released(ready)
  }
}

function isOwn({ offset, group }: Delivery): boolean {
  return offset >= 0 && group === undefined
}

function wasSent({ flags }: Delivery): boolean {
  return (flags & DeliveryFlag.redelivered) !== 0
}
