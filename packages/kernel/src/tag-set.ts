// 2,048 tags to a page of 256 bytes, 32 pages.
const pageBits = 11
const wordsPerPage = 2 ** pageBits / 32

interface Page {
  readonly words: Uint32Array
  size: number
}

/**
 * A set of tags (0–65535) that changes with every message: bits, in pages that are there while a tag is in them. A `Set` would
 * do, but it makes itself anew after every few changes, and one that is old does so among V8's oldest objects, which then
 * are searched for garbage again and again.
 */
export class TagSet implements Iterable<number> {
  #pages: (Page | undefined)[] | undefined
  /** The page emptied last: the next one needed. */
  #spare: Page | undefined
  #size = 0

  /** Tags in it. */
  get size(): number {
    return this.#size
  }

  has(tag: number): boolean {
    const page = this.#pages?.[tag >> pageBits]
    return page !== undefined && (page.words[(tag >> 5) & (wordsPerPage - 1)]! & (1 << (tag & 31))) !== 0
  }

  add(tag: number): void {
    const pages = (this.#pages ??= [])
    const at = tag >> pageBits
    const page = (pages[at] ??= this.#fresh())
    const word = (tag >> 5) & (wordsPerPage - 1)
    const bit = 1 << (tag & 31)
    if ((page.words[word]! & bit) !== 0) return
    page.words[word]! |= bit
    page.size++
    this.#size++
  }

  /** False when it was not there. */
  delete(tag: number): boolean {
    if (!this.has(tag)) return false
    const at = tag >> pageBits
    const page = this.#pages![at]!
    page.words[(tag >> 5) & (wordsPerPage - 1)]! &= ~(1 << (tag & 31))
    this.#size--
    if (--page.size > 0) return true
    this.#pages![at] = undefined
    this.#spare = page
    return true
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (const [at, page] of (this.#pages ?? []).entries()) {
      if (page === undefined) continue
      for (let i = 0; i < 2 ** pageBits; i++)
        if ((page.words[i >> 5]! & (1 << (i & 31))) !== 0) yield (at << pageBits) | i
    }
  }

  #fresh(): Page {
    const page = this.#spare ?? { words: new Uint32Array(wordsPerPage), size: 0 }
    this.#spare = undefined
    return page
  }
}
