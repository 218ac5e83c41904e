import type { Group } from './group.ts'
import { grantOf, type Grant } from './grant.ts'
import type { Offset, Qos } from './message.ts'
import type { RowWriter, Saved } from './rows.ts'
import { encodeRow, joinKey, table } from './rows.ts'
import type { Session } from './session.ts'
import type { Candidate } from './sharing.ts'

/** What a subscriber asks for with a filter. */
export interface SubscriptionOptions {
  /** Highest QoS it wants to receive with. */
  readonly qos: Qos
  /** Name of the group that shares the messages of this filter among its members. */
  readonly group?: string | undefined
  /** True: no other session may subscribe to this topic so. The filter has no wildcards then. Not with a group. */
  readonly exclusive?: boolean | undefined
  /** True: not the messages that this session itself publishes. Not with a group. */
  readonly noLocal?: boolean | undefined
  /** True: messages keep the retain mark their publisher gave them. */
  readonly retainAsPublished?: boolean | undefined
  /** Number handed back with every message this subscription matches. */
  readonly identifier?: number | undefined
  /** When retained messages are sent on subscribing; `always` unless said. Groups never get them. */
  readonly retained?: 'always' | 'if-new' | 'never' | undefined
}

/** What tells a subscription from all others of its session: an exclusive one stands beside an ordinary one of its topic. */
export function subscriptionKey(filter: string, group: string = '', exclusive: boolean = false): string {
  // No second text in memory for the most of them. No filter contains what joins the parts of the others.
  if (group === '' && !exclusive) return filter
  return exclusive ? joinKey(group, filter, 'exclusive') : joinKey(group, filter)
}

/** One filter of one session. */
export class Subscription implements Saved, Candidate {
  readonly session: Session
  readonly filter: string
  readonly group: Group | undefined
  options: SubscriptionOptions
  removed = false
  #since: Offset = 0
  #grant: Grant | undefined

  constructor(session: Session, filter: string, options: SubscriptionOptions, group?: Group) {
    this.session = session
    this.filter = filter
    this.options = options
    this.group = group
  }

  // There are millions of subscriptions: what is the same for all is no field.
  get kind(): 'subscription' {
    return 'subscription'
  }

  /** Only records from this offset on are owed because of it. */
  get since(): Offset {
    return this.#since
  }

  set since(offset: Offset) {
    this.#since = offset
    this.#grant = undefined
  }

  /** What this subscription alone grants. The same object until its options or `since` change. */
  get grant(): Grant {
    return (this.#grant ??= grantOf([this]))
  }

  /** Where the session stands for strategies that hash. */
  get hash(): number {
    return this.session.hash
  }

  /** Deliveries under way to the session. */
  get inflight(): number {
    return this.session.outbound.inflight.length
  }

  /** New options for the same filter. */
  replace(options: SubscriptionOptions): void {
    this.options = options
    this.#grant = undefined
  }

  saveRows(write: RowWriter): void {
    const { qos, group, exclusive, noLocal, retainAsPublished, identifier } = this.options
    const parts = [this.session.id, group ?? '', this.filter]
    const key = exclusive === true ? joinKey(...parts, 'exclusive') : joinKey(...parts)
    if (this.removed || this.session.ended) return write(table.subscriptions, key, undefined)
    const flags = (noLocal === true ? 1 : 0) | (retainAsPublished === true ? 2 : 0)
    write(table.subscriptions, key, encodeRow([qos, flags, this.since, identifier ?? 0]))
  }
}
