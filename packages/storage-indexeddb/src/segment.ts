import { decodeMessage, type Message, type Offset, type StoredMessage } from '@isomq/kernel'
import { seal, sealBytes, unseal } from './checksum.ts'

/** Records that are one value of the database. */
export interface Segment {
  /** Offset of its first record; the others follow without a gap. */
  readonly first: Offset
  /** How many there are, at least one. */
  readonly count: number
  /** Its length in bytes, its checksum included. */
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
export function pack(log: string, records: readonly Uint8Array[], first: Offset): PackedSegment[] {
  const packed: PackedSegment[] = []
  for (let from = 0; from < records.length;) {
    let to = from
    let size = sealBytes
    do size += lengthBytes + records[to++]!.length
    while (to < records.length && size + lengthBytes + records[to]!.length <= largest)
    const segment = { first: first + from, count: to - from, size }
    packed.push({ segment, bytes: join(records.slice(from, to), nameOf(log, segment), size) })
    from = to
  }
  return packed
}

/** The records of a log that are in a segment. */
export function nameOf(log: string, { first, count }: Segment): string {
  return `records ${first} to ${first + count - 1} of log ${log}`
}

function join(records: readonly Uint8Array[], name: string, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const record of records) {
    view.setUint32(at, record.length)
    bytes.set(record, at + lengthBytes)
    at += lengthBytes + record.length
  }
  seal(name, bytes)
  return bytes
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

  /** The segment of a log that was packed into these bytes; undefined when they are not what they were. */
  static open(log: string, segment: Segment, sealed: unknown): OpenSegment | undefined {
    const bytes = unseal(nameOf(log, segment), sealed)
    return bytes && OpenSegment.of(segment, bytes)
  }

  /** The same of bytes that are known to be right. */
  static of(segment: Segment, bytes: Uint8Array): OpenSegment {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const places = new Uint32Array(segment.count + 1)
    for (let i = 0, at = 0; i < segment.count; i++) places[i + 1] = at += lengthBytes + view.getUint32(at)
    return new OpenSegment(segment, bytes, places)
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
