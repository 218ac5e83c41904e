import {
  type Batch,
  BrokerError,
  encodeMessage,
  type Log,
  type Message,
  type Offset,
  type Storage,
  type Table,
  type TableChange,
} from '@isomq/kernel'
import { mkdirSync } from 'node:fs'
import { open, type RootDatabase } from 'lmdb'
import { seal, sealAll, SealedReader } from './checksum.ts'
import { lockDirectory } from './directory-lock.ts'
import { Kind, recordKey, startKey } from './keys.ts'
import { LogReader } from './log-reader.ts'
import { putRow, scanRows, valueOf } from './rows.ts'
import { checkFlushed, markUnflushed } from './unflushed.ts'

/** Where and how safely a storage keeps its data. */
export interface LmdbOptions {
  /** A directory, made when it is not there, readable by its owner alone. */
  readonly path: string
  /** `flush` (the default): what is committed survives a loss of power. `os`: it survives the process; a loss of power may cost all. */
  readonly durability?: 'flush' | 'os' | undefined
  /** Told once of each record and row that the disk has damaged. It is passed over, as if it were not there. */
  readonly damaged?: ((error: BrokerError) => void) | undefined
}

/** 1: values as they are. 2: with a checksum; a database of format 1 is given them when it is opened. */
const format = 2

/**
 * Logs and tables in one LMDB environment; a commit is one transaction. Throws BrokerError `storage-failed` when the
 * directory cannot be used, or was written in a format that is newer than this program, and `unavailable` when another
 * broker is using it.
 */
export function lmdbStorage(options: LmdbOptions): Storage {
  let unlock: (() => void) | undefined
  try {
    mkdirSync(options.path, { recursive: true, mode: 0o700 })
    unlock = lockDirectory(options.path)
    checkFlushed(options.path)
    const flushed = options.durability === 'os' ? markUnflushed(options.path) : () => {}
    const release = (): void => {
      flushed()
      unlock?.()
    }
    const database = open<Buffer, Buffer>({
      path: options.path,
      encoding: 'binary',
      keyEncoding: 'binary',
      // With it, when a commit is told of and when it is flushed is LMDB's affair.
      overlappingSync: false,
      noSync: options.durability === 'os',
      // A path with a dot in it would be taken for a file.
      noSubdir: false,
    })
    checkFormat(database, options.path)
    return new LmdbStorage(database, release, options.damaged ?? (() => {}))
  } catch (error) {
    unlock?.()
    throw failure(error)
  }
}

