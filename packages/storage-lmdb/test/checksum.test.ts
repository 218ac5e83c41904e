import { type BrokerError, encodeMessage } from '@isomq/kernel'
import { message } from '@isomq/testkit'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import { afterAll, describe, expect, it } from 'vitest'
import { seal, unseal } from '../src/checksum.ts'
import { lmdbStorage } from '../src/index.ts'
import { recordKey, rowKey, startKey } from '../src/keys.ts'

const root = mkdtempSync(join(tmpdir(), 'isomq-checksum-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let folders = 0
const folder = (): string => join(root, String(++folders))
const text = (value: string): Buffer => Buffer.from(value)

/** Opens the database as it is, without what the storage makes of it. */
async function bare(path: string, task: (database: RootDatabase<Buffer, Buffer>) => unknown): Promise<void> {
  const database = open<Buffer, Buffer>({ path, encoding: 'binary', keyEncoding: 'binary', noSubdir: false })
  await task(database)
  await database.close()
}

/** Everything that can be read, and what was told on the way. */
async function readAll(path: string): Promise<{ records: [number, string][]; rows: string[]; told: string[] }> {
  const told: string[] = []
  const damaged = ({ code, message: what }: BrokerError): void => void told.push(`${code}: ${what}`)
  const storage = lmdbStorage({ path, damaged })
  try {
    const log = storage.log('l')
    const { start } = await log.range()
    const { records } = await log.read(start, { limit: 1000 })
    // A second look tells nothing new.
    await log.get([0, 1, 2, 3, 4])
    const rows: string[] = []
    for await (const [key, value] of storage.table('t').scan('')) rows.push(`${key.slice(0, 3)}=${value.length}`)
    return {
      records: records.map(({ offset, message: { topic } }): [number, string] => [offset, topic]),
      rows,
      told,
    }
  } finally {
    await storage.close()
  }
}

/** Five records and three rows. */
async function filled(): Promise<string> {
  const path = folder()
  const storage = lmdbStorage({ path })
  const records = ['a', 'b', 'c', 'd', 'e'].map((topic) => message({ topic, text: `payload-${topic}` }))
  const changes = ['one', 'two', 'x'.repeat(2000)].map((key) => ({ key, value: text(`value-${key.slice(0, 3)}`) }))
  await storage.commit({ appends: [{ log: 'l', records }], writes: [{ table: 't', changes }] })
  await storage.close()
  return path
}

/** Flips one bit of the data file where these bytes are, everywhere they are. */
function flip(path: string, where: string): void {
  const file = join(path, 'data.mdb')
  const bytes = readFileSync(file)
  let found = 0
  for (let at = bytes.indexOf(where); at >= 0; at = bytes.indexOf(where, at + 1), found++) bytes[at]! ^= 1
  expect(found).toBeGreaterThan(0)
  writeFileSync(file, bytes)
}

const letters: [number, string][] = [
  [0, 'a'],
  [1, 'b'],
  [2, 'c'],
  [3, 'd'],
  [4, 'e'],
]

describe('a checksum', () => {
  it('finds any flipped bit of the key, the value and itself', () => {
    const [key, value] = [text('key'), text('some value')]
    const sealed = seal(key, value)
    expect(unseal(key, sealed)?.toString()).toBe('some value')
    for (const bytes of [key, sealed]) {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        bytes[bit >> 3]! ^= 1 << (bit & 7)
        expect(unseal(key, sealed)).toBe(undefined)
        bytes[bit >> 3]! ^= 1 << (bit & 7)
      }
    }
    for (let end = 0; end < sealed.length; end++) expect(unseal(key, sealed.subarray(0, end))).toBe(undefined)
    expect(unseal(key, seal(key, text('')))?.length).toBe(0)
  })
})

describe('a flipped bit in the data file', () => {
  it('costs a record, is told once, and never changes a payload', async () => {
    const path = await filled()
    flip(path, 'payload-c')
    const { records, rows, told } = await readAll(path)
    expect(records).toEqual(letters.filter(([, topic]) => topic !== 'c'))
    expect(rows).toEqual(['one=9', 'two=9', 'xxx=9'])
    expect(told).toEqual(['storage-failed: record 2 of log l is damaged and is passed over; damaged values so far: 1'])
  })

  it.each([
    ['value-two', 'two', ['one=9', 'xxx=9']],
    ['value-xxx', 'x'.repeat(100), ['one=9', 'two=9']],
  ])('costs a row: %s', async (where, key, rest) => {
    const path = await filled()
    flip(path, where)
    const { records, rows, told } = await readAll(path)
    expect([records, rows]).toEqual([letters, rest])
    expect(told).toEqual([
      `storage-failed: row "${key}" of table t is damaged and is passed over; damaged values so far: 1`,
    ])
  })

  it('what is damaged can be written again', async () => {
    const path = await filled()
    flip(path, 'value-two')
    const storage = lmdbStorage({ path })
    expect(await storage.table('t').get('two')).toBe(undefined)
    await storage.table('t').write([{ key: 'two', value: text('new') }])
    await storage.close()
    expect(await readAll(path)).toMatchObject({ rows: ['one=9', 'two=3', 'xxx=9'], told: [] })
  })
})

describe('a record that is missing', () => {
  it('is damage, unless it was trimmed', async () => {
    const path = await filled()
    const storage = lmdbStorage({ path })
    await storage.log('l').trim(2)
    await storage.close()
    await bare(path, (database) => database.remove(recordKey('l', 3)))
    const { records, told } = await readAll(path)
    expect(records).toEqual([letters[2], letters[4]])
    expect(told).toEqual([expect.stringContaining('record 3 of log l')])
  })
})

describe('the beginning of a log that is damaged', () => {
  async function trimmed(before: number): Promise<string> {
    const path = await filled()
    const storage = lmdbStorage({ path })
    await storage.log('l').trim(before)
    await storage.close()
    await bare(path, async (database) => {
      const value = Buffer.from(database.get(startKey('l'))!)
      value[7]! ^= 1
      await database.put(startKey('l'), value)
    })
    return path
  }

  it('is that of its first record', async () => {
    expect((await readAll(await trimmed(2))).records).toEqual(letters.slice(2))
  })

  it('is told where there is none: offsets must not be used again', async () => {
    await expect(readAll(await trimmed(5))).rejects.toThrow(
      'the beginning of log l is damaged, and no record is left that would tell it',
    )
  })
})

describe('a database without checksums, format 1', () => {
  it('is read, and has them from then on', async () => {
    const path = folder()
    const { bytes, whole } = rowKey('t', 'x'.repeat(2000))
    const long = Buffer.concat([Buffer.from([0, 0, 7, 208]), whole!, text('value-xxx')])
    await bare(path, (database) =>
      database.transactionSync(() => {
        database.putSync(Buffer.from([1]), Buffer.from([1]))
        const record = message({ topic: 'a', text: 'payload-a' })
        database.putSync(recordKey('l', 7), Buffer.from(encodeMessage(record)))
        database.putSync(startKey('l'), Buffer.from([0, 0, 0, 0, 0, 0, 0, 7]))
        database.putSync(rowKey('t', 'one').bytes, text('value-one'))
        database.putSync(bytes, long)
      }),
    )
    const whatItWas = { records: [[7, 'a']], rows: ['one=9', 'xxx=9'], told: [] }
    expect(await readAll(path)).toEqual(whatItWas)
    expect(await readAll(path)).toEqual(whatItWas)
    flip(path, 'value-one')
    expect(await readAll(path)).toMatchObject({ rows: ['xxx=9'], told: [expect.stringContaining('row "one"')] })
  })

  // 0 and 3 are also what a flipped bit makes of 2.
  it.each([0, 3])('any other format than 1 and 2 is refused: %i', async (format) => {
    const path = await filled()
    await bare(path, (database) => database.put(Buffer.from([1]), Buffer.from([format])))
    expect(() => lmdbStorage({ path })).toThrow(`was written in format ${format}; this program knows formats up to 2`)
  })
})
