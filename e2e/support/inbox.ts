import { within } from './within.ts'

/** Things in the order in which they came, for whoever waits for them. */
export class Inbox<T> {
  readonly #items: T[] = []
  #taken = 0
  #wake: (() => void) | undefined
  #failure: Error | undefined

  /** All that came, taken or not. */
  get all(): readonly T[] {
    return this.#items
  }

  /** One more came. */
  put(item: T): void {
    this.#items.push(item)
    this.#wake?.()
  }

  /** No more will come: those who wait are told. */
  fail(error: Error): void {
    this.#failure = error
    this.#wake?.()
  }

  /** The next one, once it is there. One may wait at a time. */
  async next(): Promise<T> {
    const [item] = await this.take(1)
    return item as T
  }

  /** The next so many. */
  async take(count: number, milliseconds?: number): Promise<T[]> {
    const end = this.#taken + count
    const there = new Promise<void>((resolve, reject) => {
      this.#wake = () => {
        if (this.#items.length >= end) resolve()
        else if (this.#failure !== undefined) reject(this.#failure)
      }
      this.#wake()
    })
    await within(there, () => `${count} to arrive, ${this.#items.length - this.#taken} did`, milliseconds)
    const items = this.#items.slice(this.#taken, end)
    this.#taken = end
    return items
  }
}
