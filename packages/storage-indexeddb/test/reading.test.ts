import { message, messages } from '@isomq/testkit'
import { afterEach, expect, it, vi } from 'vitest'
import { connections, freshName, opened } from './fresh.ts'

afterEach(() => void vi.restoreAllMocks())

it('takes one transaction for a page, and no more bytes than it needs to', async () => {
  const name = freshName()
  const first = await opened({ name })
  for (let i = 0; i < 10; i++) await first.log('a').append(messages(10, 'm', i * 10))
  await first.log('large').append(Array.from({ length: 5 }, () => message({ payload: new Uint8Array(3_000_000) })))
  await first.close()
  const storage = await opened({ name })
  const begun = vi.spyOn(IDBDatabase.prototype, 'transaction')
  expect((await storage.log('a').read(5, { limit: 90 })).records.length).toBe(90)
  expect(begun).toHaveBeenCalledTimes(1)
  // What was read or written last is in memory.
  expect((await storage.log('a').read(0, { limit: 100 })).records.length).toBe(100)
  await storage.log('a').append(messages(1))
  expect((await storage.log('a').get([0, 99, 100])).map((each) => each?.offset)).toEqual([0, 99, 100])
  expect(begun).toHaveBeenCalledTimes(2)
  const gets = vi.spyOn(IDBObjectStore.prototype, 'get')
  expect((await storage.log('large').read(0, { limit: 5, maxBytes: 1 })).records.length).toBe(1)
  // Whose the database is, and one value.
  expect(gets).toHaveBeenCalledTimes(2)
  await storage.close()
})

it('begins nothing any more once it is closed', async () => {
  const storage = await opened()
  await storage.log('a').append(messages(10))
  await storage.table('t').write(['a', 'b'].map((key) => ({ key, value: new Uint8Array(1) })))
  const rows = storage.table('t').scan('')[Symbol.asyncIterator]()
  await rows.next()
  const used = connections()
  const reading = [storage.table('t').get('k'), storage.log('a').read(0, { limit: 10 })]
  await storage.close()
  await Promise.allSettled(reading)
  await expect(rows.next()).rejects.toMatchObject({ code: 'storage-failed', message: 'the storage is closed' })
  expect(used.count).toBeLessThanOrEqual(1)
})

it('can be closed before it is open', async () => {
  const name = freshName()
  const storage = (await import('../src/index.ts')).indexedDbStorage({ name })
  const kept = storage.log('a').append(messages(1))
  await storage.close()
  expect(await kept).toBe(0)
  const again = await opened({ name })
  expect(await again.log('a').range()).toEqual({ start: 0, end: 1 })
  await again.close()
})
