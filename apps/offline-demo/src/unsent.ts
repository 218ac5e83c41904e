/** How many messages of each topic wait to be sent. Tells of every topic whose number changes. */
export class Unsent {
  readonly #tell: (topic: string, count: number) => void
  readonly #counts = new Map<string, number>()

  constructor(tell: (topic: string, count: number) => void) {
    this.#tell = tell
  }

  /** So many were waiting before. */
  restore(topic: string, count: number): void {
    if (count > 0) this.#counts.set(topic, count)
  }

  add(topic: string): void {
    this.#set(topic, (this.#counts.get(topic) ?? 0) + 1)
  }

  remove(topic: string): void {
    const count = this.#counts.get(topic)
    if (count !== undefined) this.#set(topic, count - 1)
  }

  /** Nothing waits. */
  clear(): void {
    for (const topic of Array.from(this.#counts.keys())) this.#set(topic, 0)
  }

  #set(topic: string, count: number): void {
    if (count === 0) this.#counts.delete(topic)
    else this.#counts.set(topic, count)
    this.#tell(topic, count)
  }
}
