/** Upper bounds of the buckets, milliseconds; whatever is slower is in the last. */
export const buckets: readonly number[] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]

/** How long something took, counted by buckets. Read it, never write it. */
export interface Histogram {
  /** How many took no longer than the bucket of the same place, and longer than the one before; behind them the slower ones. */
  readonly counts: ArrayLike<number>
  readonly count: number
  /** Of all, milliseconds. */
  readonly sum: number
}

/** Counts times. */
export class Times implements Histogram {
  readonly counts: Float64Array = new Float64Array(buckets.length + 1)
  count = 0
  sum = 0

  /** So many took so long, milliseconds. A clock that was set back tells of no time. */
  observe(milliseconds: number, times: number = 1): void {
    const time = milliseconds > 0 ? milliseconds : 0
    let bucket = 0
    while (bucket < buckets.length && time > buckets[bucket]!) bucket++
    this.counts[bucket]! += times
    this.count += times
    this.sum += time * times
  }
}

/** The times of one broker. */
export interface Timings {
  /** From the acceptance of a message to its delivery to a connection; one of 64 is looked at. */
  readonly deliver: Histogram
  /** From the acceptance of what must be stored to the time at which its publisher may be told. */
  readonly ack: Histogram
  /** What the storage took for a commit. */
  readonly commit: Histogram
}
