import type { DropReason } from './events.ts'

/** Plain numbers, totals since the broker started unless said; read them, never write them. */
export interface Counters {
  /** Messages accepted from publishers; the broker's own on `$SYS` are not counted. */
  received: number
  /** Deliveries handed to connections, taps not counted. */
  sent: number
  /** Deliveries that did not happen: expired, over a limit, refused or too slow. */
  dropped: number
  /** The same, by reason. */
  readonly drops: Record<DropReason, number>
  /** Records appended to logs. */
  stored: number
  /** Commits that reached the storage. */
  commits: number
  /** Most sessions that were connected at once. */
  connectedMaximum: number
  /** Sessions that ended because nobody came back in time. */
  sessionsExpired: number
  /** Subscriptions there are now, those of groups not among them. */
  subscriptions: number
  /** Memberships of groups there are now. */
  sharedSubscriptions: number
  /** Records the session log holds now: those somebody is owed, and what has not been trimmed yet. */
  kept: number
  /** Payload bytes of these records, and of up to 4096 before them. */
  keptBytes: number
}

/** All numbers at zero. */
export function zeroCounters(): Counters {
  const totals = { received: 0, sent: 0, dropped: 0, stored: 0, commits: 0, connectedMaximum: 0, sessionsExpired: 0 }
  const drops = {
    expired: 0,
    'memory-short': 0,
    'not-authorized': 0,
    'queue-full': 0,
    rejected: 0,
    'slow-consumer': 0,
    'too-large': 0,
  }
  return { ...totals, drops, subscriptions: 0, sharedSubscriptions: 0, kept: 0, keptBytes: 0 }
}
