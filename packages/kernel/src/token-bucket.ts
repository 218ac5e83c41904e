/** Allows so much a second on average, and a second's worth at once. */
export class TokenBucket {
  readonly #most: number
  /** Below 0 while more was spent than there was. */
  #tokens: number
  #at: number

  /** Full at `now` (milliseconds). */
  constructor(perSecond: number, now: number) {
    this.#most = perSecond
    this.#tokens = perSecond
    this.#at = now
  }

  /** Takes one if there is one; false when there is none. */
  take(now: number): boolean {
    this.#fill(now)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** Takes an amount whether it is there or not. Milliseconds until it is paid for, whole; 0 when it was there. */
  spend(amount: number, now: number): number {
    this.#fill(now)
    this.#tokens -= amount
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1000) / this.#most)
  }

  #fill(now: number): void {
    // A clock that was set back gives nothing, and takes nothing.
    if (now > this.#at) this.#tokens = Math.min(this.#tokens + ((now - this.#at) * this.#most) / 1000, this.#most)
    this.#at = now
  }
}
