import type { Clock, Timer } from '@isomq/kernel'
import { interval } from './wire.ts'

/** What a pulse does. */
export interface PulseOptions {
  readonly clock: Clock
  /** So many pings in a row without an answer mean that nobody is there. */
  readonly patience: number
  ping(): void
  dead(): void
}

/**
 * Tells within `patience` intervals that the other end has died. Only intervals count that this end was awake for: a
 * timer that comes late says that this end was frozen, throttled or busy, and what was sent to it meanwhile may still
 * lie unread; the other end then gets all its patience anew.
 */
export class Pulse {
  readonly #options: PulseOptions
  #unanswered = 0
  #timer: Timer
  #due = 0

  constructor(options: PulseOptions) {
    this.#options = options
    this.#timer = this.#wait()
  }

  /** The other end was heard. */
  heard(): void {
    this.#unanswered = 0
  }

  stop(): void {
    this.#timer.cancel()
  }

  #wait(): Timer {
    const { clock } = this.#options
    this.#due = clock.now() + interval
    return clock.timer(interval, () => this.#beat())
  }

  #beat(): void {
    const { clock, patience, ping, dead } = this.#options
    const late = clock.now() - this.#due
    // Negative where somebody has set the clock back.
    this.#unanswered = late > interval || late < -interval ? 0 : this.#unanswered + 1
    if (this.#unanswered > patience - 1) return dead()
    ping()
    this.#timer = this.#wait()
  }
}
