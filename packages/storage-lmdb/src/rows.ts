import type { TableChange } from '@isomq/kernel'
import type { SealedReader } from './checksum.ts'
import { rowKey, rowName, rowRange } from './keys.ts'

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
  return own(whole === undefined ? found : withoutKey(found).value)
}

/** The rows whose keys start with `prefix`, in the order of their keys' bytes. */
export function* scanRows(
  reader: SealedReader,
  table: string,
  prefix: string,
): Generator<readonly [key: string, value: Uint8Array]> {
  const wanted = Buffer.from(prefix)
  // Long keys with the same beginning lie side by side, but in the order of their hashes.
  let cut: { readonly key: Buffer; readonly value: Buffer }[] = []
  let beginning: Buffer | undefined
  for (const { key, value } of reader.range({ ...rowRange(table, prefix), snapshot: false })) {
    const name = rowName(table, key)
    const row = name.cut ? withoutKey(value) : { key: name.bytes, value }
    const same = name.cut && beginning !== undefined && row.key.subarray(0, beginning.length).equals(beginning)
    if (!same) {
      yield* inOrder(cut, wanted)
      cut = []
      beginning = name.cut ? Buffer.from(name.bytes.subarray(0, -32)) : undefined
    }
    if (name.cut) cut.push({ key: Buffer.from(row.key), value: Buffer.from(row.value) })
    else yield* inOrder([row], wanted)
  }
  yield* inOrder(cut, wanted)
}

function* inOrder(
  rows: { readonly key: Buffer; readonly value: Buffer }[],
  prefix: Buffer,
): Generator<readonly [key: string, value: Uint8Array]> {
  for (const { key, value } of rows.sort((a, b) => Buffer.compare(a.key, b.key))) {
    if (key.subarray(0, prefix.length).equals(prefix)) yield [key.toString(), own(value)]
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

/** Bytes of the reader's own, in a plain array. */
function own(value: Buffer): Uint8Array {
  return new Uint8Array(value)
}
