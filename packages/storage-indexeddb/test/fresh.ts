// oxlint-disable-next-line import/no-unassigned-import -- it makes the globals of IndexedDB, which is all it is for
import 'fake-indexeddb/auto'
import type { Storage, StoredMessage } from '@isomq/kernel'
import { promisifyRequest } from 'idb-keyval'
import { vi } from 'vitest'
import { indexedDbStorage, type IndexedDbOptions, type IndexedDbStorage } from '../src/index.ts'

let made = 0

/** The name of a database that no other test has. */
export function freshName(): string {
  return `isomq-test-${++made}`
}

/** A storage whose database is open. */
export async function opened(options: Partial<IndexedDbOptions> = {}): Promise<IndexedDbStorage> {
  const storage = indexedDbStorage({ name: freshName(), ...options })
  await storage.opened
  return storage
}

/** Everything in a database, as anybody may see it. */
export async function contents(name: string): Promise<(readonly [key: readonly unknown[], value: unknown])[]> {
  const database = await promisifyRequest<IDBDatabase>(indexedDB.open(name) as IDBRequest<IDBDatabase>)
  try {
    const store = database.transaction('isomq').objectStore('isomq')
    const [keys, values] = await Promise.all([
      promisifyRequest(store.getAllKeys()),
      promisifyRequest<unknown[]>(store.getAll()),
    ])
    return keys.map((key, i) => [key as readonly unknown[], values[i]])
  } finally {
    database.close()
  }
}

/** Puts a value into a database, or removes it, behind the back of whoever uses it. */
export async function meddle(name: string, key: IDBValidKey, value?: unknown): Promise<void> {
  const database = await promisifyRequest<IDBDatabase>(indexedDB.open(name) as IDBRequest<IDBDatabase>)
  const transaction = database.transaction('isomq', 'readwrite')
  const store = transaction.objectStore('isomq')
  if (value === undefined) store.delete(key)
  else store.put(value, key)
  await promisifyRequest(transaction)
  database.close()
}

/** The connection that was used last. */
export function connections(): { readonly last: IDBDatabase; readonly count: number } {
  const spy = vi.spyOn(IDBDatabase.prototype, 'transaction')
  return {
    get last() {
      return spy.mock.contexts.at(-1) as IDBDatabase
    },
    get count() {
      return new Set(spy.mock.contexts).size
    },
  }
}

/** The payloads of a log as text. */
export async function texts(storage: Storage, log: string = 'a'): Promise<(string | undefined)[]> {
  const { records } = await storage.log(log).read(0, { limit: 100_000 })
  return records.map(textOf)
}

export function textOf(record: StoredMessage | undefined): string | undefined {
  return record && new TextDecoder().decode(record.message.payload)
}
