import { DOLLAR_ROOT, OWN, PARENT, ROOT, ROW, TrieNodes } from './trie-nodes.ts'

/** Field: the first child, or 0. */
const FIRST = OWN
/** Fields: the neighbours among the children of one parent, or 0. */
const NEXT = OWN + 1
const PREVIOUS = OWN + 2

/** In place of a level id: any level. */
const ANY = -1

const DOLLAR = 0x24

/** Values by topic (`isTopic`; the caller has checked), found by the exact topic or by filter. */
export class TopicTree<V extends {}> {
  readonly #nodes: TrieNodes
  /** By node: the value of the topic that ends there, if one does. */
  readonly #values: (V | undefined)[] = [undefined, undefined]
  #size = 0

  /** The seed (any integer) makes the inner hash unpredictable to those who choose the topics; give each broker its own. */
  constructor(seed = 0) {
    this.#nodes = new TrieNodes(seed)
  }

  /** Topics held. */
  get size(): number {
    return this.#size
  }

  /** Integers in the longest inner array. Follows the most that was ever held at once, not the number of changes. */
  get capacity(): number {
    return Math.max(this.#nodes.capacity, this.#values.length)
  }

  /** The value of this very topic, if there is one. O(length). */
  get(topic: string): V | undefined {
    return this.#values[this.#walk(topic, false)]
  }

  /** Sets or replaces the value of the topic. O(length). */
  set(topic: string, value: V): void {
    const node = this.#walk(topic, true)
    if (this.#values[node] === undefined) this.#size++
    this.#values[node] = value
  }

  /** Takes the topic away; false if it was not there. O(length). */
  delete(topic: string): boolean {
    const node = this.#walk(topic, false)
    if (this.#values[node] === undefined) return false
    this.#size--
    this.#values[node] = undefined
    this.#prune(node)
    return true
  }

  /**
   * Visits every topic that the filter (`isFilter`; the caller has checked) covers, in no given order, until `visit` returns false. `visit` may replace values,
   * but add and delete no topic. O(length + topics and parents of topics that the filter covers so far), without recursion.
   */
  find(filter: string, visit: (value: V) => boolean | void): void {
    const exact = this.get(filter)
    if (exact !== undefined) visit(exact)
    else if (filter.includes('+') || filter.endsWith('#')) this.#search(filter, visit)
  }

  #search(filter: string, visit: (value: V) => boolean | void): void {
    const root = filter.charCodeAt(0) === DOLLAR ? DOLLAR_ROOT : ROOT
    const texts = filter.split('/')
    const below = texts.at(-1) === '#'
    if (below) texts.pop()
    const wanted: number[] = []
    for (const text of texts) {
      const level = text === '+' ? ANY : this.#nodes.levels.find(text, 0, text.length)
      if (level === 0) return
      wanted.push(level)
    }
    let node = root
    let depth = 0
    for (;;) {
      if (depth === wanted.length) {
        if (!(below ? this.#visitAll(node, visit) : this.#visit(node, visit))) return
      } else {
        const child = this.#child(node, wanted[depth]!)
        if (child !== 0) {
          node = child
          depth++
          continue
        }
      }
      // Back to the last level where another way is left.
      for (;;) {
        if (depth === 0) return
        const next = wanted[depth - 1] === ANY ? this.#nodes.rows[node * ROW + NEXT]! : 0
        if (next !== 0) {
          node = next
          break
        }
        node = this.#nodes.rows[node * ROW + PARENT]!
        depth--
      }
    }
  }

  #child(parent: number, level: number): number {
    return level === ANY ? this.#nodes.rows[parent * ROW + FIRST]! : this.#nodes.child(parent, level)
  }

  #visit(node: number, visit: (value: V) => boolean | void): boolean {
    const value = this.#values[node]
    return value === undefined || visit(value) !== false
  }

  /** Visits the topic of this node and all below; false when `visit` said so. */
  #visitAll(top: number, visit: (value: V) => boolean | void): boolean {
    const rows = this.#nodes.rows
    let node = top
    for (;;) {
      if (!this.#visit(node, visit)) return false
      let next = rows[node * ROW + FIRST]!
      while (next === 0) {
        if (node === top) return true
        next = rows[node * ROW + NEXT]!
        if (next === 0) node = rows[node * ROW + PARENT]!
      }
      node = next
    }
  }

  /** The node of the topic; if there is none it is made, or the answer is one that never has a value. */
  #walk(topic: string, make: boolean): number {
    const nodes = this.#nodes
    let node = topic.charCodeAt(0) === DOLLAR ? DOLLAR_ROOT : ROOT
    for (let start = 0; start <= topic.length;) {
      let end = topic.indexOf('/', start)
      if (end < 0) end = topic.length
      const level = nodes.levels.find(topic, start, end)
      let child = level === 0 ? 0 : nodes.child(node, level)
      if (child === 0) {
        if (!make) return ROOT
        child = nodes.grow(node, topic, start, end)
        this.#link(node, child)
      }
      node = child
      start = end + 1
    }
    return node
  }

  #link(parent: number, child: number): void {
    const rows = this.#nodes.rows
    const first = rows[parent * ROW + FIRST]!
    rows[child * ROW + NEXT] = first
    if (first !== 0) rows[first * ROW + PREVIOUS] = child
    rows[parent * ROW + FIRST] = child
    // One more at the end, never a gap: engines keep the arrays dense.
    if (child === this.#values.length) this.#values.push(undefined)
  }

  /** Frees the node, then its parents, as far as they lead nowhere. */
  #prune(from: number): void {
    const rows = this.#nodes.rows
    let node = from
    while (node > DOLLAR_ROOT && this.#values[node] === undefined && rows[node * ROW + FIRST] === 0) {
      const parent = rows[node * ROW + PARENT]!
      const next = rows[node * ROW + NEXT]!
      const previous = rows[node * ROW + PREVIOUS]!
      if (previous === 0) rows[parent * ROW + FIRST] = next
      else rows[previous * ROW + NEXT] = next
      if (next !== 0) rows[next * ROW + PREVIOUS] = previous
      this.#nodes.prune(node)
      node = parent
    }
  }
}
