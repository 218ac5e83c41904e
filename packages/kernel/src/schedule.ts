import type { Clock, Timer } from './host.ts'

/** Work due at a time. */
export interface Appointment {
  cancel(): void
}

interface Entry {
  readonly due: number
  run: (() => void) | undefined
}

// A host timer longer than this is set again when it fires: runtimes keep at most 31 bits of milliseconds.
const longest = 2 ** 31 - 1

/** Any number of appointments on one host timer: a binary heap ordered by due time. */
export class Schedule {
  readonly #clock: Clock
  readonly #report: (error: unknown) => void
  #heap: Entry[] = []
  #cancelled = 0
  #timer: Timer | undefined
  #timerDue = Infinity

  constructor(clock: Clock, report: (error: unknown) => void) {
    this.#clock = clock
    this.#report = report
  }

  /** Appointments kept, cancelled ones not counted. */
  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  /** Runs `run` at `due` (milliseconds since the epoch), soon if that is past, never if it is infinite. */
  at(due: number, run: () => void): Appointment {
    const entry: Entry = { due, run }
    if (due !== Infinity) {
      this.#push(entry)
      this.#arm()
    }
    return {
      cancel: () => {
        if (entry.run === undefined || due === Infinity) return
        entry.run = undefined
        this.#cancelled++
        if (this.#cancelled > 64 && this.#cancelled > this.#heap.length / 2) this.#sweep()
      },
    }
  }

  /** Forgets everything. */
  clear(): void {
    for (const entry of this.#heap) entry.run = undefined
    this.#heap = []
    this.#cancelled = 0
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerDue = Infinity
  }

  #arm(): void {
    const first = this.#heap[0]
    if (first === undefined || first.due >= this.#timerDue) return
    this.#timer?.cancel()
    this.#timerDue = first.due
    const wait = Math.min(Math.max(first.due - this.#clock.now(), 0), longest)
    this.#timer = this.#clock.timer(wait, () => this.#run())
  }

  #run(): void {
    this.#timer = undefined
    this.#timerDue = Infinity
    const now = this.#clock.now()
    for (let first = this.#heap[0]; first !== undefined && first.due <= now; first = this.#heap[0]) {
      this.#pop()
      const run = first.run
      if (run === undefined) {
        this.#cancelled--
        continue
      }
      first.run = undefined
      try {
        run()
      } catch (error) {
        this.#report(error)
      }
    }
    this.#arm()
  }

  #sweep(): void {
    const kept = this.#heap.filter((entry) => entry.run !== undefined)
    this.#heap = []
    this.#cancelled = 0
    for (const entry of kept) this.#push(entry)
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]!.due <= entry.due) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.due < heap[child]!.due) child++
      if (heap[child]!.due >= last.due) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}
