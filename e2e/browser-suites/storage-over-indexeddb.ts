// Takes the place of storage-memory where tests that were written for it run over IndexedDB.
import type { Log, Storage, Table } from '@isomq/kernel'
import { indexedDbStorage } from '@isomq/storage-indexeddb'

let made = 0
const pending = new Set<Promise<unknown>>()

/** Resolves when nothing that any storage was asked for is under way: whether anything was. */
export async function storageWork(): Promise<boolean> {
  if (pending.size === 0) return false
  await Promise.allSettled(pending)
  return true
}

/** A new database. */
export function memoryStorage(): Storage {
  const storage = indexedDbStorage({ name: `test-${Date.now()}-${made++}`, durability: 'relaxed' })
  return {
    log: (name) => watchLog(storage.log(name)),
    table: (name) => watchTable(storage.table(name)),
    commit: (batch) => watch(storage.commit(batch)),
    close: () => watch(storage.close()),
  }
}

function watchLog(log: Log): Log {
  return {
    append: (records) => watch(log.append(records)),
    read: (from, options) => watch(log.read(from, options)),
    get: (offsets) => watch(log.get(offsets)),
    range: () => watch(log.range()),
    trim: (before) => watch(log.trim(before)),
  }
}

function watchTable(table: Table): Table {
  return {
    get: (key) => watch(table.get(key)),
    write: (changes) => watch(table.write(changes)),
    scan: (prefix) => {
      const rows = table.scan(prefix)[Symbol.asyncIterator]()
      return {
        [Symbol.asyncIterator]: () => ({
          next: () => watch(rows.next()),
          return: async () => (await rows.return?.()) ?? { done: true, value: undefined },
        }),
      }
    },
  }
}

function watch<T>(work: Promise<T>): Promise<T> {
  pending.add(work)
  const over = (): void => void pending.delete(work)
  work.then(over, over)
  return work
}
