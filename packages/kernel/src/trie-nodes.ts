import { TrieLevels } from './trie-levels.ts'
import { doubled, TrieTable } from './trie-table.ts'

/** Integers in the row of one node. */
export const ROW = 5
/** Field: the parent node. */
export const PARENT = 0
/** Field: the id of the level text that leads here from the parent; the owner's negative number for an edge that it keeps itself. */
export const LEVEL = 1
/** The owner's first field, of three; zero in a new node. */
export const OWN = 2

/** Parent of all topics that do not start with `$`. Never a child, so 0 also says "no node". */
export const ROOT = 0
/** Parent of all that start with `$`: kept apart, so that no wildcard in the first level ever meets them. */
export const DOLLAR_ROOT = 1

/**
 * The nodes of a trie of levels: rows of integers, and one hash table of edges (parent, level text) → child for all of them. Nodes are integers, used
 * again once freed: memory follows the largest number of nodes there ever was, and does not grow with churn.
 */
export class TrieNodes {
  /** Row of node n from `n * ROW`. Replaced by a longer array when a node is made: do not hold on to it. */
  rows: Int32Array = new Int32Array(16 * ROW)
  /** The texts of the edges. */
  readonly levels: TrieLevels
  readonly #edges = new TrieTable()
  readonly #seed: number
  /** Nodes ever made, the two roots included. */
  #made = 2
  /** First free node; the next one is in its PARENT. */
  #free = 0

  constructor(seed: number) {
    this.#seed = seed | 0
    this.levels = new TrieLevels(seed)
  }

  /** Length of the longest array inside. */
  get capacity(): number {
    return Math.max(this.rows.length, this.#edges.capacity, this.levels.capacity)
  }

  /** The child by this level id, or 0. O(1). */
  child(parent: number, level: number): number {
    const edges = this.#edges
    const hash = this.#hash(parent, level)
    for (let slot = edges.find(hash, hash); slot >= 0; slot = edges.find(hash, slot + 1)) {
      const child = edges.id(slot)
      if (this.rows[child * ROW] === parent && this.rows[child * ROW + LEVEL] === level) return child
    }
    return 0
  }

  /** Makes the child by the level text from `start` to before `end`. The caller knows that there is none. */
  grow(parent: number, text: string, start: number, end: number): number {
    const level = this.levels.retain(text, start, end)
    const child = this.allocate(parent, level)
    this.#edges.add(this.#hash(parent, level), child)
    return child
  }

  /** Frees a node that came from `grow`. */
  prune(child: number): void {
    const level = this.rows[child * ROW + LEVEL]!
    this.#edges.remove(this.#hash(this.rows[child * ROW]!, level), child)
    this.levels.release(level)
    this.free(child)
  }

  /** A node that the table does not know: its owner keeps the edge. */
  allocate(parent: number, level: number): number {
    let node = this.#free
    if (node === 0) {
      node = this.#made++
      if (node * ROW === this.rows.length) this.rows = doubled(this.rows)
    } else {
      this.#free = this.rows[node * ROW]!
    }
    this.rows[node * ROW] = parent
    this.rows[node * ROW + LEVEL] = level
    return node
  }

  /** Frees a node that came from `allocate`. */
  free(node: number): void {
    const at = node * ROW
    this.rows.fill(0, at, at + ROW)
    this.rows[at] = this.#free
    this.#free = node
  }

  #hash(parent: number, level: number): number {
    let hash = Math.imul(parent ^ this.#seed, 0x9e37_79b1)
    hash = Math.imul((hash ^ (hash >>> 16)) + level, 0x85eb_ca6b)
    return hash ^ (hash >>> 15)
  }
}
