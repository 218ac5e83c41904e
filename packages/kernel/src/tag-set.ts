// More than a well-behaved peer has under way at a time, and few enough to look through.
const few = 128

/**
 * A set of tags that changes with every message. A `Set` alone would do, but it makes itself anew after every few
 * changes, and one that is old does so among V8's oldest objects, which then are searched for garbage again and again.
 */
export class TagSet implements Iterable<number> {
  readonly #few: number[] = []
  /** Those that found no room among the few. */
  #many: Set<number> | undefined

  /** Tags in it. */
  get size(): number {
    return this.#few.length + (this.#many?.size ?? 0)
  }

  has(tag: number): boolean {
    return this.#few.includes(tag) || this.#many?.has(tag) === true
  }

  add(tag: number): void {
    if (this.has(tag)) return
    if (this.#few.length < few) this.#few.push(tag)
    else (this.#many ??= new Set()).add(tag)
  }

  /** False when it was not there. */
  delete(tag: number): boolean {
    const at = this.#few.indexOf(tag)
    if (at < 0) return this.#many?.delete(tag) === true
    const last = this.#few.pop()!
    if (at < this.#few.length) this.#few[at] = last
    return true
  }

  *[Symbol.iterator](): IterableIterator<number> {
    yield* this.#few
    if (this.#many !== undefined) yield* this.#many
  }
}
