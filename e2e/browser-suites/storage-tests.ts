import { indexedDbStorage } from '@isomq/storage-indexeddb'
import { select, type StorageHarness, storageSuite } from '@isomq/testkit'
import type { Test } from './run-tests.ts'

const durabilities = ['strict', 'relaxed'] as const

/** The contract of a storage, over IndexedDB with either durability. */
export function storageTests(): Test[] {
  const { cases, skipped } = select(storageSuite)
  return durabilities.flatMap((durability) =>
    cases
      .map(({ name, run }): Test => ({ name: `${durability} > ${name}`, run: () => run(harnessOf(durability)) }))
      .concat(skipped),
  )
}

let made = 0

function harnessOf(durability: (typeof durabilities)[number]): StorageHarness {
  const name = `suite-${Date.now()}-${made++}`
  let storage = indexedDbStorage({ name, durability })
  return {
    storage,
    failure: 'quota-exceeded',
    failNextCommit: refuseNextPut,
    async reopen() {
      await storage.close()
      return (storage = indexedDbStorage({ name, durability }))
    },
    async close() {
      await storage.close()
      indexedDB.deleteDatabase(name)
    },
  }
}

/** The next value that is put anywhere is refused, as where the quota is used up. */
function refuseNextPut(): void {
  const { put } = IDBObjectStore.prototype
  IDBObjectStore.prototype.put = () => {
    IDBObjectStore.prototype.put = put
    throw new DOMException('there is no room', 'QuotaExceededError')
  }
}
