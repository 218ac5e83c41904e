import { message, messages } from '@isomq/testkit'
import { forceCloseDatabase } from 'fake-indexeddb'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { indexedDbStorage } from '../src/index.ts'
import { connections, contents, freshName, meddle, opened, texts } from './fresh.ts'

afterEach(() => void vi.restoreAllMocks())

/** Opens a database as another program would. */
function foreign(name: string, version: number, store?: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, version)
    request.onupgradeneeded = () => void (store !== undefined && request.result.createObjectStore(store))
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(request.error))
  })
}

function remove(name: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name)
    request.addEventListener('success', resolve)
    request.onblocked = () => reject(new Error('a connection is in the way'))
  })
}

describe('opening a database', () => {
  it('tells whether there was anything, and which time it is', async () => {
    const name = freshName()
    for (const epoch of [1, 2, 3]) {
      const storage = await opened({ name })
      expect(await storage.opened).toEqual({ epoch, fresh: epoch === 1 })
      await storage.close()
    }
  })

  it.each([
    ['has no store of ours', 3, 'other', undefined],
    ['has a store of that name and something else in it', 1, 'isomq', 'theirs'],
  ])('of another program that %s is refused, and leaves it as it is', async (_, version, store, value) => {
    const name = freshName()
    const theirs = await foreign(name, version, store)
    if (value !== undefined) await meddle(name, 'k', value)
    const storage = indexedDbStorage({ name })
    const error = { code: 'storage-failed', message: `the database ${name} is another program's` }
    await expect(storage.opened).rejects.toMatchObject(error)
    await expect(storage.log('a').append([message()])).rejects.toMatchObject(error)
    await expect(storage.log('a').range()).rejects.toMatchObject(error)
    await expect(storage.table('t').get('k')).rejects.toMatchObject(error)
    expect(theirs.version).toBe(version)
    if (value !== undefined) expect(await contents(name)).toEqual([['k', value]])
    theirs.close()
    await storage.close()
  })

  it('of a later format is refused, and leaves it as it is', async () => {
    const name = freshName()
    await (await opened({ name })).close()
    await meddle(name, ['stamp', 1], { format: 2, id: 'x', epoch: 1, commits: 0 })
    const before = await contents(name)
    const error = {
      code: 'storage-failed',
      message: `the database ${name} was written in format 2; this program knows formats up to 1`,
    }
    await expect(indexedDbStorage({ name }).opened).rejects.toMatchObject(error)
    expect(await contents(name)).toEqual(before)
  })

  it('that somebody else keeps from being opened gives up after a time, and needs nothing when it comes later', async () => {
    const name = freshName()
    const first = await opened({ name })
    await first.close()
    // Does not let go of it when asked to.
    const stubborn = await foreign(name, 1)
    const upgraded = foreign(name, 2)
    const storage = indexedDbStorage({ name, openTimeout: 50 })
    await expect(storage.log('a').append([message()])).rejects.toMatchObject({ code: 'unavailable' })
    await expect(storage.opened).rejects.toMatchObject({
      message: `the database ${name} could not be opened within 50 ms: another tab may be removing or changing it`,
    })
    stubborn.close()
    ;(await upgraded).close()
    // The connection that came late is closed: it would be in the way.
    await remove(name)
    await storage.close()
  })

  it('says so where there is no IndexedDB, or the browser denies it', async () => {
    const { indexedDB: factory } = globalThis
    try {
      Reflect.deleteProperty(globalThis, 'indexedDB')
      const error = { code: 'storage-failed', message: 'there is no IndexedDB here' }
      await expect(indexedDbStorage({ name: 'x' }).opened).rejects.toMatchObject(error)
    } finally {
      globalThis.indexedDB = factory
    }
    vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => {
      throw new DOMException('not from here', 'SecurityError')
    })
    const error = { code: 'storage-failed', message: 'x: SecurityError: not from here' }
    await expect(indexedDbStorage({ name: 'x' }).opened).rejects.toMatchObject(error)
  })
})

