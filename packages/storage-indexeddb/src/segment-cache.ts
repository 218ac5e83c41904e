import type { OpenSegment, Segment } from './segment.ts'

/** What all logs together keep in memory. */
const mostBytes = 4 * 1024 * 1024

/** The segments that were written or read last. */
export class SegmentCache {
  readonly #segments = new Map<Segment, OpenSegment>()
  #bytes = 0

  get(segment: Segment): OpenSegment | undefined {
    const open = this.#segments.get(segment)
    if (open === undefined) return undefined
    // A map keeps the order in which keys came: what was used last goes to the end.
    this.#segments.delete(segment)
    this.#segments.set(segment, open)
    return open
  }

  add(segment: Segment, open: OpenSegment): void {
    // It would drive out everything else, and then itself.
    if (segment.size > mostBytes / 4) return
    this.drop([segment])
    this.#segments.set(segment, open)
    this.#bytes += segment.size
    for (const oldest of this.#segments.keys()) {
      if (this.#bytes <= mostBytes) break
      this.drop([oldest])
    }
  }

  drop(segments: readonly Segment[]): void {
    for (const segment of segments) if (this.#segments.delete(segment)) this.#bytes -= segment.size
  }
}
