/** A copy of twice the length, the new half zero. */
export function doubled(column: Int32Array): Int32Array {
  const larger = new Int32Array(column.length * 2)
  larger.set(column)
  return larger
}

/**
 * Ids (from 1) by hash, in one array: open addressing with linear probing. It knows no keys: of the ids that bear a hash its owner picks the one he means.
 * The caller's hashes are well mixed in their low bits.
 */
export class TrieTable {
  /** Slots of two integers: a hash, and its id or 0. Their number is a power of two. */
  #slots: Int32Array = new Int32Array(32)
  #mask = 15
  #used = 0

  /** Length of the array inside, in integers. */
  get capacity(): number {
    return this.#slots.length
  }

  /** The first slot at `from` or after it that bears this hash; -1 when there is none. Ask first from the hash itself, then from the answer plus one. */
  find(hash: number, from: number): number {
    const slots = this.#slots
    const mask = this.#mask
    for (let slot = from & mask; ; slot = (slot + 1) & mask) {
      if (slots[slot * 2 + 1] === 0) return -1
      if (slots[slot * 2] === hash) return slot
    }
  }

  /** The id in a slot that `find` gave. */
  id(slot: number): number {
    return this.#slots[slot * 2 + 1]!
  }

  /** Adds an id that is not there. O(1), amortized. */
  add(hash: number, id: number): void {
    // At most three of four slots are taken: probing stays short.
    if (++this.#used * 4 > this.#mask * 3) this.#grow()
    this.#place(hash, id)
  }

  /** Takes away an id that is there under this hash. */
  remove(hash: number, id: number): void {
    const slots = this.#slots
    const mask = this.#mask
    let hole = hash & mask
    while (slots[hole * 2 + 1] !== id) hole = (hole + 1) & mask
    // Later ones move back over the hole: no mark of the deleted stays, so churn never fills the table.
    for (let slot = (hole + 1) & mask; slots[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
      const home = slots[slot * 2]! & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      slots[hole * 2] = slots[slot * 2]!
      slots[hole * 2 + 1] = slots[slot * 2 + 1]!
      hole = slot
    }
    slots[hole * 2 + 1] = 0
    this.#used--
  }

  #place(hash: number, id: number): void {
    let slot = hash & this.#mask
    while (this.#slots[slot * 2 + 1] !== 0) slot = (slot + 1) & this.#mask
    this.#slots[slot * 2] = hash
    this.#slots[slot * 2 + 1] = id
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Int32Array(old.length * 2)
    this.#mask = this.#mask * 2 + 1
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.#place(old[at]!, old[at + 1]!)
  }
}
