import { Acl, type AclRule } from '@isomq/acl'
import {
  type Bounds,
  type Broker,
  BrokerError,
  type Clock,
  type Credentials,
  type Guard,
  type Principal,
} from '@isomq/kernel'
import type { Check, Identity } from './identity.ts'
import { Failures } from './failures.ts'

/** What access is made of. */
export interface AccessParts {
  readonly clock: Clock
  /** Asked in this order. */
  readonly checks: readonly Check[]
  /** Who an exchange has proven to be. */
  readonly proven: (credentials: Credentials) => Identity
  /** Whether somebody whom no check knows comes in as nobody in particular, if he gives no name. */
  readonly anonymous: boolean
  /** Whether an identity still holds after what was read anew. */
  readonly holds: (identity: Identity) => boolean
  /** Undefined where there are none, and everybody may everything. */
  readonly rules: readonly AclRule[] | undefined
  /** What is done where no rule fits. */
  readonly otherwise: 'allow' | 'deny'
}

interface Known {
  readonly identity: Identity | undefined
  readonly acl: Acl | undefined
}

const unbounded: Bounds = { qos: 2, retain: true }

/** Who may come in, and do what: the guard of the server's broker. */
export class Access implements Guard {
  readonly #parts: AccessParts
  readonly #failures: Failures
  /** What is known of those who have come in. Of sessions that were kept through a restart only their name is. */
  readonly #known = new WeakMap<Principal, Known>()
  #acl: Acl | undefined
  #version = 0

  constructor(parts: AccessParts) {
    this.#parts = parts
    this.#failures = new Failures(parts.clock)
    this.#acl = parts.rules && new Acl(parts.rules)
  }

  get version(): number {
    return this.#version
  }

  async authenticate(credentials: Credentials): Promise<Principal> {
    const { clientId, username, provenBy, peer } = credentials
    if (provenBy !== undefined) return this.#admit(clientId, this.#parts.proven(credentials))
    this.#failures.check(peer.address, username)
    try {
      for (const check of this.#parts.checks) {
        const identity = await check(credentials)
        if (identity === undefined) continue
        this.#failures.succeeded(peer.address)
        return this.#admit(clientId, identity)
      }
      const isNobody = username === undefined && credentials.password === undefined
      if (!this.#parts.anonymous || (!isNobody && this.#parts.checks.length > 0))
        throw new BrokerError('not-authenticated')
    } catch (error) {
      if (error instanceof BrokerError && error.code === 'not-authenticated')
        this.#failures.failed(peer.address, username)
      throw error
    }
    // Without any check a name is but a name.
    const name = this.#parts.checks.length === 0 ? username : undefined
    return { clientId, ...(name === undefined ? {} : { username: name }) }
  }

  authorize(principal: Principal, action: 'publish' | 'subscribe', topic: string): boolean {
    return this.#judge(principal, action, topic) !== false
  }

  receives(principal: Principal, topic: string): boolean {
    return this.#decide(principal, topic, (acl) => acl.topic(principal, 'subscribe', topic)) !== false
  }

  bounds(principal: Principal, action: 'publish' | 'subscribe', topic: string): Bounds | undefined {
    return this.#judge(principal, action, topic) || undefined
  }

  /** Takes other rules, and cuts off whoever would not come in any more. */
  renew(rules: readonly AclRule[] | undefined, broker: Broker): void {
    this.#acl = rules && new Acl(rules)
    this.#version++
    for (const session of Array.from(broker.sessions)) {
      const identity = this.#known.get(session.principal)?.identity
      if (identity !== undefined && !this.#parts.holds(identity)) broker.sessions.cutOff(session, 'not-authorized')
    }
  }

  #admit(clientId: string, identity: Identity): Principal {
    const { username, until, rules } = identity
    if (until !== undefined && until <= this.#parts.clock.now()) throw new BrokerError('not-authenticated')
    const principal: Principal = { clientId, username, ...(until === undefined ? {} : { until }) }
    this.#known.set(principal, { identity, acl: rules && new Acl(rules) })
    return principal
  }

  #judge(principal: Principal, action: 'publish' | 'subscribe', topic: string): Bounds | false {
    return this.#decide(principal, topic, (acl) =>
      action === 'publish' ? acl.topic(principal, 'publish', topic) : acl.filter(principal, topic),
    )
  }

  /** His own rules first, then those of all. What the broker tells of itself is for administrators, unless a rule says so. */
  #decide(principal: Principal, topic: string, ask: (acl: Acl) => Bounds | false | undefined): Bounds | false {
    const known = this.#known.get(principal)
    const own = known?.acl && ask(known.acl)
    const answer = own ?? (this.#acl && ask(this.#acl))
    if (answer !== undefined) return answer
    if (topic === '$SYS' || topic.startsWith('$SYS/')) return known?.identity?.admin === true ? unbounded : false
    return this.#acl === undefined || this.#parts.otherwise === 'allow' ? unbounded : false
  }
}
