import { encodeUtf8, readUtf8, type Storage, type StoredMessage } from '@isomq/kernel'
import { message, messages } from '@isomq/testkit'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { lmdbStorage } from '../src/index.ts'
import { noTinyDisk, tinyDisk, type TinyDisk } from './tiny-disk.ts'

const MiB = 1024 * 1024
const done: (() => unknown)[] = []
afterEach(async () => {
  for (const each of done.splice(0).toReversed()) await each()
})

function opened(path: string, maxBytes?: number): Storage {
  const storage = lmdbStorage({ path, maxBytes })
  done.push(() => storage.close())
  return storage
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'isomq-full-'))
  done.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function textOf(record: StoredMessage | undefined): string | undefined {
  return record && readUtf8(record.message.payload, 0, record.message.payload.length)
}

/** Appends records of 64 KiB until one is refused: how many, and with what. */
async function fillUp(storage: Storage): Promise<{ readonly count: number; readonly code: unknown }> {
  const payload = new Uint8Array(64 * 1024)
  for (let count = 0; ; count++) {
    try {
      await storage.log('a').append([message({ payload })])
    } catch (error) {
      return { count, code: (error as { readonly code?: unknown }).code }
    }
  }
}

describe('a storage that may not grow', () => {
  it('refuses what does not fit with quota-exceeded, and takes it once something was trimmed', async () => {
    const storage = opened(directory(), 16 * MiB)
    const { count, code } = await fillUp(storage)
    expect(code).toBe('quota-exceeded')
    expect(count).toBeGreaterThan(200)
    expect(count).toBeLessThan(256)
    expect((await storage.log('a').range()).end).toBe(count)
    await expect(storage.table('t').write([{ key: 'k', value: new Uint8Array(MiB) }])).rejects.toMatchObject({ code })
    // Deleting is no growth.
    await storage.table('t').write([{ key: 'k', value: undefined }])
    await storage.log('a').trim(100)
    expect((await fillUp(storage)).count).toBeGreaterThan(90)
    const { start, end } = await storage.log('a').range()
    expect([start, (await storage.log('a').get([end - 1]))[0]?.message.payload.length]).toEqual([100, 64 * 1024])
  })

  it('refuses what is too large for it alone, not what is committed in the same turn', async () => {
    const storage = opened(directory(), 16 * MiB)
    const commit = (text: string, payload: Uint8Array): Promise<void> =>
      storage.commit({
        appends: [{ log: 'a', records: [message({ payload })] }],
        writes: [{ table: 't', changes: [{ key: text, value: encodeUtf8(text) }] }],
      })
    const [first, large, last] = await Promise.allSettled([
      commit('first', encodeUtf8('first')),
      commit('large', new Uint8Array(20 * MiB)),
      storage.log('a').append([message({ payload: encodeUtf8('last') })]),
    ])
    expect([first.status, large.status, last]).toEqual(['fulfilled', 'rejected', { status: 'fulfilled', value: 1 }])
    const { records } = await storage.log('a').read(0, { limit: 10 })
    expect(records.map((each) => [each.offset, textOf(each)])).toEqual([
      [0, 'first'],
      [1, 'last'],
    ])
    expect(await storage.table('t').get('large')).toBe(undefined)
  })
})

describe.skipIf(noTinyDisk !== undefined)(`a full disk${noTinyDisk === undefined ? '' : ` (${noTinyDisk})`}`, () => {
  function mounted(mebibytes: number): TinyDisk {
    const disk = tinyDisk(mebibytes)!
    done.push(() => disk.unmount())
    return disk
  }

  it('is told before it is full, so that trimming still works, and what was trimmed is used again', async () => {
    const disk = mounted(8)
    const storage = opened(disk.path)
    const { count, code } = await fillUp(storage)
    expect(code).toBe('quota-exceeded')
    expect(count).toBeGreaterThan(80)
    await storage.log('a').trim(50)
    // The disk has no more room than before: the file has.
    expect((await fillUp(storage)).count).toBeGreaterThan(30)
  })

  it('that fills up behind our back loses nothing, and all goes on when there is space again', async () => {
    const disk = mounted(8)
    const storage = opened(disk.path)
    await storage.log('a').append(messages(3))
    disk.fill()
    const large = { key: 'large', value: new Uint8Array(MiB) }
    for (let i = 0; i < 3; i++) {
      const failed = storage.commit({
        appends: [{ log: 'a', records: messages(2, 'lost') }],
        writes: [{ table: 't', changes: [large] }],
      })
      await expect(failed).rejects.toMatchObject({ code: 'quota-exceeded' })
      expect(await storage.log('a').range()).toEqual({ start: 0, end: 3 })
      expect(await storage.table('t').get('large')).toBe(undefined)
      expect((await storage.log('a').get([0, 1, 2])).map(textOf)).toEqual(['m0', 'm1', 'm2'])
    }
    disk.drain()
    expect(await storage.log('a').append(messages(1, 'm', 3))).toBe(3)
    await storage.table('t').write([large])
    await storage.close()
    const again = opened(disk.path)
    const { records } = await again.log('a').read(0, { limit: 10 })
    expect(records.map(textOf)).toEqual(['m0', 'm1', 'm2', 'm3'])
    expect((await again.table('t').get('large'))?.length).toBe(MiB)
  })
})
