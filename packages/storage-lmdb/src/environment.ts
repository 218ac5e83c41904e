import { BrokerError } from '@isomq/kernel'
import { mkdirSync } from 'node:fs'
import { open as openLmdb, type RootDatabase } from 'lmdb'
import { seal, sealAll, SealedReader } from './checksum.ts'
import { lockDirectory } from './directory-lock.ts'
import { failure } from './failure.ts'
import { Kind } from './keys.ts'
import type { LmdbOptions } from './lmdb-storage.ts'
import { refuseForeign, refuseGarbage } from './refuse-foreign.ts'
import { Room } from './room.ts'
import { checkFlushed, markUnflushed } from './unflushed.ts'

/** A key and the value it is to have, undefined for none. */
export interface KeyChange {
  readonly key: Buffer
  readonly value: Buffer | undefined
}

type Database = RootDatabase<Buffer, Buffer>

interface Stats {
  readonly lastTxnId: number
}

/** 1: values as they are. 2: with a checksum; a database of format 1 is given them when it is opened. */
const format = 2

/** One directory with one LMDB environment in it, which no other process may use. */
export class Environment {
  readonly #options: LmdbOptions
  readonly #room: Room
  readonly #release: () => void
  /** Reads what is in it. */
  readonly sealed: SealedReader
  /** Undefined when it could not be opened again after a failure: that is tried whenever it is needed. */
  #database: Database | undefined
  #lastTransaction: number
  #checkedAt = performance.now()
  /** Why nothing can be done any more. */
  #dead: BrokerError | undefined

  /** Throws BrokerError `storage-failed` or `unavailable`. */
  constructor(options: LmdbOptions) {
    const { path } = options
    let unlock: (() => void) | undefined
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 })
      refuseForeign(path)
      const unlockAll = (unlock = lockDirectory(path))
      checkFlushed(path)
      refuseGarbage(path)
      const flushed = options.durability === 'os' ? markUnflushed(path) : () => {}
      this.#release = () => {
        flushed()
        unlockAll()
      }
      this.#database = openDatabase(options)
    } catch (error) {
      unlock?.()
      throw failure(error, path)
    }
    this.#options = options
    this.sealed = new SealedReader(() => this.database, options.damaged ?? (() => {}))
    this.#room = new Room(path, options.maxBytes ?? Infinity)
    this.#lastTransaction = this.#transactionNow()
  }

  /** What is in it. Not to be kept: after a failure it is another object. Throws BrokerError `storage-failed` when it cannot be used any more. */
  get database(): Database {
    if (this.#dead !== undefined) throw this.#dead
    return this.#database ?? this.#reopen()
  }

  /**
   * Makes these changes, all or none; one call at a time. Resolves when they are as durable as was asked for. Rejects with
   * BrokerError `quota-exceeded` when there is no room, else `storage-failed`; then nothing is changed. What `makesRoom` is
   * tried however little there is.
   */
  async transact(changes: readonly KeyChange[], makesRoom: boolean): Promise<void> {
    this.#refuseRivals()
    const { database } = this
    if (!makesRoom) this.#room.claim(database, changes)
    try {
      await database.batch(() => {
        for (const { key, value } of changes) {
          if (value === undefined) void database.remove(key)
          else void database.put(key, seal(key, value))
        }
      })
    } catch (error) {
      throw await this.#recover(await causeOf(error))
    }
    // Deleting what is not there is no transaction at all.
    if (changes.some(({ value }) => value !== undefined)) this.#lastTransaction++
    else this.#lastTransaction = Math.min(this.#lastTransaction + 1, this.#transactionNow())
  }

  /** Waits for the disk, also where commits do not. The caller has nothing under way. */
  async close(): Promise<void> {
    try {
      await this.#database?.close()
      this.#release()
    } catch (error) {
      throw failure(error, this.#options.path)
    }
  }

  /** After a failure LMDB may refuse to go on, or wait for ever: it is closed, and opened again when it is needed. What to refuse with. */
  async #recover(error: unknown): Promise<BrokerError> {
    this.#room.forget()
    const broken = this.#database
    this.#database = undefined
    await broken?.close()
    return failure(error, this.#options.path)
  }

  #reopen(): Database {
    const { path } = this.#options
    try {
      this.#database = openDatabase(this.#options)
    } catch (error) {
      throw failure(error, path)
    }
    if (this.#transactionNow() === this.#lastTransaction) return this.#database
    // Told that it failed, its owner went on as if it had not been: it must not be there.
    this.#dead = new BrokerError('storage-failed', `${path}: what was told to have failed is there after all`)
    throw this.#dead
  }

  /** Locks can be got round: two containers may share a directory, and neither sees the other's processes. Two brokers on one log would destroy it. */
  #refuseRivals(): void {
    const now = performance.now()
    if (now - this.#checkedAt < 1000) return
    this.#checkedAt = now
    if (this.#transactionNow() === this.#lastTransaction) return
    const { path } = this.#options
    this.#dead = new BrokerError('storage-failed', `${path} was written by another process while this one used it`)
  }

  #transactionNow(): number {
    return (this.database.getStats() as Stats).lastTxnId
  }
}

function openDatabase({ path, durability }: LmdbOptions): Database {
  const database = openLmdb<Buffer, Buffer>({
    path,
    encoding: 'binary',
    keyEncoding: 'binary',
    // With it a commit writes and waits twice; it pays only for many transactions under way at once.
    overlappingSync: false,
    noSync: durability === 'os',
    // A path with a dot in it would be taken for a file.
    noSubdir: false,
  })
  try {
    checkFormat(database, path)
    return database
  } catch (error) {
    void database.close()
    throw error
  }
}

function checkFormat(database: Database, path: string): void {
  const key = Buffer.from([Kind.format])
  const known = database.get(key)?.readUInt8(0)
  const mark = (): void => void database.putSync(key, Buffer.from([format]))
  if (known === undefined) {
    for (const _ of database.getKeys({ limit: 1 }))
      throw new BrokerError('storage-failed', `${path} has a database of another program in it`)
    mark()
  } else if (known === 1) sealAll(database, mark)
  else if (known !== format) {
    throw new BrokerError(
      'storage-failed',
      `${path} was written in format ${known}; this program knows formats up to ${format}`,
    )
  }
}

/** The library rejects at once, and says why a little later. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error
  try {
    await error.commitError
    return error
  } catch (cause) {
    return cause
  }
}
