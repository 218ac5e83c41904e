import { BrokerError } from '@isomq/kernel'
import { promisifyRequest, type UseStore } from 'idb-keyval'
import { connect } from './connect.ts'
import { failure, isFull } from './failure.ts'
import { allStamps, stampKey, storeName } from './keys.ts'
import { claim, own, type Stamp } from './stamp.ts'

/** A key and the value it is to have, undefined for none. */
export interface Change {
  readonly key: IDBValidKey
  readonly value: unknown
}

/** How a transaction is carried out. */
export interface WriteOptions {
  readonly durability: IDBTransactionDurability
  /** False: it only removes, and may as well do so twice. It puts nothing in, so it has a chance where there is no room. */
  readonly counted: boolean
}

/** How a database is opened and watched over. */
export interface DatabaseOptions {
  readonly name: string
  readonly durability: IDBTransactionDurability
  /** Milliseconds opening may take. */
  readonly timeout: number
  /** Whether it is made where there is none. */
  readonly create: boolean
  /** Told once when nothing can be done any more. */
  readonly failed: (error: BrokerError) => void
}

/**
 * One IndexedDB database that only the last who has opened it may use: every transaction looks first whether that is us.
 * A connection that the browser has closed is opened again when it is needed.
 */
export class Database {
  readonly #options: DatabaseOptions
  /** Undefined when it is closed, and is opened again when it is needed. */
  #connection: Promise<IDBDatabase> | undefined
  /** What the database says of itself, as far as we know. */
  #stamp: Stamp | undefined
  /** Why nothing can be done any more. */
  #dead: BrokerError | undefined

  constructor(options: DatabaseOptions) {
    this.#options = options
  }

  /** The custom store of those of idb-keyval's functions that read. Rejects as IndexedDB does, or with a BrokerError when the database is not ours any more. */
  readonly store: UseStore = async (_, callback) => {
    const transaction = await this.#begin('readonly', 'relaxed')
    return await finish(transaction, async (store) => {
      // Both are asked for at once: nothing of what is read leaves if it is not ours.
      const reading = callback(store)
      const [found, result] = await Promise.all([firstStamp(store), reading])
      this.#own(found)
      return result
    })
  }

