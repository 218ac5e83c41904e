import { type BrokerError, decodeMessage, type Message, type Offset, type StoredMessage } from '@isomq/kernel'

/** Records that are one value of the database. */
export interface Segment {
  /** Offset of its first record; the others follow without a gap. */
  readonly first: Offset
  /** How many there are, at least one. */
  readonly count: number
  /** Its length in bytes. */
  readonly size: number
}

/** A segment and its bytes. */
export interface PackedSegment {
  readonly segment: Segment
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Bytes of the length before each record. */
const lengthBytes = 4

/** What a segment may be, if it has more than one record: Chromium keeps a value of more than 65,536 bytes in a file of its own. */
export const largest = 60_000

/** Encoded messages as segments that follow each other from an offset on: each as long as may be, a record that is longer alone. */
export function pack(records: readonly Uint8Array[], first: Offset): PackedSegment[] {
  const packed: PackedSegment[] = []
  for (let from = 0; from < records.length;) {
    let to = from
    let size = 0
    do size += lengthBytes + records[to++]!.length
    while (to < records.length && size + lengthBytes + records[to]!.length <= largest)
    const bytes = new Uint8Array(size)
    const view = new DataView(bytes.buffer)
    let at = 0
    for (const record of records.slice(from, to)) {
      view.setUint32(at, record.length)
      bytes.set(record, at + lengthBytes)
      at += lengthBytes + record.length
    }
    packed.push({ segment: { first: first + from, count: to - from, size }, bytes })
    from = to
  }
  return packed
}

/** A segment whose records can be taken out of it. */
export class OpenSegment {
  readonly #segment: Segment
  readonly #bytes: Uint8Array
  /** Where each record begins, and where the last one ends, lengths included. */
  readonly #places: Uint32Array

  private constructor(segment: Segment, bytes: Uint8Array, places: Uint32Array) {
    this.#segment = segment
    this.#bytes = bytes
    this.#places = places
  }

  /** Undefined when these are not the bytes of this segment. */
  static open(segment: Segment, bytes: unknown): OpenSegment | undefined {
    const { count, size } = segment
    if (!(bytes instanceof Uint8Array) || bytes.length !== size) return undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset, size)
    const places = new Uint32Array(count + 1)
    let at = 0
    for (let i = 0; i < count; i++) {
      if (at + lengthBytes > size) return undefined
      at += lengthBytes + view.getUint32(at)
      places[i + 1] = at
    }
    return at === size ? new OpenSegment(segment, bytes, places) : undefined
  }

  /** The bytes of a record, as a view into those of all. */
  bytesOf(offset: Offset): Uint8Array {
    const index = offset - this.#segment.first
    return this.#bytes.subarray(this.#places[index]! + lengthBytes, this.#places[index + 1])
  }

  /** A record whose payload is a view into the segment. `like`: as for `decodeMessage`. */
  record(offset: Offset, like?: Message): StoredMessage {
    return { offset, message: decodeMessage(this.bytesOf(offset), like) }
  }

  /** A record with bytes of its own: it pins nothing larger than itself. */
  ownRecord(offset: Offset): StoredMessage {
    return { offset, message: decodeMessage(this.bytesOf(offset).slice()) }
  }
}

/** Told of what is damaged, once each. */
export type Damaged = (error: BrokerError) => void
