/** Plain running totals since the broker started; read them, never write them. */
export interface Counters {
  /** Messages accepted from publishers. */
  received: number
  /** Deliveries handed to connections, taps not counted. */
  sent: number
  /** Deliveries that did not happen: expired, over a limit, refused or too slow. */
  dropped: number
  /** Records appended to logs. */
  stored: number
  /** Commits that reached the storage. */
  commits: number
}

/** All totals at zero. */
export function zeroCounters(): Counters {
  return { received: 0, sent: 0, dropped: 0, stored: 0, commits: 0 }
}
