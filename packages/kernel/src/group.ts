import type { Core } from './core.ts'
import { drop } from './core.ts'
import type { Delivery } from './delivery.ts'
import type { DropReason } from './events.ts'
import { fetchRecords } from './fetch-records.ts'
import type { Grant } from './grant.ts'
import type { Message, Offset } from './message.ts'
import { type Found, missingAhead } from './missing-bodies.ts'
import type { Outbound } from './outbound.ts'
import { encodeRow, joinKey, type RowWriter, type Saved, table } from './rows.ts'
import type { Fits } from './sharing.ts'
import type { Subscription } from './subscription.ts'
import { Waiting } from './waiting.ts'

/** No place: the message waits for those who may have it. */
const notNow = -1
/** No place: of those who are connected nobody may have it. */
const never = -2

/**
 * Sessions that share the messages of one filter: each message goes to one of them that is connected, as the broker's
 * strategy chooses. While none is, and one of them is durable, the group keeps its place in the log as a session does.
 */
export class Group implements Saved {
  readonly kind = 'group'
  readonly name: string
  readonly filter: string
  readonly key: string
  readonly #core: Core
  readonly #emptied: () => void
  readonly #members: Subscription[] = []
  readonly #waiting = new Waiting()
  /** Records handed to members and not yet settled by them. */
  readonly #under = new Set<Offset>()
  /** Older than anything that waits: taken back from members that went away, or for some that cannot take it yet. */
  #aside: { readonly message: Message; readonly offset: Offset; readonly order: number }[] = []
  /** Records before this one have been begun with: of those that wait, each is remembered by itself. */
  #begun: Offset = 0
  /** Place of the member that was chosen last. */
  #last = -1
  #order = 0
  #loading = false
  #pumping = false
  readonly #mayHave: Fits<Subscription> = ({ session }, { topic }) =>
    this.#core.guard.receives(session.principal, topic)
  readonly #listens: Fits<Subscription> = (member, message) => isConnected(member) && this.#mayHave(member, message)
  readonly #takesNow: Fits<Subscription> = (member, message) => isFree(member) && this.#mayHave(member, message)
  readonly #takesOnce: Fits<Subscription> = (member, message) => isOpen(member) && this.#mayHave(member, message)

  /** `emptied` is called when the last member has left. */
  constructor(core: Core, name: string, filter: string, emptied: () => void) {
    this.#core = core
    this.#emptied = emptied
    this.name = name
    this.filter = filter
    this.key = joinKey(name, filter)
  }

  /** True: a message it cannot deliver now is kept in the log. */
  get durable(): boolean {
    return this.#members.some((m) => m.session.durable && m.options.qos > 0)
  }

  /** False once the last member has left. */
  get populated(): boolean {
    return this.#members.length > 0
  }

  get members(): readonly Subscription[] {
    return this.#members
  }

  /** Messages that wait because no member can take them. */
  get queued(): number {
    return this.#waiting.length + this.#aside.length
  }

  join(member: Subscription): void {
    this.#members.push(member)
    this.#core.router.touch(this.filter)
  }

