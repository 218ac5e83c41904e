/** How much is owed to the other broker, in bytes and in time: two numbers for each message, oldest first. */
export class Ledger {
  #sizes: number[] = []
  #times: number[] = []
  /** Of both, how many are settled. */
  #settled = 0
  /** Payload bytes of what is owed. */
  bytes = 0

  get length(): number {
    return this.#sizes.length - this.#settled
  }

  /** When the oldest was accepted, milliseconds since the epoch. */
  get oldest(): number | undefined {
    return this.#times[this.#settled]
  }

  /** One more is owed, the youngest. */
  add(bytes: number, timestamp: number): void {
    this.#sizes.push(bytes)
    this.#times.push(timestamp)
    this.bytes += bytes
  }

  /** Puts what an earlier run has left before all that came since. */
  prepend(sizes: readonly number[], times: readonly number[]): void {
    this.#sizes = [...sizes, ...this.#sizes.slice(this.#settled)]
    this.#times = [...times, ...this.#times.slice(this.#settled)]
    this.#settled = 0
    for (const size of sizes) this.bytes += size
  }

  /** No more than this many are owed any more: the oldest are settled. */
  trim(length: number): void {
    while (this.length > length) this.bytes -= this.#sizes[this.#settled++]!
    if (this.#settled * 2 < this.#sizes.length) return
    this.#sizes.splice(0, this.#settled)
    this.#times.splice(0, this.#settled)
    this.#settled = 0
  }
}
