import { encodeUtf8 } from '@isomq/kernel'
import { message, messages } from '@isomq/testkit'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { freshName, opened, texts } from './fresh.ts'

afterEach(() => void vi.restoreAllMocks())

/** From now on values that are put are refused, until the returned function is called; removing is not. `least`: only those of so many bytes. */
function fill(where: 'at the value' | 'at the end', least: number = 0): () => void {
  const { put } = IDBObjectStore.prototype
  const { commit } = IDBTransaction.prototype
  const full = new WeakSet<IDBTransaction>()
  const error = (): DOMException => new DOMException('', 'QuotaExceededError')
  const puts = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
    this: IDBObjectStore,
    value,
    key,
  ) {
    if (value instanceof Uint8Array ? value.length < least : least > 0) return put.call(this, value, key)
    full.add(this.transaction)
    if (where === 'at the value') throw error()
    return put.call(this, value, key)
  })
  const commits = vi.spyOn(IDBTransaction.prototype, 'commit').mockImplementation(function (this: IDBTransaction) {
    if (!full.has(this)) return commit.call(this)
    this.abort()
    Object.defineProperty(this, 'error', { value: error() })
  })
  return () => {
    puts.mockRestore()
    commits.mockRestore()
  }
}

describe.each(['at the value', 'at the end'] as const)('no room, told %s', (where) => {
  it('is a refusal that changes nothing, and all goes on when there is room again', async () => {
    const name = freshName()
    const storage = await opened({ name })
    await storage.log('a').append(messages(2))
    const empty = fill(where)
    for (let i = 0; i < 3; i++) {
      const refused = storage.commit({
        appends: [{ log: 'a', records: messages(2, 'lost') }],
        writes: [{ table: 't', changes: [{ key: 'k', value: encodeUtf8('lost') }] }],
      })
      await expect(refused).rejects.toMatchObject({ code: 'quota-exceeded', message: `${name}: QuotaExceededError` })
      expect(await storage.log('a').range()).toEqual({ start: 0, end: 2 })
      expect(await storage.table('t').get('k')).toBe(undefined)
    }
    empty()
    expect(await storage.log('a').append(messages(1, 'm', 2))).toBe(2)
    expect(await texts(storage)).toEqual(['m0', 'm1', 'm2'])
    await storage.close()
    const again = await opened({ name })
    expect(await texts(again)).toEqual(['m0', 'm1', 'm2'])
    await again.close()
  })

  it('for one commit is none for those beside it', async () => {
    const storage = await opened()
    const empty = fill(where, 1000)
    const [first, large, last] = await Promise.allSettled([
      storage.log('a').append([message({ text: 'first' })]),
      storage.commit({
        appends: [{ log: 'a', records: [message({ text: 'x'.repeat(1000) })] }],
        writes: [{ table: 't', changes: [{ key: 'k', value: new Uint8Array(1) }] }],
      }),
      storage.log('a').append([message({ text: 'last' })]),
    ])
    expect([first, large.status, last]).toEqual([
      { status: 'fulfilled', value: 0 },
      'rejected',
      { status: 'fulfilled', value: 1 },
    ])
    expect(await texts(storage)).toEqual(['first', 'last'])
    expect(await storage.table('t').get('k')).toBe(undefined)
    empty()
    await storage.close()
  })

  it('keeps a trim from nothing but the last word: whole values go, and the offsets are never used again', async () => {
    const name = freshName()
    const storage = await opened({ name })
    for (let i = 0; i < 5; i++) await storage.log('a').append(messages(10, 'm', i * 10))
    const empty = fill(where)
    await expect(storage.log('a').trim(25)).rejects.toMatchObject({ code: 'quota-exceeded' })
    expect(await storage.log('a').range()).toEqual({ start: 20, end: 50 })
    await expect(storage.log('a').trim(50)).rejects.toMatchObject({ code: 'quota-exceeded' })
    expect(await storage.log('a').range()).toEqual({ start: 40, end: 50 })
    expect(await storage.log('a').get([39, 40])).toMatchObject([undefined, { offset: 40 }])
    await storage.close()
    const again = await opened({ name })
    expect(await again.log('a').range()).toEqual({ start: 40, end: 50 })
    empty()
    await again.log('a').trim(50)
    expect(await again.log('a').append(messages(1))).toBe(50)
    await again.close()
  })

  it('keeps nobody from opening a database that is there, and from being the only one who has it', async () => {
    const name = freshName()
    const first = await opened({ name })
    await first.log('a').append(messages(2))
    const empty = fill(where)
    const second = await opened({ name })
    expect(await second.opened).toEqual({ epoch: 2, fresh: false })
    const third = await opened({ name })
    expect(await third.opened).toEqual({ epoch: 3, fresh: false })
    for (const each of [first, second])
      await expect(each.table('t').get('k')).rejects.toMatchObject({ code: 'storage-failed' })
    expect(await texts(third)).toEqual(['m0', 'm1'])
    await expect(third.log('a').append(messages(1))).rejects.toMatchObject({ code: 'quota-exceeded' })
    empty()
    expect(await third.log('a').append(messages(1, 'm', 2))).toBe(2)
    const fourth = await opened({ name })
    expect(await fourth.opened).toEqual({ epoch: 4, fresh: false })
    expect(await texts(fourth)).toEqual(['m0', 'm1', 'm2'])
    for (const each of [first, second, third, fourth]) await each.close()
  })

  it('is told when not even that is possible any more', async () => {
    const name = freshName()
    await (await opened({ name })).close()
    const empty = fill(where)
    for (let i = 0; i < 8; i++) await (await opened({ name })).close()
    await expect(opened({ name })).rejects.toMatchObject({ code: 'quota-exceeded' })
    await expect(opened()).rejects.toMatchObject({ code: 'quota-exceeded' })
    empty()
    const storage = await opened({ name })
    expect((await storage.opened).epoch).toBe(10)
    await storage.close()
  })
})
