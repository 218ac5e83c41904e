import type { Offset } from '@isomq/kernel'
import { largest, type Segment } from './segment.ts'

/** Segments shorter than these are merged, once there are as many of a kind at the end of a log. */
const short = [4096, largest / 2]
const mergedAtOnce = 16

/** Where the records of one log are. It knows what is durable, and nothing of what is being written. */
export class LogIndex {
  readonly name: string
  start: Offset = 0
  #segments: Segment[] = []

  constructor(name: string) {
    this.name = name
  }

  /** Behind the last record. */
  get end(): Offset {
    const last = this.#segments.at(-1)
    return last === undefined ? this.start : Math.max(this.start, last.first + last.count)
  }

  /** Segments that are behind all there are. */
  add(segments: readonly Segment[]): void {
    this.#segments.push(...segments)
  }

  /** The segment with the record of this offset; undefined when there is none. */
  find(offset: Offset): Segment | undefined {
    if (!(offset >= this.start && offset < this.end)) return undefined
    const segment = this.#segments[this.#indexOf(offset)]
    return segment !== undefined && offset < segment.first + segment.count ? segment : undefined
  }

  /** Segments from the one with this offset (or the first one behind it) on, with so many records if there are: at least one, and no more than so many bytes in all. */
  from(offset: Offset, records: number, mostBytes: number): readonly Segment[] {
    const segments: Segment[] = []
    let bytes = 0
    for (let i = Math.max(0, this.#indexOf(offset)); i < this.#segments.length; i++) {
      const segment = this.#segments[i]!
      if (segment.first + segment.count <= offset) continue
      if (segments.length > 0 && (segment.first >= offset + records || bytes + segment.size > mostBytes)) break
      segments.push(segment)
      bytes += segment.size
    }
    return segments
  }

  /** Whether this very segment is one of the log's. */
  holds(segment: Segment): boolean {
    return this.#segments[this.#indexOf(segment.first)] === segment
  }

  /** Segments of which nothing would be left if the log began at this offset. */
  below(start: Offset): readonly Segment[] {
    const at = this.#segments.findIndex(({ first, count }) => first + count > start)
    return this.#segments.slice(0, at === -1 ? undefined : at)
  }

  /** The log begins here now: segments that are below are gone. */
  trim(start: Offset): void {
    this.#segments.splice(0, this.below(start).length)
    this.start = start
  }

  /** Others with the same records have taken the place of segments that follow each other. */
  replace(old: readonly Segment[], segments: readonly Segment[]): void {
    this.#segments.splice(this.#indexOf(old[0]!.first), old.length, ...segments)
  }

  /**
   * The last segments, if they are short and many: they are to be made few. Those that are very short are merged first, and
   * what comes of that when it is many; so each record is written about three times, however it came.
   */
  get mergeable(): readonly Segment[] | undefined {
    for (const [kind, limit] of short.entries()) {
      const least = short[kind - 1] ?? 0
      let at = this.#segments.length
      let many = 0
      for (; at > 0 && this.#segments[at - 1]!.size < limit && this.#isNextTo(at); at--)
        if (this.#segments[at - 1]!.size >= least) many++
      if (many >= mergedAtOnce) return this.#segments.slice(at)
    }
    return undefined
  }

  /** Whether there is no gap between the segment before this one and this one. */
  #isNextTo(at: number): boolean {
    const [before, after] = [this.#segments[at - 1]!, this.#segments[at]]
    return after === undefined || before.first + before.count === after.first
  }

  /** The place of the last segment that begins at or before this offset; -1 when none does. */
  #indexOf(offset: Offset): number {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#segments[middle]!.first <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
