import type { Bounds, Qos } from '@isomq/kernel'
import { Pattern, type Subject } from './pattern.ts'
import type { AclRule } from './rule.ts'

export type { Subject } from './pattern.ts'

/** What is asked for. */
type Action = 'publish' | 'subscribe'

interface Compiled {
  readonly allows: boolean
  readonly users: ReadonlySet<string> | undefined
  readonly clients: ReadonlySet<string> | undefined
  readonly publish: readonly Pattern[]
  readonly subscribe: readonly Pattern[]
  readonly bounds: Bounds
}

const unbounded: Bounds = { qos: 2, retain: true }

/** A list of rules. Answers are undefined where no rule fits. */
export class Acl {
  readonly #rules: readonly Compiled[]

  /** Rules without faults. */
  constructor(rules: readonly AclRule[]) {
    this.#rules = rules.map(compile)
  }

  /** What may be done with this very topic: false, or how far it goes. */
  topic(subject: Subject, action: Action, topic: string): Bounds | false | undefined {
    for (const rule of this.#for(subject))
      if (rule[action].some((pattern) => pattern.matches(subject, topic, !rule.allows)))
        return rule.allows ? rule.bounds : false
    return undefined
  }

  /**
   * Whether a filter may be subscribed to: where something that it can match may be received, but what is denied before. What it
   * brings is judged message by message. The bounds are those of the rule that bounds it most.
   */
  filter(subject: Subject, filter: string): Bounds | false | undefined {
    let qos: Qos | undefined
    for (const rule of this.#for(subject)) {
      if (rule.allows) {
        if (rule.subscribe.some((pattern) => pattern.overlaps(subject, filter)))
          qos = Math.min(qos ?? 2, rule.bounds.qos) as Qos
        if (rule.subscribe.some((pattern) => pattern.covers(subject, filter, false))) break
      } else if (rule.subscribe.some((pattern) => pattern.covers(subject, filter, true))) {
        if (qos === undefined) return false
        break
      }
    }
    return qos === undefined ? undefined : { ...unbounded, qos }
  }

  *#for({ username, clientId }: Subject): IterableIterator<Compiled> {
    for (const rule of this.#rules) {
      const { users, clients } = rule
      const isUser =
        users === undefined ||
        (username === undefined ? users.has('') : users.has(username) || (users.has('*') && username !== ''))
      if (isUser && (clients === undefined || clients.has(clientId))) yield rule
    }
  }
}

function compile({ effect, users, clients, publish = [], subscribe = [], qos = 2, retain = true }: AclRule): Compiled {
  return {
    allows: effect === 'allow',
    users: users && new Set(users),
    clients: clients && new Set(clients),
    publish: publish.map((text) => new Pattern(text)),
    subscribe: subscribe.map((text) => new Pattern(text)),
    bounds: { qos, retain },
  }
}
