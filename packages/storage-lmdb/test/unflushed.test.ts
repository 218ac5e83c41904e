import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lmdbStorage } from '../src/index.ts'
import { markUnflushed } from '../src/unflushed.ts'

let path = ''
let mark = ''
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'isomq-unflushed-'))
  mark = join(path, 'isomq.unflushed')
})
afterEach(() => rmSync(path, { recursive: true, force: true }))

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

async function fill(durability: 'flush' | 'os'): Promise<void> {
  const storage = lmdbStorage({ path, durability })
  await storage.table('t').write([{ key: 'k', value: text('v') }])
  expect(existsSync(mark)).toBe(durability === 'os')
  await storage.close()
}

describe('a directory that is written without flushing', () => {
  it.each(['flush', 'os'] as const)('durability %s: has no mark once it is closed', async (durability) => {
    await fill(durability)
    expect(existsSync(mark)).toBe(false)
  })

  it.each(['flush', 'os'] as const)('is read after its process was killed, durability %s', async (durability) => {
    await fill('os')
    markUnflushed(path)
    const storage = lmdbStorage({ path, durability })
    expect(await storage.table('t').get('k')).toEqual(text('v'))
    expect(existsSync(mark)).toBe(durability === 'os')
    await storage.close()
    expect(existsSync(mark)).toBe(false)
  })

  it.each(['flush', 'os'] as const)('is not touched after the machine went down, durability %s', async (durability) => {
    await fill('os')
    writeFileSync(mark, 'another start of the machine\n')
    // What is left may be anything.
    writeFileSync(join(path, 'data.mdb'), 'x'.repeat(100_000))
    expect(() => lmdbStorage({ path, durability })).toThrow(/the machine went down before all of it was on the disk/)
    expect([existsSync(mark), readdirSync(path).filter((name) => name.endsWith('.pid'))]).toEqual([true, []])
    rmSync(mark)
    rmSync(join(path, 'data.mdb'))
    await fill(durability)
  })
})
