import type { PeerInfo } from './connection.ts'
import type { Consumer } from './consumer.ts'
import { type Core, drop } from './core.ts'
import { DeliveryFlag } from './consumer.ts'
import { BrokerError } from './errors.ts'
import { type Grant, grantOf } from './grant.ts'
import type { Group } from './group.ts'
import type { Principal } from './guard.ts'
import { Inbound } from './inbound.ts'
import { fitsLimits } from './limits.ts'
import type { Message, Offset, Qos } from './message.ts'
import { ownBytes } from './message-codec.ts'
import { Outbound } from './outbound.ts'
import { encodeRow, type RowWriter, type Saved, table } from './rows.ts'
import type { Appointment } from './schedule.ts'
import { hashOf } from './sharing.ts'
import { Subscription, subscriptionKey, type SubscriptionOptions } from './subscription.ts'
import { TimedOutbound } from './timed-outbound.ts'
import { isFilter, isTopic, matches } from './topic.ts'
import type { Will } from './will.ts'

/** Where a session finds the groups it shares subscriptions in. */
interface GroupSource {
  group(filter: string, name: string): Group
}

// A session that has none needs no collection for them.
const noSubscriptions: ReadonlyMap<string, Subscription> = new Map()
const noGroups: ReadonlySet<Group> = new Set()

/** The name under which a place is remembered: a client's subscriptions, what it is owed, and what it has begun. */
export class Session implements Saved {
  readonly id: string
  /** Of the id: where groups with a hashing strategy find it. */
  readonly hash: number
  readonly outbound: Outbound
  readonly inbound: Inbound
  principal: Principal
  /** Who uses it, or did last since the broker started. */
  peer: PeerInfo | undefined
  /** The connection it is used by, if any. */
  consumer: Consumer | undefined
  /** How long it outlives its connection, milliseconds; 0 not at all. */
  expiry = 0
  /** When it lost its connection. */
  disconnectedAt: number | undefined
  will: Will | undefined
  /** The will that runs, and the end that comes, while nobody is connected. */
  readonly appointments: Appointment[] = []
  /** The end of its client's login. */
  login: Appointment | undefined
  ended = false
  /** True: its client has been told of it, since deliveries have begun. Before that it does not outlive its connection. */
  announced = false
  /** Changes of its subscriptions that are not durable yet. */
  changing = 0
  /** True: the storage may have rows of it, or of the one it has replaced, also if it is not durable (any more). */
  stored = false
  readonly #core: Core
  readonly #sharing: GroupSource
  #subscriptions: Map<string, Subscription> | undefined
  #groups: Set<Group> | undefined

  constructor(core: Core, id: string, principal: Principal, sharing: GroupSource) {
    this.#core = core
    this.#sharing = sharing
    this.id = id
    this.hash = hashOf(id)
    this.principal = principal
    this.outbound = core.slow === undefined ? new Outbound(core, this) : new TimedOutbound(core, this, core.slow)
    this.inbound = new Inbound(core, this)
  }