  /**
   * Opens the database, making it where there is none if it may, and takes it over from whoever has it: from now on his transactions
   * fail. `load` reads what is in it within the same transaction. Resolves with the stamp and what was loaded.
   */
  async open<T>(load: (store: IDBObjectStore) => Promise<T>): Promise<{ readonly stamp: Stamp; readonly loaded: T }> {
    this.#connect(this.#options.create)
    try {
      return await this.#claim(load, putStamp).catch(async (error: unknown) => {
        if (!isFull(error)) throw error
        return await this.#claim(load, useSpare(error))
      })
    } catch (error) {
      this.#dead = failure(error, this.#options.name)
      await this.close()
      throw this.#dead
    }
  }

  /**
   * Makes these changes, all or none; one call at a time. Resolves when they are durable. Rejects with BrokerError
   * `quota-exceeded` when there is no room, else `storage-failed` or `unavailable`; then nothing is changed.
   */
  async write(changes: readonly Change[], { durability, counted }: WriteOptions): Promise<void> {
    const before = this.#stamp!
    const after = counted ? { ...before, commits: before.commits + 1 } : before
    for (let again = false; ; again = true) {
      try {
        const transaction = await this.#begin('readwrite', durability)
        await finish(transaction, async (store) => {
          const { commits } = this.#own(await firstStamp(store))
          // The connection went before it had told that all went well.
          if (again && counted && commits === after.commits) return
          if (commits !== before.commits) throw this.#die(this.#contradiction(commits < before.commits))
          // What goes wrong with one of these ends the transaction.
          for (const { key, value } of changes) {
            if (value === undefined) store.delete(key)
            else store.put(value, key)
          }
          if (counted) store.put(after, stampKey(after.epoch))
        })
        this.#stamp = after
        return
      } catch (error) {
        // What failed for another reason than those may do better on another connection.
        if (again || error instanceof BrokerError || isFull(error)) throw failure(error, this.#options.name)
      }
    }
  }

  /** What is under way is finished; nothing is begun any more. */
  async close(): Promise<void> {
    this.#dead ??= new BrokerError('storage-failed', 'the storage is closed')
    const connection = this.#connection
    this.#connection = undefined
    await connection?.then(
      (database) => database.close(),
      () => {},
    )
  }

  async #claim<T>(
    load: (store: IDBObjectStore) => Promise<T>,
    take: (store: IDBObjectStore, name: string) => Promise<Stamp>,
  ): Promise<{ readonly stamp: Stamp; readonly loaded: T }> {
    const { name, durability } = this.#options
    const transaction = await this.#begin('readwrite', durability)
    return await finish(transaction, async (store) => {
      const stamp = (this.#stamp = await take(store, name))
      return { stamp, loaded: await load(store) }
    })
  }

  /** A transaction, on a new connection if need be. */
  async #begin(mode: IDBTransactionMode, durability: IDBTransactionDurability): Promise<IDBTransaction> {
    for (let again = false; ; again = true) {
      if (this.#dead !== undefined) throw this.#dead
      const connection = (this.#connection ??= this.#connect(false))
      const database = await connection
      try {
        return database.transaction(storeName, mode, { durability })
      } catch (error) {
        // It was closed, and nobody has told.
        this.#forget(connection)
        if (again) throw error
      }
    }
  }

  #connect(create: boolean): Promise<IDBDatabase> {
    const { name, timeout } = this.#options
    const connection = (this.#connection = connect({ name, timeout, create }, () => this.#forget(connection)))
    connection.catch((error: unknown) => {
      this.#forget(connection)
      if (!create && error instanceof BrokerError && error.code === 'storage-failed') this.#die(error)
    })
    return connection
  }

  #forget(connection: Promise<IDBDatabase>): void {
    if (this.#connection === connection) this.#connection = undefined
  }

  /** The stamp that was found, if it is ours. From the first that is not on nothing can be done any more. */
  #own(found: Stamp | undefined): Stamp {
    try {
      return own(this.#options.name, found, this.#stamp!)
    } catch (error) {
      throw this.#die(failure(error, this.#options.name))
    }
  }

  /** Its owner went on as if it had been, or as if it had not: there is no way on from here. */
  #contradiction(isLost: boolean): BrokerError {
    const what = isLost ? 'what was committed is lost' : 'what was told to have failed is there after all'
    return new BrokerError('storage-failed', `the database ${this.#options.name}: ${what}`)
  }

  #die(error: BrokerError): BrokerError {
    if (this.#dead !== undefined) return this.#dead
    this.#dead = error
    void this.close()
    this.#options.failed(error)
    return error
  }
}

/** The stamp that counts. */
function firstStamp(store: IDBObjectStore): Promise<Stamp | undefined> {
  return promisifyRequest<Stamp | undefined>(store.get(allStamps()))
}

/** Takes a database over by putting a new stamp in the place of what is there. */
async function putStamp(store: IDBObjectStore, name: string): Promise<Stamp> {
  const found = await firstStamp(store)
  if (found === undefined && (await promisifyRequest(store.count())) > 0)
    throw new BrokerError('storage-failed', `the database ${name} is another program's`)
  const stamps = claim(name, found)
  store.delete(allStamps())
  for (const stamp of stamps) store.put(stamp, stampKey(stamp.epoch))
  return stamps[0]
}

/** Takes a database over where there is no room for a stamp: the first one is removed, and the spare behind it counts. */
function useSpare(full: unknown): (store: IDBObjectStore) => Promise<Stamp> {
  return async (store) => {
    const found = await firstStamp(store)
    if (found === undefined) throw full
    store.delete(stampKey(found.epoch))
    const spare = await firstStamp(store)
    if (spare === undefined) throw full
    return spare
  }
}

/** Carries out a transaction: resolves when it is over, rejects with what ended it. */
async function finish<T>(transaction: IDBTransaction, body: (store: IDBObjectStore) => Promise<T>): Promise<T> {
  const over = new Promise<void>((resolve, reject) => {
    transaction.addEventListener('complete', () => resolve())
    transaction.addEventListener('abort', () => reject(transaction.error))
  })
  // Whether it is waited for shows later.
  over.catch(() => {})
  try {
    const result = await body(transaction.objectStore(storeName))
    if (transaction.mode === 'readonly') return result
    transaction.commit()
    await over
    return result
  } catch (error) {
    abort(transaction)
    // What ended the transaction says more than what one of its requests was told.
    throw transaction.error ?? error ?? new Error('the transaction was ended')
  }
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort()
  } catch {
    // It is over.
  }
}
