import type { Clock } from './host.ts'
import { joinKey } from './rows.ts'

/** When a subscription counts as slow, and how many such are remembered. */
export interface SlowOptions {
  /** Milliseconds a delivery may take. */
  readonly threshold: number
  /** Pairs of session and topic remembered, those that took longest. */
  readonly top: number
  /** After so long without another slow delivery a pair is forgotten, milliseconds. */
  readonly expireAfter: number
}

/** What applies where it is on and nothing else is configured. */
export const defaultSlowOptions: SlowOptions = { threshold: 500, top: 100, expireAfter: 300_000 }

/** The latest slow delivery of a topic to a session. */
export interface SlowSubscription {
  readonly session: string
  readonly topic: string
  /** Milliseconds from the acceptance of the message to its acknowledgement, or to the connection at QoS 0. */
  readonly took: number
  /** When it was measured, milliseconds since the epoch. */
  readonly at: number
}

/** Remembers which subscriptions took longest of late. */
export class SlowSubscriptions implements Iterable<SlowSubscription> {
  readonly #clock: Clock
  readonly #options: SlowOptions
  readonly #slow = new Map<string, SlowSubscription>()

  constructor(clock: Clock, options: SlowOptions) {
    this.#clock = clock
    this.#options = options
  }

  /** Those of late, slowest first. */
  [Symbol.iterator](): IterableIterator<SlowSubscription> {
    this.#expire()
    return Array.from(this.#slow.values())
      .sort((a, b) => b.took - a.took)
      .values()
  }

  /** A delivery that began at `since` (milliseconds since the epoch) is done now. */
  measure(session: string, topic: string, since: number): void {
    const at = this.#clock.now()
    const took = at - since
    if (took < this.#options.threshold) return
    const key = joinKey(session, topic)
    // What is true now counts, not what was worst.
    if (!this.#slow.has(key) && !this.#hasRoom(took)) return
    this.#slow.set(key, { session, topic, took, at })
  }

  #hasRoom(took: number): boolean {
    if (this.#slow.size < this.#options.top) return true
    this.#expire()
    if (this.#slow.size < this.#options.top) return true
    let [least, leastKey] = [took, '']
    for (const [key, each] of this.#slow) if (each.took < least) [least, leastKey] = [each.took, key]
    return this.#slow.delete(leastKey)
  }

  #expire(): void {
    const before = this.#clock.now() - this.#options.expireAfter
    for (const [key, { at }] of this.#slow) if (at <= before) this.#slow.delete(key)
  }
}
