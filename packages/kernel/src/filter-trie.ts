import { DOLLAR_ROOT, LEVEL, OWN, PARENT, ROOT, ROW, TrieNodes } from './trie-nodes.ts'

/** Field: the child by `+`, or 0. That child's LEVEL is the negative of this field's number, and so with `#`. */
const PLUS = OWN
/** Field: the child by `#`, or 0. */
const HASH = OWN + 1
/** Field: how many children by a text. */
const CHILDREN = OWN + 2

const DOLLAR = 0x24

/** An emptied trie whose arrays are longer than this gives them back. */
const SPARE = 65_536

/** The values of a node that has two or more. A class of its own, since a value may be a Set itself. */
class Several<T> extends Set<T> {}

/**
 * Which values are subscribed to what: valid filters (`isFilter`; the caller has checked) to objects. A pair of filter and value is there once or not at all;
 * one filter may have many values, and one value many filters.
 */
export class FilterTrie<T extends object> {
  #nodes: TrieNodes
  /** By node: nothing, one value, or several. */
  #values: (T | Several<T> | undefined)[] = [undefined, undefined]
  #size = 0
  readonly #seed: number
  /** Nodes reached by the levels of the topic so far, and by one more. Kept between calls. */
  #reached = new Int32Array(16)
  #next = new Int32Array(16)

  /** The seed (any integer) makes the inner hash unpredictable to those who choose the filters; give each broker its own. */
  constructor(seed = 0) {
    this.#seed = seed
    this.#nodes = new TrieNodes(seed)
  }

  /** Pairs held. */
  get size(): number {
    return this.#size
  }

  /** Integers in the longest inner array. Follows the most that was held at once since it was last empty, not the number of changes. */
  get capacity(): number {
    return Math.max(this.#nodes.capacity, this.#values.length)
  }

  /** Adds the pair; does nothing if it is there. O(length). */
  add(filter: string, value: T): void {
    const node = this.#find(filter, true)
    const held = this.#values[node]
    if (held === undefined) this.#values[node] = value
    else if (held instanceof Several) {
      const before = held.size
      if (held.add(value).size === before) return
    } else if (held === value) return
    else this.#values[node] = new Several([held, value])
    this.#size++
  }

  /** Takes the pair away; false if it was not there. O(length), however many values the filter has. */
  remove(filter: string, value: T): boolean {
    const node = this.#find(filter, false)
    const held = this.#values[node]
    if (held instanceof Several) {
      if (!held.delete(value)) return false
      if (held.size === 1) for (const last of held) this.#values[node] = last
    } else {
      if (held === undefined || held !== value) return false
      this.#values[node] = undefined
      this.#prune(node)
    }
    this.#size--
    if (this.#size === 0 && this.capacity > SPARE) {
      this.#nodes = new TrieNodes(this.#seed)
      this.#values = [undefined, undefined]
    }
    return true
  }

  /**
   * Appends to `into` the values of every filter that covers the topic (`isTopic`; the caller has checked): a value once per such filter, values of one filter
   * in the order they were added. O(length + nodes that cover the beginning of the topic), without recursion.
   */
  match(topic: string, into: T[]): void {
    const nodes = this.#nodes
    const rows = nodes.rows
    let reached = this.#reached
    let next = this.#next
    reached[0] = topic.charCodeAt(0) === DOLLAR ? DOLLAR_ROOT : ROOT
    let count = 1
    for (let start = 0; start <= topic.length && count > 0;) {
      let end = topic.indexOf('/', start)
      if (end < 0) end = topic.length
      const level = nodes.levels.find(topic, start, end)
      start = end + 1
      // Each node leads to two at most.
      if (next.length < count * 2) next = new Int32Array(reached.length * 2)
      let found = 0
      for (let i = 0; i < count; i++) {
        const node = reached[i]!
        const at = node * ROW
        const hash = rows[at + HASH]!
        if (hash !== 0) this.#take(hash, into)
        const plus = rows[at + PLUS]!
        if (plus !== 0) next[found++] = plus
        if (level === 0 || rows[at + CHILDREN] === 0) continue
        const child = nodes.child(node, level)
        if (child !== 0) next[found++] = child
      }
      const spare = reached
      reached = next
      next = spare
      count = found
    }
    for (let i = 0; i < count; i++) {
      const node = reached[i]!
      this.#take(node, into)
      const hash = rows[node * ROW + HASH]!
      if (hash !== 0) this.#take(hash, into)
    }
    this.#reached = reached
    this.#next = next
  }

  #take(node: number, into: T[]): void {
    const held = this.#values[node]
    if (held === undefined) return
    if (held instanceof Several) for (const value of held) into.push(value)
    else into.push(held)
  }

  /** The node of the filter; if there is none it is made, or the answer is 0. */
  #find(filter: string, make: boolean): number {
    const nodes = this.#nodes
    let node = filter.charCodeAt(0) === DOLLAR ? DOLLAR_ROOT : ROOT
    for (let start = 0; start <= filter.length;) {
      let end = filter.indexOf('/', start)
      if (end < 0) end = filter.length
      const field = wildcard(filter, start, end)
      let child: number
      if (field === 0) {
        const level = nodes.levels.find(filter, start, end)
        child = level === 0 ? 0 : nodes.child(node, level)
      } else child = nodes.rows[node * ROW + field]!
      if (child === 0) {
        if (!make) return 0
        child = field === 0 ? nodes.grow(node, filter, start, end) : nodes.allocate(node, -field)
        this.#link(node, child, field)
      }
      node = child
      start = end + 1
    }
    return node
  }

  #link(parent: number, child: number, field: number): void {
    const rows = this.#nodes.rows
    if (field === 0) rows[parent * ROW + CHILDREN]!++
    else rows[parent * ROW + field] = child
    // One more at the end, never a gap: engines keep the array dense.
    if (child === this.#values.length) this.#values.push(undefined)
  }

  /** Frees the node, then its parents, as far as they lead nowhere. */
  #prune(from: number): void {
    const nodes = this.#nodes
    const rows = nodes.rows
    let node = from
    while (node > DOLLAR_ROOT && this.#values[node] === undefined) {
      const at = node * ROW
      if ((rows[at + PLUS]! | rows[at + HASH]! | rows[at + CHILDREN]!) !== 0) return
      const parent = rows[at + PARENT]!
      const level = rows[at + LEVEL]!
      if (level > 0) {
        rows[parent * ROW + CHILDREN]!--
        nodes.prune(node)
      } else {
        rows[parent * ROW - level] = 0
        nodes.free(node)
      }
      node = parent
    }
  }
}

/** The field that keeps the child by this level of a filter, or 0 when it is a text. */
function wildcard(filter: string, start: number, end: number): number {
  if (end - start !== 1) return 0
  const unit = filter.charCodeAt(start)
  return unit === 0x2b ? PLUS : unit === 0x23 ? HASH : 0
}
