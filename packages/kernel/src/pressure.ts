import type { Clock } from './host.ts'

/** Something that can be behind: the outgoing side of a session. */
export interface Burdened {
  /** Called once when it has caught up. */
  relief: Set<() => void> | undefined
  /** True while it is so far behind that it no longer slows its publishers: what does not fit is dropped. */
  shedding: boolean
}

/**
 * Slows publishers down to the pace of their readers, but for a bounded time only: a reader that has not caught up
 * within the grace holds nobody back again until it has.
 */
export class Pressure {
  readonly #clock: Clock
  readonly #grace: number
  #marked: Burdened | undefined
  /** True: every publisher waits for the grace each time it has been read. */
  always = false

  /** Grace in milliseconds. */
  constructor(clock: Clock, grace: number) {
    this.#clock = clock
    this.#grace = grace
  }

  /** A delivery found this reader behind. */
  mark(reader: Burdened): void {
    if (!reader.shedding) this.#marked = reader
  }

  /** Forgets what was marked before: call it before reading a publisher's input. */
  reset(): void {
    this.#marked = undefined
  }

  /**
   * Whether a reader was marked since `reset`. If so the publisher should stop reading its input now, and `resume` is
   * called once: when that reader has caught up or the grace is over.
   */
  hold(resume: () => void): boolean {
    const reader = this.#marked
    if (reader === undefined || reader.shedding) {
      if (this.always) this.#clock.timer(this.#grace, resume)
      return this.always
    }
    this.#marked = undefined
    const relief = (reader.relief ??= new Set())
    const go = (): void => {
      if (!relief.delete(go)) return
      timer.cancel()
      resume()
    }
    relief.add(go)
    const timer = this.#clock.timer(this.#grace, () => {
      reader.shedding = true
      go()
    })
    return true
  }
}

/** The reader has caught up: its publishers go on. */
export function relieve(reader: Burdened): void {
  reader.shedding = false
  const relief = reader.relief
  if (relief === undefined) return
  reader.relief = undefined
  for (const go of relief) go()
}
