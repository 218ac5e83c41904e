import {
  BrokerError,
  decodeMessage,
  type Message,
  type Offset,
  type ReadOptions,
  type StoredMessage,
} from '@isomq/kernel'
import type { SealedReader } from './checksum.ts'
import { nameOf, offsetOf, recordKey, recordKeys, startKey } from './keys.ts'

const last = Number.MAX_SAFE_INTEGER
/** Records that are read together share arrays of at most this many bytes (or one has its own): few are kept beyond their page. */
const chunkBytes = 65_536
/** What a short record takes at most. Copying it byte by byte is faster than asking for it. */
const short = 256

/** One log of the database: where it begins and ends, and what is in it. */
export class LogReader {
  readonly #sealed: SealedReader
  readonly name: string
  readonly #key: (offset: Offset) => Buffer
  start: Offset = 0
  /** Behind the last durable record. */
  end: Offset = 0
  /** Behind the last record of the transaction that is being put together. */
  next: Offset = 0

  constructor(sealed: SealedReader, name: string) {
    this.#sealed = sealed
    this.name = name
    this.#key = recordKeys(name)
    this.#look()
  }

  #look(): void {
    const [low, high] = [recordKey(this.name, 0), recordKey(this.name, last)]
    const { database } = this.#sealed
    const key = startKey(this.name)
    const start = this.#sealed.get(key)?.readBigUInt64BE(0)
    const [first] = database.getKeys({ start: low, end: high, limit: 1 })
    // Without the row it has never been trimmed. If the row is damaged the first record tells; without one nothing does.
    if (start === undefined && first === undefined && database.get(key) !== undefined)
      throw new BrokerError('storage-failed', `${nameOf(key)} is damaged, and no record is left that would tell it`)
    this.start = start !== undefined ? Number(start) : first !== undefined ? offsetOf(first) : 0
    this.end = this.start
    for (const record of database.getKeys({ start: high, end: low, reverse: true, limit: 1 }))
      this.end = Math.max(this.start, offsetOf(record) + 1)
    this.next = this.end
  }

  get(offset: Offset): StoredMessage | undefined {
    if (offset < this.start || offset >= this.end) return undefined
    const value = this.#sealed.demand(this.#key(offset))
    return value === undefined ? undefined : { offset, message: decodeMessage(value) }
  }

  read(from: Offset, options: ReadOptions): { readonly records: StoredMessage[]; readonly next: Offset } {
    const { limit, maxBytes = Infinity, where } = options
    const records: StoredMessage[] = []
    let bytes = 0
    let next = Math.max(from, this.start)
    let chunk: Uint8Array = new Uint8Array(0)
    let used = 0
    let before: Message | undefined
    while (next < this.end && records.length < limit && (records.length === 0 || bytes < maxBytes)) {
      const offset = next++
      const found = this.#sealed.borrow(this.#key(offset))
      if (found === undefined) continue
      const { length } = found
      if (used + length > chunk.length) {
        chunk = new Uint8Array(Math.max(length, Math.min(chunkBytes, limit * short)))
        used = 0
      }
      if (length < short) for (let i = 0; i < length; i++) chunk[used + i] = found[i]!
      else chunk.set(found, used)
      const message = decodeMessage(chunk.subarray(used, (used += length)), before)
      before = message
      const record = { offset, message }
      if (where !== undefined && !where(record)) continue
      records.push(record)
      bytes += message.payload.length
    }
    return { records, next }
  }
}
