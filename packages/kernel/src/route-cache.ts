/** Something kept, and how much of the cache's room it takes. */
interface Kept {
  readonly weight: number
}

/** Weight of a generation, and how many a generation holds. */
const WEIGHT = 1_000_000
const COUNT = 16_384
/** One of so many new topics is let in once the first generation has been full. */
const SHARE = 8

/**
 * What is known of topics, by topic, as long as there is room: of two generations the younger fills, the older is forgotten
 * when it has. What is asked for again moves to the younger. Once a generation has been full only a share of the new
 * topics is let in, so that topics which come once each neither cost a place nor push out those that come again.
 */
export class RouteCache<T extends Kept> {
  #young = new Map<string, T>()
  #old = new Map<string, T>()
  #weight = 0
  #isScarce = false
  /** Goes round all 32 bits, evenly, in no step with anything that comes in turn. */
  #turn = 0

  /** Topics held. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(topic: string): T | undefined {
    const known = this.#young.get(topic)
    if (known !== undefined || this.#old.size === 0) return known
    const older = this.#old.get(topic)
    if (older === undefined) return undefined
    this.#old.delete(topic)
    this.#keep(topic, older)
    return older
  }

  /** Keeps it (true), or not. */
  offer(topic: string, value: T): boolean {
    const before = this.#young.get(topic)
    if (before !== undefined) {
      this.#weight += value.weight - before.weight
      this.#young.set(topic, value)
      return true
    }
    if (this.#isScarce && !this.#isLucky()) return false
    this.#keep(topic, value)
    return true
  }

  #keep(topic: string, value: T): void {
    if (this.#young.size >= COUNT || this.#weight + value.weight > WEIGHT) {
      this.#old = this.#young
      this.#young = new Map()
      this.#weight = 0
      this.#isScarce = true
    }
    this.#young.set(topic, value)
    this.#weight += value.weight
  }

  #isLucky(): boolean {
    this.#turn = (this.#turn + 0x9e37_79b1) >>> 0
    return this.#turn < 2 ** 32 / SHARE
  }
}
