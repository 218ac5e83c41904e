const HASH = 0x23
const PLUS = 0x2b
const SLASH = 0x2f
const SLOTS = 65_536

/**
 * Tells whether an answer kept for a topic may have changed since: counts the changes that concern filters, those whose
 * filters begin alike together. What does not begin like the topic is not among the counts that are its own, or seldom.
 */
export class TopicVersions {
  readonly #counts = new Uint32Array(SLOTS)
  #now = 0

  /** Grows with every change of any kind: as long as it stays the same, so does `of` for every topic. */
  get now(): number {
    return this.#now
  }

  /** Something changed for the topics that this filter covers. O(length). */
  touch(filter: string): void {
    this.#now++
    let hash = ROOT
    for (let i = 0; i < filter.length; i++) {
      const unit = filter.charCodeAt(i)
      // A wildcard is the whole of its level: the levels before it are counted at the slash that ends them.
      if (unit === PLUS || unit === HASH) return this.#count(hash)
      hash = mix(hash, unit)
    }
    this.#count(mix(hash, HASH))
  }

  /** A number that grows with every change that concerns this topic. O(length), no allocation. */
  of(topic: string): number {
    const counts = this.#counts
    let hash = ROOT
    let sum = counts[ROOT]!
    for (let i = 0; i < topic.length; i++) {
      const unit = topic.charCodeAt(i)
      hash = mix(hash, unit)
      if (unit === SLASH) sum += counts[slotOf(hash)]!
    }
    // `a/#` covers `a` too; no topic contains the mark of those that are covered as they are.
    return sum + counts[slotOf(mix(hash, SLASH))]! + counts[slotOf(mix(hash, HASH))]!
  }

  #count(hash: number): void {
    this.#counts[slotOf(hash)]!++
  }
}

/** Of no levels: where a filter that begins with a wildcard is counted. */
const ROOT = 0

function mix(hash: number, unit: number): number {
  const mixed = Math.imul(hash ^ unit, 0x9e37_79b1)
  return mixed ^ (mixed >>> 15)
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 16)) & (SLOTS - 1)
}
