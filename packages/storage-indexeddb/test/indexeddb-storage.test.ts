import type { Storage } from '@isomq/kernel'
import { select, slowStorage, type StorageHarness, storageSuite } from '@isomq/testkit'
import { describe, it, vi } from 'vitest'
import { indexedDbStorage, type IndexedDbOptions } from '../src/index.ts'
import { freshName } from './fresh.ts'

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

interface Way {
  readonly name: string
  readonly durability: NonNullable<IndexedDbOptions['durability']>
  readonly wrap: (storage: Storage) => Storage
}
const ways: readonly Way[] = [
  { name: 'durability strict', durability: 'strict', wrap: (storage) => storage },
  { name: 'durability relaxed', durability: 'relaxed', wrap: (storage) => storage },
  { name: 'behind a slow disk', durability: 'strict', wrap: (storage) => slowStorage(storage, turn) },
]

function harnessOf({ durability, wrap }: Way): StorageHarness {
  const name = freshName()
  const storageOf = (): Storage => wrap(indexedDbStorage({ name, durability }))
  let storage = storageOf()
  return {
    storage,
    failure: 'quota-exceeded',
    failNextCommit() {
      vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(() => {
        throw new DOMException('there is no room', 'QuotaExceededError')
      })
    },
    async reopen() {
      await storage.close()
      return (storage = storageOf())
    },
    close: () => storage.close(),
  }
}

describe.each(ways)('indexedDbStorage keeps the contract, $name', (way) => {
  const { cases, skipped } = select(storageSuite)
  for (const each of cases) it(each.name, () => each.run(harnessOf(way)))
  for (const each of skipped) it.skip(`${each.name} (${each.reason})`)
})
