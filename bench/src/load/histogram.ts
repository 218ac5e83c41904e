const SUB_BITS = 6
const SUB = 1 << SUB_BITS

/** Counts of microsecond values in buckets about 1.6 % wide; recording is one increment. */
export class Histogram {
  readonly #counts: Uint32Array = new Uint32Array(SUB * (33 - SUB_BITS))
  #total = 0

  /** Takes an unsigned 32-bit count of microseconds. */
  record(micros: number): void {
    const index = bucketOf(micros)
    this.#counts[index] = this.#counts[index]! + 1
    this.#total++
  }

  /** The value (µs) below or at which the given share (0…1) of the records lies; 0 when there are none. */
  quantile(share: number): number {
    let left = Math.ceil(this.#total * share)
    for (let index = 0; index < this.#counts.length; index++) {
      left -= this.#counts[index]!
      if (left <= 0 && this.#total > 0) return middleOf(index)
    }
    return 0
  }

  /** Forgets all records. */
  reset(): void {
    this.#counts.fill(0)
    this.#total = 0
  }
}

function bucketOf(micros: number): number {
  if (micros < SUB) return micros
  const shift = 31 - SUB_BITS - Math.clz32(micros)
  return shift * SUB + (micros >>> shift)
}

function middleOf(index: number): number {
  if (index < SUB * 2) return index
  const shift = Math.floor(index / SUB) - 1
  return (SUB + (index % SUB)) * 2 ** shift + 2 ** shift / 2
}
