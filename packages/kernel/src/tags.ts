import type { Committer } from './committer.ts'
import type { Deliveries } from './deliveries.ts'
import { type Delivery, stepsBetween, tagOf } from './delivery.ts'
import type { Offset } from './message.ts'

/** Gives deliveries of one session their tags: unlike those of all others under way, and not too soon again. */
export class Tags {
  readonly #committer: Committer
  /** Tags whose last use is settled, but not durably so: it may come back after a crash. */
  #retired: Set<number> | undefined
  #last = 0
  /** The tag given last. */
  #newest = 0
  /** True: every tag under way lies behind the one given before it, and all of them within one turn of the numbers. */
  #ascending = false

  constructor(committer: Committer) {
    this.#committer = committer
  }

  /** Messages that no log has are numbered from here on: not as records before this one, which the peer may still hold. */
  startBehind(before: Offset): void {
    this.#last = before % 65535
  }

  /** A free tag: for a record the one that follows from its place, if that is free. At most 65,534 are under way. */
  allocate(window: Deliveries, offset: Offset): number {
    let tag = offset >= 0 ? tagOf(offset) : (this.#last % 65535) + 1
    if (!this.#isNewest(tag, window) || this.#retired?.has(tag) === true)
      while (window.indexOfTag(tag) >= 0 || this.#retired?.has(tag) === true) tag = (tag % 65535) + 1
    this.#ascending = this.#isNewest(tag, window)
    this.#newest = tag
    if (offset < 0) this.#last = tag
    return tag
  }

  /** The window has been put together in another way: its tags may be anything. */
  forget(): void {
    this.#ascending = false
  }

  /** Whether this tag lies behind all that are under way: then it is none of them, and nobody has to look. */
  #isNewest(tag: number, window: Deliveries): boolean {
    if (window.length === 0) return true
    if (!this.#ascending || tag === this.#newest) return false
    return stepsBetween(window.at(0).tag, this.#newest) + stepsBetween(this.#newest, tag) < 65535
  }

  /** A record of a durable session is settled. Its tag rests until that is durable, where another record could get it that soon. */
  retire({ tag, offset }: Delivery): void {
    if (tag === tagOf(offset) && this.#committer.end - offset < 32_768) return
    const retired = (this.#retired ??= new Set())
    retired.add(tag)
    this.#committer.after(() => retired.delete(tag))
  }
}
