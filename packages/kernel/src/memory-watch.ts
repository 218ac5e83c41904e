import type { Clock, Timer } from './host.ts'

/** Milliseconds between two looks. */
const interval = 250
/** The share of the limit below which all is well again. */
const relief = 0.9

/** What is watched, and who is told. */
export interface MemoryWatchParts {
  readonly clock: Clock
  /** Bytes in use. */
  readonly read: () => number
  /** Bytes that may be in use. */
  readonly limit: number
  /** `since`: when it became short. */
  readonly changed: (isShort: boolean, bytes: number, since: number) => void
}

/** Knows whether memory is short: from the time at which more is in use than may be, until clearly less is. */
export class MemoryWatch {
  #timer: Timer | undefined
  /** Since when, milliseconds; undefined while there is enough. */
  since: number | undefined

  /** Without parts there is always enough. */
  constructor(parts: MemoryWatchParts | undefined) {
    if (parts !== undefined) this.#look(parts)
  }

  get isShort(): boolean {
    return this.since !== undefined
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #look(parts: MemoryWatchParts): void {
    const { clock, limit } = parts
    const bytes = parts.read()
    const isShort = bytes >= (this.isShort ? limit * relief : limit)
    if (isShort !== this.isShort) {
      const since = this.since ?? clock.now()
      this.since = isShort ? since : undefined
      parts.changed(isShort, bytes, since)
    }
    this.#timer = clock.timer(interval, () => this.#look(parts))
  }
}
