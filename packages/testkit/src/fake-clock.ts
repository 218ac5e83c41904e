import type { Clock, Timer } from '@isomq/kernel'

/** A clock that stands still until it is advanced. */
export interface FakeClock extends Clock {
  /**
   * Moves the time forward and fires what falls due on the way, earliest first, timers of one moment in the order they
   * were set, timers set by callbacks included. During a callback `now` is the moment it was due.
   */
  advance(milliseconds: number): void
  /** Moves the time forward at once, as for a machine that slept: what fell due meanwhile fires after that, late. */
  sleep(milliseconds: number): void
  /** When the next timer is due; undefined when none is set. */
  next(): number | undefined
  /** Timers set and neither fired nor cancelled: a test ends with none, or it leaks. */
  readonly pending: number
}

/** A FakeClock that starts at this many milliseconds since the epoch. */
export function fakeClock(start: number = 1_800_000_000_000): FakeClock {
  let time = start
  const timers = new Set<{ readonly due: number; readonly callback: () => void }>()

  const earliest = (): { readonly due: number; readonly callback: () => void } | undefined => {
    let first: { readonly due: number; readonly callback: () => void } | undefined
    // A set keeps the order of insertion, so a strict comparison leaves ties in the order they were set.
    for (const timer of timers) if (first === undefined || timer.due < first.due) first = timer
    return first
  }

  const advance = (milliseconds: number): void => {
    const until = time + milliseconds
    for (let timer = earliest(); timer !== undefined && timer.due <= until; timer = earliest()) {
      timers.delete(timer)
      time = Math.max(time, timer.due)
      timer.callback()
    }
    time = until
  }

  return {
    now: () => time,
    timer(milliseconds: number, callback: () => void): Timer {
      const timer = { due: time + Math.max(0, milliseconds), callback }
      timers.add(timer)
      return {
        cancel: () => {
          timers.delete(timer)
        },
      }
    },
    advance,
    sleep(milliseconds) {
      time += milliseconds
      advance(0)
    },
    next: () => earliest()?.due,
    get pending() {
      return timers.size
    },
  }
}
