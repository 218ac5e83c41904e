import {
  type Batch,
  BrokerError,
  type Log,
  type Message,
  type Offset,
  type ReadOptions,
  type Storage,
  type StoredMessage,
  type Table,
  type TableChange,
} from '@isomq/kernel'
import { Entries } from './entries.ts'
import { Records } from './records.ts'

// What is in memory is as durable as it will ever be when the call returns: every commit resolves with this one promise.
const done: Promise<void> = Promise.resolve()

/**
 * A storage that lives and dies with its owner. Changes take effect inside the call. Messages are kept as they are
 * given (they are immutable by contract); table values are copied.
 */
export function memoryStorage(): Storage {
  return new MemoryStorage()
}

class MemoryStorage implements Storage {
  // Maps, not objects: names come from the wire.
  #logs = new Map<string, Records>()
  #tables = new Map<string, Entries>()
  #closed = false

  log(name: string): Log {
    return {
      append: (records) => this.#do(() => this.#append(name, records)),
      read: (from, options) => this.#do(() => this.#read(name, from, options)),
      get: (offsets) => this.#do(() => this.#get(name, offsets)),
      range: () => this.#do(() => this.#range(name)),
      trim: (before) => this.#do(() => this.#logs.get(name)?.trim(before)),
    }
  }

  table(name: string): Table {
    return {
      get: (key) => this.#do(() => this.#tables.get(name)?.get(key)),
      write: (changes) => (this.#closed ? this.#refuse() : this.#write(name, changes)),
      scan: (prefix) => this.#scan(name, prefix),
    }
  }

  commit(batch: Batch): Promise<void> {
    if (this.#closed) return this.#refuse()
    for (const { log, records } of batch.appends) this.#append(log, records)
    for (const { table, changes } of batch.writes) void this.#write(table, changes)
    return done
  }

  close(): Promise<void> {
    this.#closed = true
    this.#logs = new Map()
    this.#tables = new Map()
    return done
  }

  #append(name: string, messages: readonly Message[]): Offset {
    let records = this.#logs.get(name)
    if (records === undefined) {
      if (messages.length === 0) return 0
      this.#logs.set(name, (records = new Records()))
    }
    const first = records.end
    records.append(messages)
    return first
  }

  #write(name: string, changes: readonly TableChange[]): Promise<void> {
    let entries = this.#tables.get(name)
    if (entries === undefined && changes.length > 0) this.#tables.set(name, (entries = new Entries()))
    entries?.write(changes)
    return done
  }

  #read(name: string, from: Offset, options: ReadOptions): { records: readonly StoredMessage[]; next: Offset } {
    return this.#logs.get(name)?.read(from, options) ?? { records: [], next: from }
  }

  #get(name: string, offsets: readonly Offset[]): readonly (StoredMessage | undefined)[] {
    const records = this.#logs.get(name)
    return offsets.map((offset) => records?.get(offset))
  }

  #range(name: string): { start: Offset; end: Offset } {
    const records = this.#logs.get(name)
    return { start: records?.start ?? 0, end: records?.end ?? 0 }
  }

  async *#scan(name: string, prefix: string): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
    if (this.#closed) await this.#refuse()
    // The keys are those of the moment the scan began; what is deleted meanwhile is left out, new values are seen.
    const keys = this.#tables.get(name)?.keys(prefix) ?? []
    for (const key of keys) {
      if (this.#closed) await this.#refuse()
      const value = this.#tables.get(name)?.get(key)
      if (value !== undefined) yield [key, value]
    }
  }

  #do<T>(task: () => T): Promise<T> {
    if (this.#closed) return this.#refuse()
    try {
      return Promise.resolve(task())
    } catch (error) {
      // Only a `where` of the caller can throw.
      return Promise.reject(error)
    }
  }

  #refuse(): Promise<never> {
    return Promise.reject(new BrokerError('storage-failed', 'the storage is closed'))
  }
}
