import { decodeMessage, type Offset, type ReadOptions, type StoredMessage } from '@isomq/kernel'
import type { RootDatabase } from 'lmdb'
import { offsetOf, recordKey, startKey } from './keys.ts'

const last = Number.MAX_SAFE_INTEGER

/** One log of the database: where it begins and ends, and what is in it. */
export class LogReader {
  readonly #database: RootDatabase<Buffer, Buffer>
  readonly #name: string
  start: Offset = 0
  /** Behind the last durable record. */
  end: Offset = 0
  /** Behind the last record handed over. */
  next: Offset = 0

  constructor(database: RootDatabase<Buffer, Buffer>, name: string) {
    this.#database = database
    this.#name = name
    this.reload()
  }

  /** Forgets what was thought of the log and looks. */
  reload(): void {
    const range = { start: recordKey(this.#name, last), end: recordKey(this.#name, 0), reverse: true, limit: 1 }
    this.start = Number(this.#database.get(startKey(this.#name))?.readBigUInt64BE(0) ?? 0n)
    this.end = this.start
    for (const key of this.#database.getKeys(range)) this.end = Math.max(this.start, offsetOf(key) + 1)
    this.next = this.end
  }

  get(offset: Offset): StoredMessage | undefined {
    if (offset < this.start || offset >= this.end) return undefined
    const value = this.#database.get(recordKey(this.#name, offset))
    return value === undefined ? undefined : { offset, message: decodeMessage(value) }
  }

  read(from: Offset, options: ReadOptions): { readonly records: StoredMessage[]; readonly next: Offset } {
    const { limit, maxBytes = Infinity, where } = options
    const records: StoredMessage[] = []
    let bytes = 0
    let next = Math.max(from, this.start)
    while (next < this.end && records.length < limit && (records.length === 0 || bytes < maxBytes)) {
      const record = this.get(next++)
      if (record === undefined || (where !== undefined && !where(record))) continue
      records.push(record)
      bytes += record.message.payload.length
    }
    return { records, next }
  }
}
