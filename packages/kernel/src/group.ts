import type { Core } from './core.ts'
import { drop } from './core.ts'
import type { Delivery } from './delivery.ts'
import { fetchRecords } from './fetch-records.ts'
import type { Grant } from './grant.ts'
import type { Message, Offset } from './message.ts'
import { type Found, missingAhead } from './missing-bodies.ts'
import { encodeRow, joinKey, type RowWriter, type Saved, table } from './rows.ts'
import type { Subscription } from './subscription.ts'
import { Waiting } from './waiting.ts'

/**
 * Sessions that share the messages of one filter: each message goes to one of them that is connected, in turn. While
 * none is, and one of them is durable, the group keeps its place in the log as a session does.
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
  /** Taken back from members that went away; older than anything that waits. */
  #returned: { readonly message: Message; readonly offset: Offset; readonly order: number }[] = []
  #turn = 0
  #order = 0
  #loading = false

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
    return this.#waiting.length + this.#returned.length
  }

  join(member: Subscription): void {
    this.#members.push(member)
    this.#core.router.touch()
  }

  leave(member: Subscription): void {
    const at = this.#members.indexOf(member)
    if (at >= 0) this.#members.splice(at, 1)
    this.#core.router.touch()
    if (this.#members.length === 0) {
      this.#waiting.clear()
      this.#returned = []
      this.#emptied()
    } else this.pump()
    this.#core.committer.saveLater(this)
  }

  /** A message for one of the members. */
  offer(message: Message, offset: Offset): void {
    if (message.qos === 0) {
      const member = this.#choose(message, (m) => m.session.consumer !== undefined && m.session.consumer.load < 2)
      member?.session.outbound.take(message, member.grant, -1, { group: this, order: 0 })
      return
    }
    const member = this.queued > 0 ? undefined : this.#choose(message, (m) => m.session.outbound.free)
    if (member !== undefined) return this.#hand(member, message, offset)
    const connected = this.#members.find((m) => m.session.consumer !== undefined)
    if (connected === undefined && offset < 0) return
    const keep = offset < 0 || (connected !== undefined && this.#waiting.bytes < this.#core.limits.queuedBytes)
    this.#waiting.push(offset, keep ? { message, grant: this.#members[0]!.grant, flags: 0 } : undefined)
    if (connected !== undefined) this.#core.pressure.mark(connected.session.outbound)
    this.#bound()
  }

  /** Hands out what waits, as far as members can take it. */
  pump(): void {
    while (!this.#loading && this.queued > 0) {
      const returned = this.#returned[0]
      const message = returned?.message ?? this.#waiting.held(0)?.message
      if (!this.#members.some((m) => m.session.outbound.free)) return
      if (message === undefined) return this.#load()
      const offset = returned?.offset ?? this.#waiting.offset(0)
      if (returned !== undefined) this.#returned.shift()
      else this.#waiting.shift()
      const member = this.#choose(message, (m) => m.session.outbound.free)
      if (member === undefined) {
        drop(this.#core, '', 'not-authorized', message.topic)
        this.settle(offset)
      } else this.#hand(member, message, offset, returned?.order)
    }
  }

  /** A member went away with these unsettled: the others get them, in order, as if never sent. */
  takeBack(deliveries: readonly Delivery[]): void {
    for (const { message, offset, order } of deliveries) {
      this.#under.delete(offset)
      if (message !== undefined) this.#returned.push({ message, offset, order })
      else if (offset >= 0) this.#waiting.push(offset, undefined)
    }
    this.#returned.sort((a, b) => a.order - b.order)
    // Only at the end of this turn: the member that left may be one of many that are leaving now.
    this.#core.host.defer(() => this.pump())
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
  }

  /** A record that was owed when the broker last stopped. */
  restore(offset: Offset): void {
    this.#waiting.push(offset, undefined)
  }

  /** Lowest offset it has not begun with (or `end`), and what is unsettled below it. */
  place(end: Offset): { readonly next: Offset; readonly unsettled: readonly Offset[] } {
    const unsettled = [...this.#under, ...this.#returned.map((r) => r.offset).filter((offset) => offset >= 0)]
    return { next: this.#waiting.firstRecord(end), unsettled }
  }

  /** Gives up everything below this offset: the log is about to forget it. */
  dropBefore(offset: Offset): void {
    while (this.#waiting.length > 0 && this.#waiting.offset(0) >= 0 && this.#waiting.offset(0) < offset)
      this.#dropFirst()
  }

  saveRows(write: RowWriter): void {
    if (this.#members.length === 0) return write(table.groups, this.key, undefined)
    const { next, unsettled } = this.place(this.#core.committer.end)
    write(table.groups, this.key, this.durable ? encodeRow([next, unsettled]) : undefined)
  }

  #hand(member: Subscription, message: Message, offset: Offset, order: number = ++this.#order): void {
    if (offset >= 0) {
      this.#under.add(offset)
      this.#core.committer.saveLater(this)
    }
    member.session.outbound.take(message, member.grant, offset, { group: this, order })
  }

  /** The next member in turn that is able to take it and may see its topic. */
  #choose(message: Message, able: (member: Subscription) => boolean): Subscription | undefined {
    const members = this.#members
    for (let i = 0; i < members.length; i++) {
      const member = members[(this.#turn + i) % members.length]!
      if (!able(member) || !this.#core.guard.receives(member.session.principal, message.topic)) continue
      this.#turn = (this.#turn + i + 1) % members.length
      return member
    }
    return undefined
  }

  #bound(): void {
    const { limits } = this.#core
    const over = (): boolean =>
      this.#waiting.offset(0) < 0 && this.#waiting.bytes > limits.queuedBytes && this.#waiting.length > 1
    while (this.#waiting.length > limits.maxQueued || over()) this.#dropFirst()
  }

  #dropFirst(): void {
    drop(this.#core, '', 'queue-full', this.#waiting.held(0)?.message.topic ?? '')
    this.#waiting.shift()
    this.#core.committer.saveLater(this)
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
      else this.#dropFirst()
    }
  }
}
