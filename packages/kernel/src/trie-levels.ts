import { doubled, TrieTable } from './trie-table.ts'

/** Longest run of characters given to one `String.fromCharCode`. */
const CHUNK = 1024

/** Level texts as small integers from 1, counted: the integer of a text that nobody refers to any more is given to another. */
export class TrieLevels {
  readonly #table = new TrieTable()
  readonly #names: (string | undefined)[] = [undefined]
  /** References to each id; for a free id the next free one. */
  #counts: Int32Array = new Int32Array(16)
  #free = 0
  readonly #seed: number

  /** The seed keeps those who choose the texts from choosing ones of equal hash. */
  constructor(seed: number) {
    this.#seed = seed | 0
  }

  /** Length of the longest array inside. */
  get capacity(): number {
    return Math.max(this.#table.capacity, this.#names.length)
  }

  /** The id of the text from `start` to before `end`, or 0 when there is none. O(length), no allocation. */
  find(text: string, start: number, end: number): number {
    return this.#lookUp(this.#hash(text, start, end), text, start, end)
  }

  /** The id of the text from `start` to before `end`, made if there is none, with one more reference. */
  retain(text: string, start: number, end: number): number {
    const hash = this.#hash(text, start, end)
    let id = this.#lookUp(hash, text, start, end)
    if (id === 0) {
      id = this.#allocate()
      this.#names[id] = copy(text, start, end)
      this.#table.add(hash, id)
    }
    this.#counts[id]!++
    return id
  }

  /** One reference less. The caller holds one. */
  release(id: number): void {
    if (--this.#counts[id]! > 0) return
    const name = this.#names[id]!
    this.#table.remove(this.#hash(name, 0, name.length), id)
    this.#names[id] = undefined
    this.#counts[id] = this.#free
    this.#free = id
  }

  #lookUp(hash: number, text: string, start: number, end: number): number {
    const table = this.#table
    for (let slot = table.find(hash, hash); slot >= 0; slot = table.find(hash, slot + 1)) {
      const id = table.id(slot)
      const name = this.#names[id]!
      if (name.length !== end - start) continue
      let i = 0
      while (i < name.length && name.charCodeAt(i) === text.charCodeAt(start + i)) i++
      if (i === name.length) return id
    }
    return 0
  }

  #hash(text: string, start: number, end: number): number {
    let hash = this.#seed
    for (let i = start; i < end; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x9e37_79b1)
      hash ^= hash >>> 15
    }
    hash = Math.imul(hash, 0x85eb_ca6b)
    return hash ^ (hash >>> 13)
  }

  #allocate(): number {
    const id = this.#free
    if (id === 0) {
      const made = this.#names.push(undefined) - 1
      if (made === this.#counts.length) this.#counts = doubled(this.#counts)
      return made
    }
    this.#free = this.#counts[id]!
    this.#counts[id] = 0
    return id
  }
}

/** That part of the text, sharing no memory with it: engines let a slice keep alive the whole text it was cut from. */
function copy(text: string, start: number, end: number): string {
  let fresh = ''
  for (let at = start; at < end; at += CHUNK) {
    const units: number[] = []
    for (let i = at; i < Math.min(at + CHUNK, end); i++) units.push(text.charCodeAt(i))
    fresh += String.fromCharCode(...units)
  }
  return fresh
}