  /** By the filter and kind of each. */
  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#subscriptions ?? noSubscriptions
  }

  /** Those of its shared subscriptions. */
  get groups(): ReadonlySet<Group> {
    return this.#groups ?? noGroups
  }

  /** True: it outlives its connection, and what it is owed is kept in the log. */
  get durable(): boolean {
    return this.expiry > 0
  }

  /** What is to be awaited before anybody is told of this session's latest change; undefined when there is nothing. */
  get committing(): Promise<void> | undefined {
    return this.stored ? this.#core.committer.done : undefined
  }

  /** Its place has moved: worth writing down, not worth waiting for. */
  changed(): void {
    if (this.durable && !this.ended) this.#core.committer.saveLater(this)
  }

  /**
   * Subscribes, or replaces the options of the same filter. Retained messages wait until `outbound.pump`. True when the
   * subscription is new. Throws BrokerError `invalid-filter` or `quota-exceeded`, this also when another session holds the
   * topic exclusively and it is asked for so.
   */
  subscribe(filter: string, options: SubscriptionOptions): boolean {
    const { limits, router, committer, exclusives } = this.#core
    const { group, exclusive } = options
    if (!isFilter(filter) || !fitsLimits(filter, limits)) throw new BrokerError('invalid-filter')
    if (exclusive === true && (group !== undefined || !isTopic(filter))) throw new BrokerError('invalid-filter')
    const key = subscriptionKey(filter, group, exclusive)
    let subscription = this.subscriptions.get(key)
    const isNew = subscription === undefined
    const isTaken = isNew && exclusive === true && exclusives.has(filter)
    if (isTaken || (isNew && this.subscriptions.size >= limits.subscriptions)) throw new BrokerError('quota-exceeded')
    // What is under way goes on as it began.
    if (this.durable && options.qos !== subscription?.options.qos) this.#pin()
    if (subscription === undefined) {
      subscription = this.restore(filter, options)
      if (this.durable) committer.since(subscription)
      this.#core.emit?.({ type: 'subscribed', session: this.id, filter, options })
    } else {
      if (this.durable) {
        // What QoS 0 has brought does not come again.
        if (subscription.options.qos === 0) committer.since(subscription)
        else if (!isSame(subscription.options, options)) committer.save(subscription)
      }
      subscription.replace(options)
      router.touch(filter)
    }
    // Whether it keeps a place in the log depends on the QoS of its members.
    if (this.durable && subscription.group !== undefined) committer.save(subscription.group)
    if (group === undefined && options.retained !== 'never' && (isNew || options.retained !== 'if-new'))
      this.#sendRetained(subscription)
    return isNew
  }

  /** Puts a subscription in place without saving it. */
  restore(filter: string, options: SubscriptionOptions): Subscription {
    const group = options.group === undefined ? undefined : this.#sharing.group(filter, options.group)
    const subscription = new Subscription(this, filter, options, group)
    this.#count(subscription, 1)
    ;(this.#subscriptions ??= new Map()).set(subscriptionKey(filter, options.group, options.exclusive), subscription)
    if (options.exclusive === true) this.#core.exclusives.set(filter, subscription)
    if (group === undefined) this.#core.router.add(filter, subscription)
    else {
      group.join(subscription)
      ;(this.#groups ??= new Set()).add(group)
    }
    return subscription
  }

  /** Takes a subscription away; false when there is none of this filter and kind. What is under way is completed. */
  unsubscribe(filter: string, group?: string, exclusive?: boolean): boolean {
    const key = subscriptionKey(filter, group, exclusive)
    const subscription = this.subscriptions.get(key)
    if (subscription === undefined) return false
    this.#subscriptions!.delete(key)
    this.#remove(subscription)
    if (this.durable) this.#pin()
    if (this.stored) this.#core.committer.save(subscription)
    this.#core.emit?.({ type: 'unsubscribed', session: this.id, filter, group })
    return true
  }

  /** Who it is or whether it is durable has changed: what is known of its routes no longer holds. */
  reroute(): void {
    for (const { filter } of this.subscriptions.values()) this.#core.router.touch(filter)
  }

  /** Takes everything away that others could still find. The caller has ended the connection. */
  end(): void {
    this.ended = true
    for (const subscription of this.subscriptions.values()) {
      this.#remove(subscription)
      if (this.stored) this.#core.committer.save(subscription)
    }
    this.#subscriptions = undefined
    this.outbound.clear()
    this.inbound.clear()
    if (this.stored) this.#core.committer.save(this)
  }

  /**
   * How a message that was read back from the log is delivered; undefined when nothing here matches it (any more). With
   * an offset: by what was subscribed before that record.
   */
  grantFor(message: Message, offset: Offset = Infinity): Grant | undefined {
    const matching: Subscription[] = []
    for (const subscription of this.subscriptions.values()) {
      if (subscription.group !== undefined || subscription.since > offset) continue
      if (matches(subscription.filter, message.topic)) matching.push(subscription)
    }
    if (matching.length === 0) return undefined
    const grant = grantOf(matching)
    return message.publisher === this.id ? grant.own : grant
  }

  /** Whether it may be handed this message at all. If not, that is counted. */
  receives(message: Message): boolean {
    if (this.#core.guard.receives(this.principal, message.topic)) return true
    drop(this.#core, this.id, 'not-authorized', message.topic)
    return false
  }

  /** How something already under way is completed after its subscription went away. */
  lastResort(flags: number): Grant {
    const qos = (flags & DeliveryFlag.qos) as Qos
    const grant = { session: this, qos, retainAsPublished: false, identifiers: [], since: 0, own: undefined }
    return grant
  }

  saveRows(write: RowWriter): void {
    if (this.ended || !this.durable) {
      write(table.sessions, this.id, undefined)
      write(table.wills, this.id, undefined)
      return
    }
    const { next, unsettled, granted, suspect } = this.outbound.place(this.#core.committer.end)
    const expiry = this.expiry === Infinity ? -1 : this.expiry
    const owner = [expiry, this.disconnectedAt ?? -1, this.principal.username ?? null]
    write(table.sessions, this.id, encodeRow([...owner, next, unsettled, granted, suspect]))
    write(table.wills, this.id, this.will?.encode())
  }

  /** Its subscriptions change: what is under way goes on as it began, and what begins waits until that is durable. */
  #pin(): void {
    this.outbound.pin()
    this.changing++
    this.#core.committer.after(() => this.changing--)
  }

  #remove(subscription: Subscription): void {
    subscription.removed = true
    this.#count(subscription, -1)
    const { router, exclusives } = this.#core
    const { group, filter } = subscription
    if (exclusives.get(filter) === subscription) exclusives.delete(filter)
    if (group === undefined) return void router.remove(filter, subscription)
    group.leave(subscription)
    this.#groups?.delete(group)
  }

  #count({ group }: Subscription, change: 1 | -1): void {
    this.#core.counters[group === undefined ? 'subscriptions' : 'sharedSubscriptions'] += change
  }

  #sendRetained(subscription: Subscription): void {
    const { retained, guard, committer } = this.#core
    const { options } = subscription
    retained.find(subscription.filter, (message) => {
      if (options.noLocal === true && message.publisher === this.id) return
      if (!guard.receives(this.principal, message.topic)) return
      const qos = Math.min(message.qos, options.qos) as Qos
      const { grant } = subscription
      if (qos === 0 || !this.durable) this.outbound.wait(message, grant, -1, DeliveryFlag.retained)
      else {
        // What a durable session is owed is in the log, so that it is still owed after a crash.
        const addressed = { ...ownBytes(message), qos, recipient: this.id }
        const route = { grants: [grant], groups: [], taps: [], durable: true, kept: false }
        committer.publish({ message: addressed, route, placed: true, bound: true }).catch(() => {})
      }
    })
  }
}

function isSame(a: SubscriptionOptions, b: SubscriptionOptions): boolean {
  const names = ['qos', 'noLocal', 'retainAsPublished', 'retained', 'identifier', 'group', 'exclusive'] as const
  return names.every((name) => a[name] === b[name])
}
