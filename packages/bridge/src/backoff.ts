/** Delays between attempts, milliseconds: a random part, anything from nothing to all, of a bound that doubles. */
export class Backoff {
  readonly #min: number
  readonly #max: number
  readonly #random: () => number
  #bound: number

  /** The bound is `min` first and `max` at last; `random` gives numbers from 0 to below 1. */
  constructor(min: number, max: number, random: () => number) {
    this.#min = min
    this.#max = max
    this.#random = random
    this.#bound = min
  }

  next(): number {
    const delay = this.#bound * this.#random()
    this.#bound = Math.min(this.#bound * 2, this.#max)
    return Math.round(delay)
  }

  /** It worked: begin anew. */
  reset(): void {
    this.#bound = this.#min
  }
}
