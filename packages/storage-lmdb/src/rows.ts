import type { TableChange } from '@isomq/kernel'
import type { SealedReader } from './checksum.ts'
import { isCut, rowKey, rowNameAt, rowRange } from './keys.ts'

/** A change of a table as a change of the database: a value to put, or undefined to remove. */
export function putRow(
  table: string,
  change: TableChange,
): { readonly key: Buffer; readonly value: Buffer | undefined } {
  const { bytes, whole } = rowKey(table, change.key)
  if (change.value === undefined) return { key: bytes, value: undefined }
  // The caller may go on using his array.
  const value = Buffer.from(change.value)
  return { key: bytes, value: whole === undefined ? value : withKey(whole, value) }
}

/** The value of a row. */
export function valueOf(reader: SealedReader, table: string, key: string): Uint8Array | undefined {
  const { bytes, whole } = rowKey(table, key)
  const found = reader.get(bytes)
  if (found === undefined) return undefined
  return plain(whole === undefined ? found : withoutKey(found).value)
}

/** The rows whose keys start with `prefix`, in the order of their keys' bytes. */
export function* scanRows(
  reader: SealedReader,
  table: string,
  prefix: string,
): Generator<readonly [key: string, value: Uint8Array]> {
  const wanted = Buffer.from(prefix)
  const nameAt = rowNameAt(table)
  const range = rowRange(table, prefix)
  // Long keys with the same beginning lie side by side, but in the order of their hashes.
  let cut: { readonly key: Buffer; readonly value: Buffer }[] = []
  let beginning: Buffer = wanted
  for (const { key, value } of reader.range(range.start, range.end)) {
    const row = isCut(key.length - nameAt) ? withoutKey(value) : undefined
    if (cut.length > 0 && row?.key.subarray(0, beginning.length).equals(beginning) !== true) {
      yield* inOrder(cut, wanted)
      cut = []
    }
    if (row !== undefined) {
      if (cut.length === 0) beginning = key.subarray(nameAt, -32)
      cut.push(row)
    } else if (!isCut(wanted.length)) yield [key.toString('utf8', nameAt), plain(value)]
  }
  yield* inOrder(cut, wanted)
}

function* inOrder(
  rows: { readonly key: Buffer; readonly value: Buffer }[],
  prefix: Buffer,
): Generator<readonly [key: string, value: Uint8Array]> {
  for (const { key, value } of rows.sort((a, b) => Buffer.compare(a.key, b.key))) {
    if (key.subarray(0, prefix.length).equals(prefix)) yield [key.toString(), plain(value)]
  }
}

function withKey(key: Buffer, value: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(key.length)
  return Buffer.concat([length, key, value])
}

function withoutKey(row: Buffer): { readonly key: Buffer; readonly value: Buffer } {
  const end = 4 + row.readUInt32BE(0)
  return { key: row.subarray(4, end), value: row.subarray(end) }
}

/** The same bytes, which are a copy already, as a plain array. */
function plain(value: Buffer): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.length)
}
