import { indexedDbStorage, type IndexedDbOptions, type IndexedDbStorage } from '@isomq/storage-indexeddb'

/**
 * Logs and tables in the IndexedDB database of this name, in a page or a worker. It belongs to the tab that opened it
 * last: the storage of another then fails.
 */
export function idb(name: string, options: Omit<IndexedDbOptions, 'name'> = {}): IndexedDbStorage {
  return indexedDbStorage({ ...options, name })
}