class LmdbStorage implements Storage {
  readonly #database: RootDatabase<Buffer, Buffer>
  readonly #logs = new Map<string, LogReader>()
  readonly #release: () => void
  readonly #sealed: SealedReader
  /** The last batch handed over. */
  #last: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(database: RootDatabase<Buffer, Buffer>, release: () => void, damaged: (error: BrokerError) => void) {
    this.#database = database
    this.#sealed = new SealedReader(database, damaged)
    this.#release = release
  }

  log(name: string): Log {
    return {
      append: (records) => this.#append(name, records),
      read: (from, options) => this.#do(() => this.#reader(name).read(from, options)),
      get: (offsets) => this.#do(() => offsets.map((offset) => this.#reader(name).get(offset))),
      range: () => this.#do(() => ({ start: this.#reader(name).start, end: this.#reader(name).end })),
      trim: (before) => this.#trim(name, before),
    }
  }

  table(name: string): Table {
    return {
      get: (key) => this.#do(() => valueOf(this.#sealed, name, key)),
      write: (changes) => this.commit({ appends: [], writes: [{ table: name, changes }] }),
      scan: (prefix) => ({ [Symbol.asyncIterator]: () => this.#scan(name, prefix) }),
    }
  }

  async commit(batch: Batch): Promise<void> {
    if (this.#closed !== undefined) throw new BrokerError('storage-failed', 'the storage is closed')
    const ends = new Map<LogReader, Offset>()
    // Everything that can throw is done before the first change is handed over.
    const records = batch.appends.flatMap(({ log, records: messages }) => {
      const reader = this.#reader(log)
      const first = ends.get(reader) ?? reader.next
      ends.set(reader, first + messages.length)
      return messages.map((message, i) => ({ key: recordKey(log, first + i), value: asBuffer(encodeMessage(message)) }))
    })
    const rows = batch.writes.flatMap(({ table, changes }) =>
      changes.map((change: TableChange) => putRow(table, change)),
    )
    if (records.length === 0 && rows.length === 0) return
    // Commits may follow one another before the first is durable: they continue where it ends.
    for (const [reader, end] of ends) reader.next = end
    try {
      await this.#batch(() => {
        for (const { key, value } of records) this.#put(key, value)
        for (const { key, value } of rows) this.#put(key, value)
      })
      for (const [reader, end] of ends) reader.end = Math.max(reader.end, end)
    } catch (error) {
      for (const reader of ends.keys()) reader.reload()
      throw failure(error)
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#database.flushed.then(() => this.#database.close()).then(() => this.#release())
    return this.#closed
  }

  async #append(name: string, records: readonly Message[]): Promise<Offset> {
    if (this.#closed !== undefined) throw new BrokerError('storage-failed', 'the storage is closed')
    const first = this.#reader(name).next
    await this.commit({ appends: [{ log: name, records }], writes: [] })
    return first
  }

  async #trim(name: string, before: Offset): Promise<void> {
    // What was appended before is to be trimmed too.
    await this.#last.catch(() => undefined)
    const reader = await this.#do(() => this.#reader(name))
    const { start } = reader
    const end = Math.min(before, reader.end)
    if (!(end > start)) return
    reader.start = end
    const value = Buffer.alloc(8)
    value.writeBigUInt64BE(BigInt(end))
    try {
      await this.#batch(() => {
        this.#put(startKey(name), value)
        for (let offset = start; offset < end; offset++) this.#put(recordKey(name, offset), undefined)
      })
    } catch (error) {
      reader.reload()
      throw failure(error)
    }
  }

  /** All changes that `changes` makes, in one transaction. */
  #batch(changes: () => void): Promise<unknown> {
    this.#last = this.#database.batch(changes)
    return this.#last
  }

  #put(key: Buffer, value: Buffer | undefined): void {
    const done = value === undefined ? this.#database.remove(key) : this.#database.put(key, seal(key, value))
    // The batch tells of a failure; nobody asks each change.
    done.catch(() => undefined)
  }

  // An asynchronous generator would do, but makes several promises of each row, and there may be millions.
  #scan(name: string, prefix: string): AsyncIterator<readonly [key: string, value: Uint8Array]> {
    const rows = scanRows(this.#sealed, name, prefix)
    return { next: () => this.#do(() => rows.next()), return: async () => rows.return(undefined) }
  }

  #reader(name: string): LogReader {
    let reader = this.#logs.get(name)
    if (reader === undefined) this.#logs.set(name, (reader = new LogReader(this.#sealed, name)))
    return reader
  }

  async #do<T>(task: () => T): Promise<T> {
    if (this.#closed !== undefined) throw new BrokerError('storage-failed', 'the storage is closed')
    try {
      return task()
    } catch (error) {
      throw failure(error)
    }
  }
}

function checkFormat(database: RootDatabase<Buffer, Buffer>, path: string): void {
  const key = Buffer.from([Kind.format])
  const known = database.get(key)?.readUInt8(0)
  const mark = (): void => void database.putSync(key, Buffer.from([format]))
  if (known === undefined) mark()
  else if (known === 1) sealAll(database, mark)
  else if (known !== format) {
    throw new BrokerError(
      'storage-failed',
      `${path} was written in format ${known}; this program knows formats up to ${format}`,
    )
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function failure(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error
  const text = error instanceof Error ? error.message : String(error)
  const full = /MDB_MAP_FULL|ENOSPC|no space/i.test(text)
  return new BrokerError(full ? 'quota-exceeded' : 'storage-failed', text, { cause: error })
}
