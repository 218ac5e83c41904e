import type { Storage } from '@isomq/kernel'
import { message, select, slowStorage, type StorageHarness, storageSuite } from '@isomq/testkit'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { type LmdbOptions, lmdbStorage } from '../src/index.ts'
import { noTinyDisk, tinyDisk } from './tiny-disk.ts'

const root = mkdtempSync(join(tmpdir(), 'isomq-lmdb-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

afterEach(() => void vi.restoreAllMocks())

let folders = 0
function folder(): string {
  return join(root, String(++folders))
}

const { cases, skipped } = select(storageSuite, noTinyDisk === undefined ? {} : { failing: noTinyDisk })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

let passed = 0
const { now } = performance

/** So many milliseconds go by. */
function later(milliseconds: number): void {
  passed += milliseconds
  vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + passed)
}

interface Way {
  readonly name: string
  readonly durability: NonNullable<LmdbOptions['durability']>
  readonly wrap: (storage: Storage) => Storage
}
const ways: readonly Way[] = [
  { name: 'durability flush', durability: 'flush', wrap: (storage) => storage },
  { name: 'durability os', durability: 'os', wrap: (storage) => storage },
  { name: 'behind a slow disk', durability: 'flush', wrap: (storage) => slowStorage(storage, turn) },
]

/** A harness on a disk that is full for one commit, where the case wants that. */
function harnessOf({ durability, wrap }: Way, failing: boolean): StorageHarness {
  const disk = failing ? tinyDisk(8) : undefined
  const path = disk?.path ?? folder()
  const storageOf = (): Storage => wrap(fullOnce(lmdbStorage({ path, durability })))
  let full = false
  const fullOnce = (inner: Storage): Storage => ({
    log: (name) => inner.log(name),
    table: (name) => inner.table(name),
    async commit(batch) {
      if (full) disk?.fill()
      full = false
      await inner.commit(batch).finally(() => disk?.drain())
    },
    close: () => inner.close(),
  })
  let storage = storageOf()
  return {
    storage,
    failure: 'quota-exceeded',
    failNextCommit: () => void (full = true),
    reopen: async () => {
      await storage.close()
      return (storage = storageOf())
    },
    async close() {
      await storage.close()
      disk?.unmount()
    },
  }
}

describe.each(ways)('lmdbStorage keeps the contract, $name', (way) => {
  for (const each of cases)
    it(each.name, () => each.run(harnessOf(way, each.needs?.includes('failing') === true)), 20_000)
  for (const each of skipped) it.skip(`${each.name} (${each.reason})`)
})

describe('lmdbStorage', () => {
  it('keeps its directory from other users', async () => {
    const path = folder()
    const storage = lmdbStorage({ path })
    await storage.close()
    expect(statSync(path).mode & 0o077).toBe(0)
  })

  it('keeps keys of any length apart and in order, also those that begin alike', async () => {
    const path = folder()
    const storage = lmdbStorage({ path })
    const keys = [
      'a',
      'x'.repeat(1500),
      `${'x'.repeat(1500)}b`,
      `${'x'.repeat(1500)}a`,
      `${'x'.repeat(60_000)}ä`,
      'x'.repeat(1501),
      'y',
    ]
    await storage.table('t').write(keys.map((key) => ({ key, value: new TextEncoder().encode(key.slice(-3)) })))
    const seen: string[] = []
    for await (const [key, value] of storage.table('t').scan('')) {
      seen.push(key)
      expect(new TextDecoder().decode(value)).toBe(key.slice(-3))
    }
    expect(seen).toEqual(keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
    const long: string[] = []
    for await (const [key] of storage.table('t').scan('x'.repeat(1501))) long.push(key)
    expect(long).toEqual(['x'.repeat(1501), `${'x'.repeat(60_000)}ä`])
    await storage.table('t').write([{ key: `${'x'.repeat(1500)}b`, value: undefined }])
    expect(await storage.table('t').get(`${'x'.repeat(1500)}b`)).toBe(undefined)
    expect(await storage.table('t').get(`${'x'.repeat(1500)}a`)).not.toBe(undefined)
    await storage.close()
  })

  it('says what is wrong with a directory it cannot use', () => {
    expect(() => lmdbStorage({ path: '/dev/null/x' })).toThrow(/ENOTDIR/)
  })

  it('keeps values as large as packets may be', async () => {
    const storage = lmdbStorage({ path: folder() })
    const payload = new Uint8Array(64 * 1024 * 1024).fill(7)
    await storage.log('a').append([message({ payload }), message({ text: 'small' })])
    const [large, small] = await storage.log('a').get([0, 1])
    expect(Buffer.compare(large!.message.payload, payload)).toBe(0)
    expect(small?.message.payload.length).toBe(5)
    // What is handed out is nobody else's: it may be kept, and pins nothing larger than itself.
    expect(small!.message.payload.buffer.byteLength).toBeLessThan(1000)
    await storage.close()
  }, 20_000)

  it('scans more rows than it reads at a time, also those that come while it scans', async () => {
    const storage = lmdbStorage({ path: folder() })
    const table = storage.table('t')
    const keys = Array.from({ length: 1000 }, (_, i) => String(i).padStart(4, '0'))
    await table.write(keys.map((key) => ({ key, value: new Uint8Array(1) })))
    const seen: string[] = []
    for await (const [key] of table.scan('')) {
      seen.push(key)
      if (seen.length === 1) await table.write([{ key: '9999', value: new Uint8Array(1) }])
    }
    expect(seen).toEqual([...keys, '9999'])
    await storage.close()
  })

  it('goes on for long, whatever was committed in between', async () => {
    const storage = lmdbStorage({ path: folder() })
    for (let i = 0; i < 20; i++) {
      // A second later it looks whether anybody else has written here.
      later(2000)
      await storage.table('t').write([{ key: 'never there', value: undefined }])
      await storage.table('t').write([{ key: 'k', value: i % 2 === 0 ? new Uint8Array(1) : undefined }])
      await storage.log('a').trim(10)
    }
    await storage.close()
  })

  it('stops when somebody else writes there, whatever kept them from being kept out', async () => {
    const path = folder()
    const storage = lmdbStorage({ path })
    for (const name of readdirSync(path)) if (name.endsWith('.pid')) rmSync(join(path, name))
    const rival = lmdbStorage({ path })
    await rival.table('t').write([{ key: 'k', value: new Uint8Array(1) }])
    later(2000)
    await expect(storage.log('a').append([message()])).rejects.toMatchObject({
      code: 'storage-failed',
      message: `${path} was written by another process while this one used it`,
    })
    await expect(storage.table('t').get('k')).rejects.toMatchObject({ code: 'storage-failed' })
    await storage.close()
    await rival.close()
  })

  it('closes behind a trim that was begun', async () => {
    const path = folder()
    const storage = lmdbStorage({ path })
    const log = storage.log('a')
    await log.append(Array.from({ length: 10_000 }, () => message()))
    const trimmed = log.trim(9000)
    await storage.close()
    await trimmed
    const again = lmdbStorage({ path })
    expect(await again.log('a').range()).toEqual({ start: 9000, end: 10_000 })
    await again.close()
  }, 20_000)
})