  leave(member: Subscription): void {
    const at = this.#members.indexOf(member)
    if (at >= 0) this.#members.splice(at, 1)
    if (at >= 0 && at <= this.#last) this.#last--
    this.#core.router.touch(this.filter)
    if (this.#members.length === 0) {
      this.#waiting.clear()
      this.#aside = []
      this.#emptied()
    } else this.pump()
    this.#core.committer.saveLater(this)
  }

  /** A message for one of the members. */
  offer(message: Message, offset: Offset): void {
    if (message.qos === 0) return this.#offerOnce(message)
    const place = this.queued > 0 ? notNow : this.#taker(message)
    if (place !== notNow) return this.#hand(place, message, offset)
    const connected = this.#members.find(isConnected)
    if (connected === undefined && offset < 0) return
    const keep = offset < 0 || (connected !== undefined && this.#waiting.bytes < this.#core.limits.queuedBytes)
    const before = this.queued
    this.#waiting.push(offset, keep ? { message, grant: this.#members[0]!.grant, flags: 0 } : undefined)
    // It may be for somebody else than those before it.
    this.pump()
    if (connected !== undefined && this.queued > before) this.#core.pressure.mark(this.#slow(message, connected))
    this.#bound()
  }

  /** Hands out what waits, as far as members can take it. */
  pump(): void {
    // What is settled on the way (it is too large) must not pump in its turn.
    if (this.#loading || this.#pumping) return
    this.#pumping = true
    this.#handAside()
    this.#handWaiting()
    this.#pumping = false
  }

  /** A member has gone: at the end of this turn (it may be one of many that are leaving now) the others get what waits. */
  pumpSoon(): void {
    if (this.queued === 0) return
    this.#core.host.defer(() => {
      this.pump()
      // What nobody took is part of the line again.
      this.#bound()
    })
  }

  /** A member went away with these unsettled: the others get them, in order, as if never sent. */
  takeBack(deliveries: readonly Delivery[]): void {
    for (const { message, offset, order } of deliveries) {
      this.#under.delete(offset)
      if (message !== undefined) this.#aside.push({ message, offset, order })
      else if (offset >= 0) this.#waiting.push(offset, undefined)
    }
    this.#aside.sort((a, b) => a.order - b.order)
    this.pumpSoon()
  }

  /** A member is done with this record. */
  settle(offset: Offset): void {
    if (offset < 0) return
    this.#under.delete(offset)
    // Without members it is nobody: a group of its name may have come after it.
    if (this.populated) this.#core.committer.saveLater(this)
  }

  /** A record that a member was busy with when the broker last stopped. */
  hold(offset: Offset): void {
    this.#under.add(offset)
    this.begunBefore(offset + 1)
  }

  /** When the broker last stopped, records before this one had been begun with. */
  begunBefore(offset: Offset): void {
    if (offset > this.#begun) this.#begun = offset
  }

  /** A record that was owed when the broker last stopped. */
  restore(offset: Offset): void {
    this.#waiting.push(offset, undefined)
    if (this.#waiting.length > this.#core.limits.maxQueued) this.#dropFirst()
  }

  /** Lowest offset it has not begun with (or `end`), and what is unsettled below it. */
  place(end: Offset): { readonly next: Offset; readonly unsettled: readonly Offset[] } {
    const unsettled = [...this.#under, ...this.#aside.map((each) => each.offset).filter((offset) => offset >= 0)]
    for (let i = 0; i < this.#waiting.length; i++) {
      const offset = this.#waiting.offset(i)
      if (offset >= this.#begun) return { next: offset, unsettled }
      if (offset >= 0) unsettled.push(offset)
    }
    return { next: end, unsettled }
  }

  /** Gives up the records it waits for up to the first of which this is not true: the log is about to forget them, so nobody has to write it down. */
  giveUp(isGone: (offset: Offset) => boolean, reason: DropReason): void {
    const isFirst = (at: Offset | undefined): boolean => at !== undefined && at >= 0 && isGone(at)
    while (isFirst(this.#aside[0]?.offset)) this.#dropOldest(reason)
    while (this.#waiting.length > 0 && isFirst(this.#waiting.offset(0))) this.#dropFirst(reason)
  }

  saveRows(write: RowWriter): void {
    if (this.#members.length === 0) return write(table.groups, this.key, undefined)
    const { next, unsettled } = this.place(this.#core.committer.end)
    write(table.groups, this.key, this.durable ? encodeRow([next, unsettled]) : undefined)
  }

  #offerOnce(message: Message): void {
    const { choose, patient } = this.#core.strategy
    // What is for one member alone is dropped, and counted, where that one's socket is full.
    const place = choose(this.#members, this.#last, patient ? this.#listens : this.#takesOnce, message)
    if (place >= 0) this.#hand(place, message, -1)
  }

  /** Place of the member that is to get this message and can take it; else `notNow`, or `never`. */
  #taker(message: Message): number {
    const { choose, patient } = this.#core.strategy
    const place = choose(this.#members, this.#last, patient ? this.#listens : this.#takesNow, message)
    if (place >= 0) return isFree(this.#members[place]!) ? place : notNow
    const isWanted = (member: Subscription): boolean => this.#listens(member, message)
    return this.#members.some(isConnected) && !this.#members.some(isWanted) ? never : notNow
  }

  /** Gives a message to the member of this place, or to nobody. */
  // oxlint-disable-next-line max-params -- the path of every message: an object for its arguments would cost more
  #hand(place: number, message: Message, offset: Offset, order: number = ++this.#order): void {
    const member = this.#members[place]
    if (member === undefined) {
      drop(this.#core, '', 'not-authorized', message.topic)
      return this.settle(offset)
    }
    this.#last = place
    if (offset >= 0) {
      this.#under.add(offset)
      this.#core.committer.saveLater(this)
    }
    member.session.outbound.take(message, member.grant, offset, { group: this, order })
  }

  #handAside(): void {
    for (let i = 0; i < this.#aside.length && this.#members.some(isFree);) {
      const { message, offset, order } = this.#aside[i]!
      const place = this.#taker(message)
      if (place === notNow) i++
      else {
        this.#aside.splice(i, 1)
        this.#hand(place, message, offset, order)
      }
    }
  }

  #handWaiting(): void {
    const waiting = this.#waiting
    while (waiting.length > 0 && this.#members.some(isFree)) {
      const message = waiting.held(0)?.message
      if (message === undefined) return this.#load()
      const place = this.#taker(message)
      // Those behind it may be for others, but so far only: what is aside is in memory, and in the group's row.
      if (place === notNow && this.#aside.length >= this.#core.limits.inflight * this.#members.length) return
      const offset = waiting.offset(0)
      waiting.shift()
      if (place === notNow) this.#aside.push({ message, offset, order: ++this.#order })
      else this.#hand(place, message, offset)
    }
  }

  /** Whose fault it is that a message waits. */
  #slow(message: Message, connected: Subscription): Outbound {
    const { choose, patient } = this.#core.strategy
    const place = patient ? choose(this.#members, this.#last, this.#listens, message) : -1
    return (this.#members[place] ?? connected).session.outbound
  }

  // Its place is not written for that: it comes with every message while nobody takes any. Recovery drops it again.
  #bound(): void {
    const { limits } = this.#core
    const over = (): boolean =>
      this.#waiting.offset(0) < 0 && this.#waiting.bytes > limits.queuedBytes && this.#waiting.length > 1
    while (this.queued > limits.maxQueued) this.#dropOldest()
    while (over()) this.#dropFirst()
  }

  /** What is aside is older than what waits: were it kept for ever, the log would be, too. */
  #dropOldest(reason: DropReason = 'queue-full'): void {
    const oldest = this.#aside.shift()
    if (oldest === undefined) this.#dropFirst(reason)
    else drop(this.#core, '', reason, oldest.message.topic)
  }

  #dropFirst(reason: DropReason = 'queue-full'): void {
    drop(this.#core, '', reason, this.#waiting.held(0)?.message.topic ?? '')
    this.#waiting.shift()
  }

  #load(): void {
    const { grant } = this.#members[0]!
    this.#loading = true
    fetchRecords(this.#core, missingAhead(this.#waiting, this.#core.limits.inflight), (found) => {
      this.#loading = false
      if (found !== undefined) this.#fill(found, grant)
      this.pump()
    })
  }

  #fill(found: Found, grant: Grant): void {
    for (let i = 0; i < this.#waiting.length;) {
      const offset = this.#waiting.offset(i)
      if (!found.has(offset)) return
      const message = found.get(offset)
      if (message !== undefined) this.#waiting.hold(i++, { message, grant, flags: 0 })
      else if (i > 0) return
      else {
        this.#dropFirst()
        this.#core.committer.saveLater(this)
      }
    }
  }
}

function isConnected({ session }: Subscription): boolean {
  return session.consumer !== undefined
}

/** Its socket takes bytes. */
function isOpen({ session }: Subscription): boolean {
  return session.consumer !== undefined && session.consumer.load < 2
}

function isFree({ session }: Subscription): boolean {
  return session.outbound.free
}
