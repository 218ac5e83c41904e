import { select, storageSuite } from '@isomq/testkit'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type LmdbOptions, lmdbStorage } from '../src/index.ts'

const root = mkdtempSync(join(tmpdir(), 'isomq-lmdb-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let folders = 0
function folder(): string {
  return join(root, String(++folders))
}

const { cases, skipped } = select(storageSuite, { failing: 'a disk that fails on demand is not at hand' })

describe.each<NonNullable<LmdbOptions['durability']>>(['flush', 'os'])(
  'lmdbStorage keeps the contract, durability %s',
  (durability) => {
    for (const each of cases) {
      it(
        each.name,
        async () => {
          const path = folder()
          let storage = lmdbStorage({ path, durability })
          await each.run({
            storage,
            reopen: async () => {
              await storage.close()
              return (storage = lmdbStorage({ path, durability }))
            },
            close: () => storage.close(),
          })
        },
        20_000,
      )
    }
    for (const each of skipped) it.skip(`${each.name} (${each.reason})`)
  },
)

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
})