describe('a database that is closed by somebody else', () => {
  it('is let go of when it is to be removed; the storage fails for good, and whoever comes begins anew', async () => {
    const name = freshName()
    const failed = vi.fn()
    const storage = await opened({ name, failed })
    await storage.log('a').append(messages(3))
    await remove(name)
    const error = {
      code: 'storage-failed',
      message: `the database ${name} was removed, by the browser or by hand`,
    }
    for (let i = 0; i < 2; i++) await expect(storage.log('a').append(messages(1))).rejects.toMatchObject(error)
    expect(failed).toHaveBeenCalledOnce()
    // It has not been made anew behind its owner's back.
    expect((await indexedDB.databases()).filter((each) => each.name === name)).toEqual([])
    const again = await opened({ name })
    expect(await again.opened).toMatchObject({ fresh: true })
    expect(await again.log('a').append(messages(1))).toBe(0)
    await again.close()
    await storage.close()
  })

  it('is let go of when a later program changes it, and used again if that leaves the format', async () => {
    const name = freshName()
    const storage = await opened({ name })
    await storage.log('a').append(messages(1))
    const theirs = await foreign(name, 2, 'more')
    theirs.close()
    expect(await storage.log('a').append(messages(1, 'm', 1))).toBe(1)
    await storage.close()
    const again = await opened({ name })
    expect(await texts(again)).toEqual(['m0', 'm1'])
    await again.close()
  })

  it('is opened again when the browser tells, and when it does not', async () => {
    const storage = await opened()
    const used = connections()
    await storage.log('a').append(messages(1))
    forceCloseDatabase(used.last as never)
    expect(await storage.log('a').append(messages(1, 'm', 1))).toBe(1)
    expect(used.count).toBe(2)
    used.last.close()
    const [first, second, read] = await Promise.all([
      storage.log('a').append(messages(1, 'm', 2)),
      storage.log('a').append(messages(1, 'm', 3)),
      storage.table('t').get('k'),
    ])
    expect([first, second, read]).toEqual([2, 3, undefined])
    expect(used.count).toBe(3)
    expect(await texts(storage)).toEqual(['m0', 'm1', 'm2', 'm3'])
    await storage.close()
  })

  it('is opened again once, then the commit is refused; the next one tries anew', async () => {
    const storage = await opened()
    await storage.log('a').append(messages(1))
    const broken = vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(() => {
      throw new DOMException('closing', 'InvalidStateError')
    })
    await expect(storage.log('a').append(messages(1, 'lost'))).rejects.toMatchObject({ code: 'storage-failed' })
    await expect(storage.table('t').get('k')).rejects.toMatchObject({ code: 'storage-failed' })
    broken.mockRestore()
    expect(await storage.log('a').append(messages(1, 'm', 1))).toBe(1)
    expect(await texts(storage)).toEqual(['m0', 'm1'])
    await storage.close()
  })

  it.each([true, false])('in the middle of a commit: it is made once, whether it was there (%s)', async (isThere) => {
    const name = freshName()
    const storage = await opened({ name })
    await storage.log('a').append(messages(1))
    // The transaction is ended, or was carried out and its answer is lost.
    const { commit } = IDBTransaction.prototype
    vi.spyOn(IDBTransaction.prototype, 'commit').mockImplementationOnce(function (this: IDBTransaction) {
      const { dispatchEvent } = this
      if (isThere)
        this.dispatchEvent = (event) =>
          dispatchEvent.call(this, event.type === 'complete' ? Object.assign(event, { type: 'abort' }) : event)
      if (isThere) commit.call(this)
      else this.abort()
      this.db.close()
    })
    expect(await storage.log('a').append(messages(2, 'm', 1))).toBe(1)
    await storage.table('t').write([{ key: 'k', value: new Uint8Array(1) }])
    expect(await texts(storage)).toEqual(['m0', 'm1', 'm2'])
    await storage.close()
    const again = await opened({ name })
    expect(await texts(again)).toEqual(['m0', 'm1', 'm2'])
    await again.close()
  })
})
