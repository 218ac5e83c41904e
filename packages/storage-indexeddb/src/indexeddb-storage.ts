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
import { promisifyRequest } from 'idb-keyval'
import { Damage } from './checksum.ts'
import { Database } from './database.ts'
import { failure } from './failure.ts'
import { allSegments, allStarts, logOfStart, segmentOf } from './keys.ts'
import { LogReader } from './log-reader.ts'
import { Presence } from './presence.ts'
import { putRow, RowReader } from './rows.ts'
import { SegmentCache } from './segment-cache.ts'
import { Transactions } from './transactions.ts'

/** Where and how safely a storage keeps its data. */
export interface IndexedDbOptions {
  /** Name of the database, made when it is not there. */
  readonly name: string
  /**
   * `strict` (the default): what is committed has been flushed, and survives a loss of power. `relaxed`: it survives the tab
   * and the browser; a loss of power may cost the last commits.
   */
  readonly durability?: 'strict' | 'relaxed' | undefined
  /** Milliseconds the browser may take to open the database; 10,000 unless given. */
  readonly openTimeout?: number | undefined
  /** Told once when nothing can be done any more: another host has taken over, or the database was removed. */
  readonly failed?: ((error: BrokerError) => void) | undefined
  /**
   * Opens the database only where it is there and nobody has it open, for the time until somebody comes: `wanted` is called
   * then, and the storage is to be closed at once. Not given: it is made where there is none, and taken from whoever has it.
   */
  readonly standIn?: { readonly wanted: () => void } | undefined
  /** Told once of each value that was damaged. It is passed over, as if it were not there. */
  readonly damaged?: ((error: BrokerError) => void) | undefined
}

/** How a database was found. */
export interface Opening {
  /** One more each time the database is opened: whoever has a lower one can do nothing with it any more. */
  readonly epoch: number
  /** True: there was nothing. Where there ought to have been, the browser has removed it. */
  readonly fresh: boolean
}

/** A storage in a browser. */
export interface IndexedDbStorage extends Storage {
  /**
   * Resolves when the database is open and nobody else can write to it. Rejects with BrokerError `storage-failed` when it
   * cannot be used, is another program's, or was written in a format that is newer than this program, `quota-exceeded` when
   * there is no room to make it, and `unavailable` when somebody is removing or changing it, or somebody else has it open
   * whom we were to stand in for; so does every call then.
   */
  readonly opened: Promise<Opening>
}

/**
 * Logs and tables in one IndexedDB database. It is opened at once; calls wait for that. Opening takes the database over: every
 * transaction of whoever had it open before fails. What is committed in one turn is one transaction.
 */
export function indexedDbStorage(options: IndexedDbOptions): IndexedDbStorage {
  return new BrowserStorage(options)
}

class BrowserStorage implements IndexedDbStorage {
  readonly opened: Promise<Opening>
  readonly #name: string
  readonly #standIn: IndexedDbOptions['standIn']
  readonly #presence: Presence
  readonly #damage: Damage
  readonly #database: Database
  readonly #cache = new SegmentCache()
  readonly #rows: RowReader
  readonly #transactions: Transactions
  readonly #logs = new Map<string, LogReader>()
  #closed: Promise<void> | undefined

  constructor(options: IndexedDbOptions) {
    const { name, durability = 'strict', openTimeout: timeout = 10_000, standIn } = options
    this.#name = name
    this.#standIn = standIn
    this.#presence = new Presence(name)
    this.#damage = new Damage(options.damaged)
    const failed = (error: BrokerError): void => {
      this.#presence.leave()
      options.failed?.(error)
    }
    this.#database = new Database({ name, durability, timeout, create: standIn === undefined, failed })
    this.#rows = new RowReader(this.#database.store, this.#damage)
    this.opened = this.#open()
    // Who calls anything is told.
    this.opened.catch(() => {})
    this.#transactions = new Transactions({ database: this.#database, cache: this.#cache }, durability, this.opened)
  }

