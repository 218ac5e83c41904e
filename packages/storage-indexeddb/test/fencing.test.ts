import { message, messages } from '@isomq/testkit'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { indexedDbStorage } from '../src/index.ts'
import { freshName, meddle, opened, texts } from './fresh.ts'

afterEach(() => void vi.restoreAllMocks())

const takenOver = (name: string): object => ({
  code: 'storage-failed',
  message: `another host has taken over the database ${name}`,
})

describe('of two that have a database open', () => {
  it('only the later one can do anything; the earlier one is told, once', async () => {
    const name = freshName()
    const failed = vi.fn()
    const earlier = await opened({ name, failed })
    await earlier.log('a').append(messages(2))
    const later = await opened({ name })
    expect(await earlier.opened).toEqual({ epoch: 1, fresh: true })
    expect(await later.opened).toEqual({ epoch: 2, fresh: false })
    await expect(earlier.log('a').append(messages(1, 'lost'))).rejects.toMatchObject(takenOver(name))
    await expect(earlier.table('t').get('k')).rejects.toMatchObject(takenOver(name))
    await expect(earlier.table('t').scan('')[Symbol.asyncIterator]().next()).rejects.toMatchObject(takenOver(name))
    await expect(earlier.log('a').trim(1)).rejects.toMatchObject(takenOver(name))
    expect(failed.mock.calls).toEqual([[expect.objectContaining(takenOver(name))]])
    expect(await later.log('a').append(messages(1, 'm', 2))).toBe(2)
    expect(await texts(later)).toEqual(['m0', 'm1', 'm2'])
    await earlier.close()
    await later.close()
  })

  it('whatever was under way when it was taken over is there or was refused, and nothing came after', async () => {
    for (let turns = 0; turns < 40; turns++) {
      const name = freshName()
      const earlier = await opened({ name })
      const kept: string[] = []
      const commits = Array.from({ length: 30 }, async (_, i) => {
        for (let turn = 0; turn < i; turn++) await new Promise((resolve) => void setImmediate(resolve))
        await earlier.log('a').append([message({ text: `m${i}` })])
        kept.push(`m${i}`)
      })
      const settled = Promise.allSettled(commits)
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => void setImmediate(resolve))
      const later = await opened({ name })
      const { end } = await later.log('a').range()
      await later.log('a').append([message({ text: 'later' })])
      await settled
      expect(await texts(later)).toEqual([...kept, 'later'])
      expect(end).toBe(kept.length)
      await earlier.close()
      await later.close()
    }
  })

  it('that open it at once each have an epoch of their own, and the last one has the database', async () => {
    const name = freshName()
    const rivals = Array.from({ length: 5 }, () => indexedDbStorage({ name }))
    const results = await Promise.allSettled(rivals.map((each, i) => each.log('a').append([message({ text: `${i}` })])))
    const last = rivals.at(-1)!
    expect(results.at(-1)!.status).toBe('fulfilled')
    expect((await last.opened).epoch).toBe(5)
    const there = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [`${i}`] : []))
    expect((await texts(last)).toSorted()).toEqual(there)
    for (const each of rivals) await each.close()
  })

  it('the earlier one is not fooled when the database was removed and made again', async () => {
    const name = freshName()
    const earlier = await opened({ name })
    await new Promise((resolve) => {
      indexedDB.deleteDatabase(name).onsuccess = resolve
    })
    const later = await opened({ name })
    expect(await later.opened).toEqual({ epoch: 1, fresh: true })
    await expect(earlier.log('a').append(messages(1))).rejects.toMatchObject({
      code: 'storage-failed',
      message: `the database ${name} was removed, by the browser or by hand`,
    })
    expect(await later.log('a').range()).toEqual({ start: 0, end: 0 })
    await later.close()
    await earlier.close()
  })

  it('closing the earlier one does the later one no harm', async () => {
    const name = freshName()
    const earlier = await opened({ name })
    const later = await opened({ name })
    await earlier.close()
    await later.log('a').append(messages(1))
    await later.close()
  })

  it('nobody writes on when the database is not what it was told it was', async () => {
    const stamp = { format: 1, id: '', epoch: 1, commits: 0 }
    for (const [commits, text] of [
      [7, 'what was told to have failed is there after all'],
      [0, 'what was committed is lost'],
    ] as const) {
      const name = freshName()
      const storage = await opened({ name })
      await storage.log('a').append(messages(1))
      const put = vi.spyOn(IDBObjectStore.prototype, 'put')
      await storage.log('a').append(messages(1))
      const { id } = put.mock.calls.at(-1)![0] as typeof stamp
      await meddle(name, ['stamp', 1], { ...stamp, id, commits })
      const error = { code: 'storage-failed', message: `the database ${name}: ${text}` }
      await expect(storage.log('a').append(messages(1))).rejects.toMatchObject(error)
      await expect(storage.table('t').get('k')).rejects.toMatchObject(error)
      await storage.close()
    }
  })
})
