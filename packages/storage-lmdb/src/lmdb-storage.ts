import {
  type Batch,
  BrokerError,
  encodeMessage,
  type Log,
  type Message,
  type Offset,
  type Storage,
  type Table,
} from '@isomq/kernel'
import { Environment, type KeyChange } from './environment.ts'
import { failure } from './failure.ts'
import { offsetValue, recordKey, startKey } from './keys.ts'
import { LogReader } from './log-reader.ts'
import { putRow, scanRows, valueOf } from './rows.ts'
import { Transactions } from './transactions.ts'

/** Where and how safely a storage keeps its data. */
export interface LmdbOptions {
  /** A directory, made when it is not there, readable by its owner alone. */
  readonly path: string
  /**
   * `flush` (the default): what is committed survives a loss of power. `os`: it survives the process; a loss of power may
   * cost everything there is in the directory.
   */
  readonly durability?: 'flush' | 'os' | undefined
  /** Bytes that may be in use; beyond it what is not a trim is refused with `quota-exceeded` until something is trimmed. No bound unless given. */
  readonly maxBytes?: number | undefined
  /** Told once of each record and row that the disk has damaged. It is passed over, as if it were not there. */
  readonly damaged?: ((error: BrokerError) => void) | undefined
}

// Records that one transaction of a trim forgets: the changes of a transaction are in memory until it is over.
const trimmedAtOnce = 4096

/**
 * Logs and tables in one LMDB environment. What is committed in one turn is one transaction. Throws BrokerError
 * `storage-failed` when the directory cannot be used, has something else in it, or was written in a format that is newer
 * than this program, and `unavailable` when another broker is using it.
 */
export function lmdbStorage(options: LmdbOptions): Storage {
  return new LmdbStorage(options)
}

class LmdbStorage implements Storage {
  readonly #path: string
  readonly #environment: Environment
  readonly #transactions: Transactions
  readonly #logs = new Map<string, LogReader>()
  /** Settles when every trim that was begun is over. */
  #trims: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(options: LmdbOptions) {
    this.#path = options.path
    this.#environment = new Environment(options)
    this.#transactions = new Transactions(this.#environment)
  }

  log(name: string): Log {
    return {
      append: (records) => this.#append(name, records),
      read: (from, options) => this.#do(() => this.#reader(name).read(from, options)),
      get: (offsets) => this.#do(() => offsets.map((offset) => this.#reader(name).get(offset))),
      range: () => this.#do(() => ({ start: this.#reader(name).start, end: this.#reader(name).end })),
      trim: (before) => this.#do(() => this.#trim(this.#reader(name), before)),
    }
  }

  table(name: string): Table {
    return {
      get: (key) => this.#do(() => valueOf(this.#environment.sealed, name, key)),
      write: (changes) => this.commit({ appends: [], writes: [{ table: name, changes }] }),
      scan: (prefix) => ({ [Symbol.asyncIterator]: () => this.#scan(name, prefix) }),
    }
  }

  commit(batch: Batch): Promise<void> {
    return this.#do(() => this.#commit(batch))
  }

  close(): Promise<void> {
    this.#closed ??= this.#trims.then(() => this.#transactions.idle()).then(() => this.#environment.close())
    return this.#closed
  }

  #append(name: string, records: readonly Message[]): Promise<Offset> {
    let first: Offset
    // Told again if what shared its transaction has failed.
    const placed = (offset: Offset): void => void (first = offset)
    return this.#do(async () => {
      if (records.length === 0) return this.#reader(name).next
      await this.#commit({ appends: [{ log: name, records }], writes: [] }, placed)
      return first
    })
  }

  /** `placed` is told the offset at which each of the appends begins. */
  #commit({ appends, writes }: Batch, placed?: (offset: Offset) => void): Promise<void> {
    // Everything that can throw is done before anything is handed over.
    const encoded = appends.map(({ log, records }) => ({ log: this.#reader(log), values: records.map(encode) }))
    const rows = writes.flatMap(({ table, changes }) => changes.map((change) => putRow(table, change)))
    if (rows.length === 0 && encoded.every(({ values }) => values.length === 0)) return Promise.resolve()
    const changes = (): KeyChange[] => {
      const records = encoded.flatMap(({ log, values }): KeyChange[] => {
        placed?.(log.next)
        return values.map((value) => ({ key: recordKey(log.name, log.next++), value }))
      })
      return records.concat(rows)
    }
    return this.#transactions.add({ makesRoom: false, changes, logs: encoded.map(({ log }) => log) })
  }

  #trim(log: LogReader, before: Offset): Promise<void> {
    const trim = this.#trimAll(log, before)
    this.#trims = Promise.allSettled([this.#trims, trim])
    return trim
  }

  async #trimAll(log: LogReader, before: Offset): Promise<void> {
    // What was appended before is to be trimmed too.
    await this.#transactions.idle()
    const end = Math.min(before, log.end)
    while (log.start < end) {
      const from = log.start
      const to = Math.min(end, from + trimmedAtOnce)
      const changes = (): KeyChange[] => {
        const forgotten = Array.from({ length: to - from }, (_, i) => recordKey(log.name, from + i))
        return [
          { key: startKey(log.name), value: offsetValue(to) },
          ...forgotten.map((key) => ({ key, value: undefined })),
        ]
      }
      await this.#transactions.add({ makesRoom: true, changes, logs: [] })
      log.start = Math.max(log.start, to)
    }
  }

  // An asynchronous generator would do, but makes several promises of each row, and there may be millions.
  #scan(name: string, prefix: string): AsyncIterator<readonly [key: string, value: Uint8Array]> {
    const rows = scanRows(this.#environment.sealed, name, prefix)
    return { next: () => this.#do(() => rows.next()), return: async () => rows.return(undefined) }
  }

  #reader(name: string): LogReader {
    let reader = this.#logs.get(name)
    if (reader === undefined) this.#logs.set(name, (reader = new LogReader(this.#environment.sealed, name)))
    return reader
  }

  async #do<T>(task: () => T | Promise<T>): Promise<T> {
    this.#refuseClosed()
    try {
      return await task()
    } catch (error) {
      throw failure(error, this.#path)
    }
  }

  #refuseClosed(): void {
    if (this.#closed !== undefined) throw new BrokerError('storage-failed', 'the storage is closed')
  }
}

function encode(message: Message): Buffer {
  const bytes = encodeMessage(message)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
