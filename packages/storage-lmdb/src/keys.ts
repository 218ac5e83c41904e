import { createHash } from 'node:crypto'

// LMDB keys are short; ours may be 65,535 bytes. What is longer than this keeps its beginning and a hash of the whole.
const longest = 1500
const hashBytes = 32

/** What the first byte of a key says about it. */
export const Kind = { format: 0x01, log: 0x02, start: 0x03, row: 0x04 } as const

/** A key of the database. */
export interface Key {
  readonly bytes: Buffer
  /** The whole key, when `bytes` holds its beginning only: it is then kept before the value. */
  readonly whole: Buffer | undefined
}

/** Key of a record: offsets sort as numbers. */
export function recordKey(log: string, offset: number): Buffer {
  const key = Buffer.concat([prefix(Kind.log, log), Buffer.alloc(8)])
  key.writeBigUInt64BE(BigInt(offset), key.length - 8)
  return key
}

/** Keys of the records of one log, all in one buffer: each holds until the next is asked for. */
export function recordKeys(log: string): (offset: number) => Buffer {
  const key = recordKey(log, 0)
  return (offset) => {
    key.writeUInt32BE(Math.floor(offset / 2 ** 32), key.length - 8)
    key.writeUInt32BE(offset >>> 0, key.length - 4)
    return key
  }
}

/** The offset in a record's key. */
export function offsetOf(key: Buffer): number {
  return Number(key.readBigUInt64BE(key.length - 8))
}

/** Key of where a log begins, which is written when it is trimmed. */
export function startKey(log: string): Buffer {
  return prefix(Kind.start, log)
}

/** Where a log begins, as its row has it. */
export function offsetValue(offset: number): Buffer {
  const value = Buffer.alloc(8)
  value.writeBigUInt64BE(BigInt(offset))
  return value
}

/** Key of a row. */
export function rowKey(table: string, key: string): Key {
  const name = prefix(Kind.row, table)
  const whole = Buffer.from(key)
  if (whole.length <= longest) return { bytes: Buffer.concat([name, whole]), whole: undefined }
  const hash = createHash('sha256').update(whole).digest()
  return { bytes: Buffer.concat([name, whole.subarray(0, longest), hash]), whole }
}

/** Where to look for rows whose keys start with `start`: every such row lies there, and others may. */
export function rowRange(table: string, start: string): { readonly start: Buffer; readonly end: Buffer } {
  const from = Buffer.concat([prefix(Kind.row, table), Buffer.from(start).subarray(0, longest)])
  // No byte of UTF-8 is 0xff; those of a hash may be.
  return { start: from, end: Buffer.concat([from, Buffer.alloc(hashBytes + 1, 0xff)]) }
}

/** Where in the keys of a table's rows the row's own key begins. */
export function rowNameAt(table: string): number {
  return prefix(Kind.row, table).length
}

/** Whether so many bytes of a row's own key are only its beginning and a hash. */
export function isCut(length: number): boolean {
  return length > longest
}

/** What a key is of, for people. */
export function nameOf(key: Buffer): string {
  const end = 2 + key.readUInt8(1)
  const name = key.toString('utf8', 2, end)
  if (key[0] === Kind.log) return `record ${offsetOf(key)} of log ${name}`
  if (key[0] === Kind.start) return `the beginning of log ${name}`
  return `row ${JSON.stringify(key.toString('utf8', end, end + 100))} of table ${name}`
}

/** A name comes behind its length, so that none is the beginning of another's keys. */
function prefix(kind: number, name: string): Buffer {
  const bytes = Buffer.from(name)
  if (bytes.length > 200) throw new RangeError(`${JSON.stringify(name)} is too long a name for a log or table`)
  return Buffer.concat([Buffer.from([kind, bytes.length]), bytes])
}
