import { BrokerError } from './errors.ts'
import { FilterTrie } from './filter-trie.ts'
import { type Grant, grantOf } from './grant.ts'
import type { Group } from './group.ts'
import type { Guard } from './guard.ts'
import { fitsLimits, type Limits } from './limits.ts'
import type { Message } from './message.ts'
import type { Session } from './session.ts'
import type { Subscription } from './subscription.ts'
import { isTopic } from './topic.ts'

/** Somebody inside the process who listens. */
export interface Tap {
  readonly kind: 'tap'
  readonly deliver: (message: Message) => void
}

/** Who is to get the messages of one topic. */
export interface Route {
  readonly grants: readonly Grant[]
  readonly groups: readonly Group[]
  readonly taps: readonly Tap[]
  /** True when a message of QoS 1 or 2 is owed to somebody who outlives his connection. */
  readonly durable: boolean
}

interface Cached extends Route {
  readonly version: number
  readonly policy: number
}

const cacheSize = 16_384

/** Finds who gets a topic. Answers are kept per topic until a subscription or the guard's policy changes. */
export class Router {
  readonly #guard: Guard
  readonly #trie: FilterTrie<Subscription | Group | Tap>
  readonly #cache = new Map<string, Cached>()
  readonly #found: (Subscription | Group | Tap)[] = []
  readonly #limits: Limits
  #touched = 0

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

  add(filter: string, member: Subscription | Group | Tap): void {
    this.#trie.add(filter, member)
  }

  remove(filter: string, member: Subscription | Group | Tap): void {
    this.#trie.remove(filter, member)
  }

  /** Something about a subscription changed that is not its filter. */
  touch(): void {
    this.#touched++
  }

  /** Who gets this topic now. Throws BrokerError `invalid-topic`. */
  match(topic: string): Route {
    const version = this.#trie.version + this.#touched
    const known = this.#cache.get(topic)
    if (known !== undefined && known.version === version && known.policy === this.#guard.version) return known
    const route = this.#build(topic, version)
    if (known === undefined && this.#cache.size >= cacheSize) this.#cache.delete(this.#cache.keys().next().value!)
    this.#cache.set(topic, route)
    return route
  }

  /** Those of a route that was found earlier who are still to get the topic, as they are to get it now. */
  renew(route: Route, topic: string): Route {
    const now = this.match(topic)
    if (now === route) return route
    const before = new Set(route.grants.map((grant) => grant.session))
    return { ...route, grants: now.grants.filter((grant) => before.has(grant.session)) }
  }

  #build(topic: string, version: number): Cached {
    if (!isTopic(topic) || !fitsLimits(topic, this.#limits)) throw new BrokerError('invalid-topic')
    const groups: Group[] = []
    const taps: Tap[] = []
    const bySession = new Map<Session, Subscription[]>()
    const found = this.#found
    this.#trie.match(topic, found)
    for (const member of found) {
      if (member.kind === 'tap') taps.push(member)
      else if (member.kind === 'group') groups.push(member)
      else {
        const { session } = member
        const list = bySession.get(session)
        if (list !== undefined) list.push(member)
        else if (this.#guard.receives(session.principal, topic)) bySession.set(session, [member])
      }
    }
    found.length = 0
    const grants = Array.from(bySession.values(), grantOf)
    const durable = grants.some((g) => g.qos > 0 && g.session.durable) || groups.some((g) => g.durable)
    return { grants, groups, taps, durable, version, policy: this.#guard.version }
  }
}
