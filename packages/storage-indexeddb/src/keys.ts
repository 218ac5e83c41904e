import { utf8Length, writeUtf8 } from '@isomq/kernel'
import type { Segment } from './segment.ts'

// Keys are arrays, which sort element by element, a shorter one before the longer that it begins: ['stamp', epoch],
// ['log', name, first, …], ['start', name] and ['row', table, bytes]. Bytes sort as bytes, so rows are in the order of the
// UTF-8 of their keys. An array sorts behind every string and number: it ends a range.

// A byte order mark is a character like any other.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Name of the object store that everything is in. */
export const storeName = 'isomq'

/** Key of what the database says of itself to who has this epoch. */
export function stampKey(epoch: number): IDBValidKey {
  return ['stamp', epoch]
}

/** All stamps. The first counts. */
export function allStamps(): IDBKeyRange {
  return IDBKeyRange.bound(['stamp'], ['stamp', []])
}

/** Key of a segment: it says all there is to know without reading it. */
export function segmentKey(log: string, { first, count, size }: Segment): IDBValidKey {
  return ['log', log, first, count, size]
}

/** The log and the segment of a key that `segmentKey` made. */
export function segmentOf(key: IDBValidKey): { readonly log: string; readonly segment: Segment } {
  const [, log, first, count, size] = key as [string, string, number, number, number]
  return { log, segment: { first, count, size } }
}

/** The segments of all logs. */
export function allSegments(): IDBKeyRange {
  return IDBKeyRange.bound(['log'], ['log', []])
}

/** Key of where a log begins, which is written when it is trimmed. */
export function startKey(log: string): IDBValidKey {
  return ['start', log]
}

/** The log whose beginning has this key. */
export function logOfStart(key: IDBValidKey): string {
  return (key as [string, string])[1]
}

/** Where all logs begin. */
export function allStarts(): IDBKeyRange {
  return IDBKeyRange.bound(['start'], ['start', []])
}

/** Key of a row. */
export function rowKey(table: string, key: string): IDBValidKey {
  return ['row', table, bytesOf(key)]
}

/** The row's own key in its key. */
export function nameOfRow(key: IDBValidKey): string {
  return decoder.decode(new Uint8Array((key as [string, string, ArrayBuffer])[2], 1))
}

/** The rows whose keys start with `prefix`, those up to the row `after` left out. */
export function rowsOf(table: string, prefix: string, after: IDBValidKey | undefined): IDBKeyRange {
  const beginning = bytesOf(prefix)
  const end = new Uint8Array(beginning.length + 1)
  end.set(beginning)
  // No byte of UTF-8 is as large.
  end[beginning.length] = 0xff
  return IDBKeyRange.bound(after ?? ['row', table, beginning], ['row', table, end], after !== undefined, true)
}

/** A zero and the UTF-8 of a text: never empty, for implementations that take empty bytes for bytes given away. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1 + utf8Length(text))
  writeUtf8(text, bytes, 1)
  return bytes
}
