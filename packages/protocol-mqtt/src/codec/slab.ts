/**
 * Arrays that many small things lie in side by side, which is several times faster than an array for each. No byte is ever
 * handed out twice, and an array lives as long as the last thing in it.
 */
export class Slab {
  readonly #size: number
  #used = 0
  /** Where what was taken last lies. */
  bytes: Uint8Array = new Uint8Array(0)

  /** `size`: bytes of one array, zeroed. */
  constructor(size: number) {
    this.#size = size
  }

  /** Room for `length` bytes, at most the size of an array: returns its place in `bytes`. */
  take(length: number): number {
    if (this.#used + length > this.bytes.length) {
      this.bytes = new Uint8Array(this.#size)
      this.#used = 0
    }
    const at = this.#used
    this.#used = at + length
    return at
  }
}

const largestShare = 2_048
const slab = new Slab(16_384)

/** Zeroed bytes for a frame that is soon sent. */
export function cut(length: number): Uint8Array {
  if (length > largestShare) return new Uint8Array(length)
  const at = slab.take(length)
  return slab.bytes.subarray(at, at + length)
}
