/** What comes faster than it is taken: a bounded line between one that puts and one that awaits. */
export class Mailbox<T> {
  readonly #most: number
  #line: T[] = []
  /** Of those in the line, how many are taken. */
  #taken = 0
  #waiting: ((result: IteratorResult<T, undefined>) => void)[] = []
  #ended = false
  /** How many had to go because the line was full. */
  dropped = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Adds one at the end; the first goes where there are too many. */
  put(value: T): void {
    if (this.#ended) return
    const taker = this.#waiting.shift()
    if (taker !== undefined) return taker({ value, done: false })
    this.#line.push(value)
    if (this.#line.length - this.#taken <= this.#most) return
    this.#take()
    this.dropped++
  }

  /** The next one, when there is one; done once the mailbox is ended. What is in line then is still handed out. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#line.length > this.#taken) return Promise.resolve({ value: this.#take(), done: false })
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Nothing is put any more. */
  end(): void {
    this.#ended = true
    for (const taker of this.#waiting.splice(0)) taker({ value: undefined, done: true })
  }

  #take(): T {
    const value = this.#line[this.#taken]!
    this.#line[this.#taken++] = undefined as never
    if (this.#taken * 2 < this.#line.length) return value
    this.#line.splice(0, this.#taken)
    this.#taken = 0
    return value
  }
}