  log(name: string): Log {
    return {
      append: (records) => this.#append(name, records),
      read: (from, options) => this.#do(() => this.#log(name).read(from, options)),
      get: (offsets) => this.#do(() => this.#log(name).get(offsets)),
      range: () => this.#do(() => ({ start: this.#log(name).index.start, end: this.#log(name).index.end })),
      trim: (before) => this.#change(() => this.#transactions.add({ log: this.#log(name), before })),
    }
  }

  table(name: string): Table {
    return {
      get: (key) => this.#do(() => this.#rows.get(name, key)),
      write: (changes) => this.commit({ appends: [], writes: [{ table: name, changes }] }),
      scan: (prefix) => this.#scan(name, prefix),
    }
  }

  commit(batch: Batch): Promise<void> {
    return this.#change(() => this.#commit(batch))
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#transactions.idle()
    await this.#database.close()
    this.#presence.leave()
  }

  async #enter(): Promise<void> {
    if (this.#standIn === undefined) await this.#presence.enter()
    else if (!(await this.#presence.standIn(this.#standIn.wanted)))
      throw new BrokerError('unavailable', `somebody else has the database ${this.#name} open`)
  }

  async #open(): Promise<Opening> {
    await this.#enter()
    const load = async (store: IDBObjectStore) => ({
      segments: await promisifyRequest(store.getAllKeys(allSegments())),
      startKeys: await promisifyRequest(store.getAllKeys(allStarts())),
      starts: await promisifyRequest<number[]>(store.getAll(allStarts())),
    })
    const { stamp, loaded } = await this.#database.open(load).catch((error: unknown) => {
      this.#presence.leave()
      throw error
    })
    for (const key of loaded.segments) {
      const { log, segment } = segmentOf(key)
      const { index } = this.#log(log)
      if (index.end === 0) index.start = segment.first
      index.add([segment])
    }
    for (const [i, key] of loaded.startKeys.entries()) {
      const { index } = this.#log(logOfStart(key))
      index.start = Math.max(index.start, loaded.starts[i]!)
    }
    return { epoch: stamp.epoch, fresh: stamp.epoch === 1 }
  }

  async #append(name: string, records: readonly Message[]): Promise<Offset> {
    let first: Offset = 0
    const placed = (offset: Offset): void => void (first = offset)
    await this.#change(() => this.#commit({ appends: [{ log: name, records }], writes: [] }, placed))
    return first
  }

  /** `placed` is told the offset at which each of the appends begins. */
  #commit({ appends, writes }: Batch, placed?: (offset: Offset) => void): Promise<void> {
    // Everything that can throw is done before anything is handed over, and nothing of the caller's is kept.
    const encoded = appends.map(({ log, records }) => ({ log: this.#log(log), records: records.map(encodeMessage) }))
    const rows = writes.flatMap(({ table, changes }) => changes.map((change) => putRow(table, change)))
    return this.#transactions.add({ appends: encoded, rows, placed })
  }

  async *#scan(table: string, prefix: string): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
    const pages = this.#rows.scan(table, prefix)
    for (;;) {
      const page = await this.#do(() => pages.next())
      if (page.done === true) return
      for (const row of page.value) {
        this.#refuseClosed()
        yield row
      }
    }
  }

  #log(name: string): LogReader {
    let log = this.#logs.get(name)
    if (log === undefined) {
      log = new LogReader(name, { store: this.#database.store, cache: this.#cache, damage: this.#damage })
      this.#logs.set(name, log)
    }
    return log
  }

  /** Takes its place in the order of changes within the call. */
  async #change(task: () => Promise<void>): Promise<void> {
    this.#refuseClosed()
    try {
      await task()
    } catch (error) {
      throw failure(error, this.#name)
    }
  }

  async #do<T>(task: () => T | Promise<T>): Promise<T> {
    this.#refuseClosed()
    try {
      await this.opened
      return await task()
    } catch (error) {
      throw failure(error, this.#name)
    }
  }

  #refuseClosed(): void {
    if (this.#closed !== undefined) throw new BrokerError('storage-failed', 'the storage is closed')
  }
}
