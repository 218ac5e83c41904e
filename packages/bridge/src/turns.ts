/** Answers in the order of what they answer, also where one has to wait: for the storage, most of all. */
export class Turns {
  #last: Promise<void> | undefined
  #waiting = 0
  #ended = false

  /** True while an answer waits. */
  get busy(): boolean {
    return this.#waiting > 0
  }

  /** Answers once `wait` is over and all earlier ones are given; `failed` instead where it rejects. Neither is called after `end`. */
  push(wait: Promise<void> | undefined, answer: () => void, failed: (error: unknown) => void): void {
    if (wait === undefined && this.#waiting === 0) return answer()
    this.#waiting++
    const [before, now] = [this.#last, wait ?? Promise.resolve()]
    // Its rejection is looked at in its turn.
    now.catch(() => undefined)
    this.#last = (before ?? Promise.resolve())
      .then(() => now)
      .then(
        () => this.#ended || answer(),
        (error: unknown) => this.#ended || failed(error),
      )
      .then(() => void this.#waiting--)
  }

  end(): void {
    this.#ended = true
  }
}
