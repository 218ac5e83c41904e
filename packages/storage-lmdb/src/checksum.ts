import { BrokerError } from '@isomq/kernel'
import type { RootDatabase } from 'lmdb'
import { crc32 } from './crc32.ts'
import { nameOf } from './keys.ts'

const length = 4
/** Entries that are read at a time. */
const pageSize = 256

/** A value as it is kept: behind it the CRC-32 of its key and itself. LMDB would hand out a damaged page as it is. */
export function seal(key: Buffer, value: Buffer): Buffer {
  const sealed = Buffer.allocUnsafe(value.length + length)
  value.copy(sealed)
  sealed.writeUInt32BE(crc32(value, crc32(key)), value.length)
  return sealed
}

/** The value that was sealed under this key; undefined when either is not what it was. */
export function unseal(key: Buffer, sealed: Buffer): Buffer | undefined {
  const end = sealed.length - length
  if (end < 0) return undefined
  const value = sealed.subarray(0, end)
  return sealed.readUInt32BE(end) === crc32(value, crc32(key)) ? value : undefined
}

/** Reads sealed values. What is damaged is as if it were not there, and is told of once. */
export class SealedReader {
  readonly #source: () => RootDatabase<Buffer, Buffer>
  readonly #damaged: (error: BrokerError) => void
  readonly #told = new Set<string>()

  /** `source` gives the database, which may be another one each time. */
  constructor(source: () => RootDatabase<Buffer, Buffer>, damaged: (error: BrokerError) => void) {
    this.#source = source
    this.#damaged = damaged
  }

  get database(): RootDatabase<Buffer, Buffer> {
    return this.#source()
  }

  /** The value of a key, if there is one. */
  get(key: Buffer): Buffer | undefined {
    const sealed = this.database.get(key)
    return sealed && this.#open(key, sealed)
  }

  /** The same where there must be one: that it is missing is damage. */
  demand(key: Buffer): Buffer | undefined {
    const sealed = this.database.get(key)
    if (sealed === undefined) this.#tell(key)
    return sealed && this.#open(key, sealed)
  }

  /** As `demand`, but in a buffer of the database's: it holds until something else is asked for. */
  borrow(key: Buffer): Buffer | undefined {
    const sealed = this.database.getBinaryFast(key)
    if (sealed === undefined) this.#tell(key)
    // Its length is set anew for each value, and says nothing to those who look at the bytes themselves.
    return sealed && this.#open(key, sealed.subarray(0, sealed.length))
  }

  /** What is from one key up to another, page by page: between two nothing is held open, so that the database may be closed there. */
  *range(from: Buffer, end: Buffer): Generator<{ readonly key: Buffer; readonly value: Buffer }> {
    for (let start = from; ;) {
      const page = Array.from(this.database.getRange({ start, end, limit: pageSize }))
      for (const { key, value: sealed } of page) {
        const value = this.#open(key, sealed)
        if (value !== undefined) yield { key, value }
      }
      const last = page.at(-1)
      if (last === undefined || page.length < pageSize) return
      start = Buffer.concat([last.key, Buffer.alloc(1)])
    }
  }

  #open(key: Buffer, sealed: Buffer): Buffer | undefined {
    const value = unseal(key, sealed)
    if (value === undefined) this.#tell(key)
    return value
  }

  #tell(key: Buffer): void {
    const known = key.toString('latin1')
    if (this.#told.has(known)) return
    this.#told.add(known)
    const text = `${nameOf(key)} is damaged and is passed over; damaged values so far: ${this.#told.size}`
    this.#damaged(new BrokerError('storage-failed', text))
  }
}

/** Puts a checksum behind every value of a database that has none, in one transaction with `more`. */
export function sealAll(database: RootDatabase<Buffer, Buffer>, more: () => void): void {
  database.transactionSync(() => {
    for (const key of Array.from(database.getKeys(), (each) => Buffer.from(each))) {
      const value = database.get(key)
      if (value !== undefined) database.putSync(key, seal(key, value))
    }
    more()
  })
}
