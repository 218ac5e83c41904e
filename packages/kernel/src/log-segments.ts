import { payloadLength } from './message-codec.ts'
import type { Limits } from './limits.ts'
import type { Message, Offset } from './message.ts'

/** Some offsets in a row, and what is known of the records there. */
interface Segment {
  readonly first: Offset
  /** Payload bytes. */
  bytes: number
  /** When the first was added. */
  readonly begun: number
  /** When the last was. */
  ended: number
  /** When each expires; undefined while none does. */
  expiries: Float64Array | undefined
}

/** What of the log is forgotten at the latest. */
type Bounds = Pick<Limits, 'logBytes' | 'logAge'>

const length = 4096
// A segment is forgotten as a whole: it is a part of what a limit allows.
const parts = 16

/** What must be known of the records of the session log to forget them in time: a few numbers for thousands, and eight bytes for each where some expire. */
export class LogSegments {
  readonly #limits: Bounds
  /** Oldest first. */
  readonly #segments: Segment[] = []
  /** Segments in which something expires. */
  #expiring = 0

  constructor(limits: Bounds) {
    this.#limits = limits
  }

  /** Where the second segment begins; undefined when there is only one. */
  get second(): Offset | undefined {
    return this.#segments[1]?.first
  }

  /** True: some records expire. */
  get expiring(): boolean {
    return this.#expiring > 0
  }

  /** A record was added, at this time. Offsets grow. True when it is the first of a segment. */
  add(message: Message, offset: Offset, time: number): boolean {
    let last = this.#segments.at(-1)
    const begins = last === undefined || this.#isFull(last, offset, time)
    if (last === undefined || begins) {
      last = { first: offset, bytes: 0, begun: time, ended: time, expiries: undefined }
      this.#segments.push(last)
    }
    last.bytes += payloadLength(message)
    last.ended = Math.max(last.ended, time)
    if (message.expiresAt === undefined) return begins
    if (last.expiries === undefined) {
      last.expiries = new Float64Array(length).fill(Infinity)
      this.#expiring++
    }
    last.expiries[offset - last.first] = message.expiresAt
    return begins
  }

  /** When the record of this offset expires: `Infinity` for never, and where nothing is known of it. */
  expiryOf(offset: Offset): number {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#segments[middle]!.first <= offset) low = middle + 1
      else high = middle
    }
    const segment = this.#segments[low - 1]
    return segment?.expiries?.[offset - segment.first] ?? Infinity
  }

  /** Where the first segment begins that has something that was added at this time or later; undefined when there is none. */
  addedSince(time: number): Offset | undefined {
    return this.#segments.find(({ ended }) => ended >= time)?.first
  }

  /** Where the first of those last segments begins that have no more payload bytes than these; undefined when not even the last fits. */
  lastBytes(most: number): Offset | undefined {
    let bytes = 0
    let first: Offset | undefined
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const segment = this.#segments[i]!
      bytes += segment.bytes
      if (bytes > most) break
      first = segment.first
    }
    return first
  }

  /** Forgets the segments below this offset; the last one only when it is the `end`. How many payload bytes that were. */
  trim(before: Offset, end: Offset): number {
    let bytes = 0
    while (this.#segments.length > 0 && (this.second ?? end) <= before) {
      const first = this.#segments.shift()!
      bytes += first.bytes
      if (first.expiries !== undefined) this.#expiring--
    }
    return bytes
  }

  #isFull({ first, bytes, begun }: Segment, offset: Offset, time: number): boolean {
    const { logBytes, logAge } = this.#limits
    return offset >= first + length || bytes > logBytes / parts || time - begun > logAge / parts
  }
}
