import { memoryStorage } from '@isomq/storage-memory'
import { expect, test } from 'vitest'
import { createBroker } from '../src/index.ts'
import { keepSettings, keptSettings } from '../src/kept-settings.ts'

const nowhere = 'ws://127.0.0.1:1/mqtt'

test('what stands in later is told how the broker and its bridges were made', async () => {
  const storage = memoryStorage()
  const limits = { maxQueued: Infinity, logBytes: 5 }
  const broker = await createBroker({ storage, limits, sharing: 'sticky', history: ['a/#'] })
  expect(await keptSettings(storage, 'broker')).toEqual({ limits, sharing: 'sticky', history: { filters: ['a/#'] } })
  const bridge = await broker.bridge('b', {
    url: nowhere,
    topics: ['a/# out 1'],
    auth: () => ({ username: 'u' }),
    outbox: { maxBytes: Infinity, ttl: 5 },
    clientId: 'c',
  })
  const kept = {
    url: nowhere,
    login: true,
    topics: ['a/# out 1'],
    outbox: { maxBytes: Infinity, ttl: 5 },
    clientId: 'c',
  }
  await expect.poll(() => keptSettings(storage, 'bridge b')).toEqual(kept)
  await bridge.close({ forget: true })
  await expect.poll(() => keptSettings(storage, 'bridge b')).toBeUndefined()

  // One that is asked for its URL has the last that it said; one that dials by itself has none.
  const asked = await broker.bridge('asked', { url: () => Promise.resolve(new URL(nowhere)), topics: ['a/#'] })
  await expect
    .poll(() => keptSettings(storage, 'bridge asked'))
    .toEqual({ url: nowhere, login: false, topics: ['a/#'] })
  await asked.close()
  await broker.bridge('asked', { dial: () => Promise.reject(new Error('no')), topics: ['a/#'] })
  await expect.poll(() => keptSettings(storage, 'bridge asked')).toBeUndefined()
  await broker.close()
})

test('nothing is written that is there already', async () => {
  const storage = memoryStorage()
  let writes = 0
  const counting = {
    ...storage,
    table(name: string) {
      const table = storage.table(name)
      return {
        get: (key: string) => table.get(key),
        scan: (prefix: string) => table.scan(prefix),
        write: (changes: Parameters<typeof table.write>[0]) => {
          writes++
          return table.write(changes)
        },
      }
    },
  }
  for (const settings of [{ a: 1 }, { a: 1 }, { a: 2 }, undefined, undefined])
    await keepSettings(counting, 'k', settings)
  expect(writes).toBe(3)
})
