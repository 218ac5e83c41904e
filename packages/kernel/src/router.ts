import { BrokerError } from './errors.ts'
import { FilterTrie } from './filter-trie.ts'
import { type Grant, grantsOf } from './grant.ts'
import type { Group } from './group.ts'
import type { Guard } from './guard.ts'
import { fitsLimits, type Limits } from './limits.ts'
import type { Message } from './message.ts'
import { RouteCache } from './route-cache.ts'
import type { Subscription } from './subscription.ts'
import { isTopic } from './topic.ts'
import { TopicVersions } from './topic-versions.ts'

/** Somebody inside the process who listens. */
export interface Tap {
  readonly kind: 'tap'
  readonly deliver: (message: Message) => void
}

/** Stands for the history: what it matches is to be kept. */
export interface Keeper {
  readonly kind: 'keeper'
}

/** Whoever a filter leads to. */
type Member = Subscription | Group | Tap | Keeper

/** Who is to get the messages of one topic. */
export interface Route {
  readonly grants: readonly Grant[]
  readonly groups: readonly Group[]
  readonly taps: readonly Tap[]
  /** True when a message of QoS 1 or 2 is owed to somebody who outlives his connection. */
  readonly durable: boolean
  /** True when messages of the topic are part of the history. */
  readonly kept: boolean
}

/** A route that was found, and what it rests on. */
class FoundRoute implements Route {
  readonly grants: readonly Grant[]
  readonly groups: readonly Group[]
  readonly taps: readonly Tap[]
  readonly durable: boolean
  readonly kept: boolean
  /** Rights as of this version of the guard's policy. */
  readonly policy: number
  /** All changes of subscriptions up to this one are known not to concern it. */
  checked: number
  /** The count of those that concern its topic; known only of routes that are kept. */
  version = NaN

  constructor(members: Pick<Route, 'grants' | 'groups' | 'taps' | 'kept'>, policy: number, checked: number) {
    this.grants = members.grants
    this.groups = members.groups
    this.taps = members.taps
    this.kept = members.kept
    this.durable = this.grants.some((g) => g.qos > 0 && g.session.durable) || this.groups.some((g) => g.durable)
    this.policy = policy
    this.checked = checked
  }

  get weight(): number {
    return 1 + this.grants.length + this.groups.length + this.taps.length
  }
}

const none: readonly never[] = []

/** Finds who gets a topic. Answers are kept per topic until a subscription that concerns it or the guard's policy changes. */
export class Router {
  readonly #guard: Guard
  readonly #trie: FilterTrie<Member>
  readonly #versions = new TopicVersions()
  readonly #cache = new RouteCache<FoundRoute>()
  readonly #found: Member[] = []
  readonly #limits: Limits

  /** The seed (any integer) keeps others from guessing where filters collide. */
  constructor(guard: Guard, limits: Limits, seed: number) {
    this.#guard = guard
    this.#limits = limits
    this.#trie = new FilterTrie(seed)
  }

  /** Filters held, each counted once per subscriber. */
  get size(): number {
    return this.#trie.size
  }

  add(filter: string, member: Member): void {
    this.#trie.add(filter, member)
    this.touch(filter)
  }

  remove(filter: string, member: Member): void {
    this.#trie.remove(filter, member)
    this.touch(filter)
  }

  /** Something about a member with this filter changed: options, durability, rights. */
  touch(filter: string): void {
    this.#versions.touch(filter)
  }

  /** Who gets this topic now. Throws BrokerError `invalid-topic`. */
  match(topic: string): Route {
    const known = this.#cache.get(topic)
    if (known !== undefined && this.#holds(known, topic)) return known
    const route = this.#find(topic)
    if (this.#cache.offer(topic, route)) route.version = this.#versions.of(topic)
    return route
  }

  /** Those of a route that was found earlier who are still to get the topic, as they are to get it now. */
  renew(route: Route, topic: string): Route {
    if (route instanceof FoundRoute && this.#holds(route, topic)) return route
    const now = this.match(topic)
    const before = new Set(route.grants.map((grant) => grant.session))
    return { ...route, grants: now.grants.filter((grant) => before.has(grant.session)) }
  }

  /** Whether the route is what would be found now. */
  #holds(route: FoundRoute, topic: string): boolean {
    if (route.policy !== this.#guard.version) return false
    const { now } = this.#versions
    if (route.checked === now) return true
    if (route.version !== this.#versions.of(topic)) return false
    route.checked = now
    return true
  }

  #find(topic: string): FoundRoute {
    if (!isTopic(topic) || !fitsLimits(topic, this.#limits)) throw new BrokerError('invalid-topic')
    const policy = this.#guard.version
    const found = this.#found
    let subscriptions: Subscription[] | undefined
    let groups: Group[] | undefined
    let taps: Tap[] | undefined
    let kept = false
    this.#trie.match(topic, found)
    for (const member of found) {
      if (member.kind === 'subscription') (subscriptions ??= []).push(member)
      else if (member.kind === 'group') (groups ??= []).push(member)
      else if (member.kind === 'tap') (taps ??= []).push(member)
      else kept = true
    }
    found.length = 0
    const grants = subscriptions === undefined ? none : this.#permitted(grantsOf(subscriptions), topic)
    return new FoundRoute({ grants, groups: groups ?? none, taps: taps ?? none, kept }, policy, this.#versions.now)
  }

  #permitted(grants: Grant[], topic: string): Grant[] {
    let kept = 0
    for (const grant of grants) if (this.#guard.receives(grant.session.principal, topic)) grants[kept++] = grant
    if (kept < grants.length) grants.length = kept
    return grants
  }
}
