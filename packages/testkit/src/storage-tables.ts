import { encodeUtf8 } from '@isomq/kernel'
import { assert, deepEqual, equal, equalBytes } from './assert.ts'
import type { Case } from './case.ts'
import { holds, storageCase, type StorageHarness } from './storage-harness.ts'
import { sorted } from './sorted.ts'

const value = (text: string): Uint8Array => encodeUtf8(text)

// In UTF-8 the emoji (F0…) comes after U+FFFD (EF BF BD); in UTF-16 its first half (D83D) comes before it.
const keys = ['', '\u0000', ' ', 'A', 'B', 'a', 'a\u0000', 'a/', 'a/b', 'aa', 'b', '~', 'é', 'z\u0301', '\u0800']
keys.push('\ud7ff', '\ue000', '\uff5e', '\ufffd', '\u{10000}', '\u{1f600}', '\u{1f600}a', '\u{10ffff}')
const ordered = sorted(keys, (a, b) => compareBytes(encodeUtf8(a), encodeUtf8(b)))

/** `Table`, sentence by sentence. */
export const storageTables: readonly Case<StorageHarness>[] = [
  storageCase('a table nobody wrote to is empty', async (storage) => {
    equal(await storage.table('none').get('a'), undefined, 'get')
    await holds(storage.table('none'), '', [], 'scan')
  }),

  storageCase('write sets, replaces and deletes', async (storage) => {
    const table = storage.table('a')
    await table.write([
      { key: 'one', value: value('1') },
      { key: 'two', value: value('2') },
    ])
    await holds(
      table,
      '',
      [
        ['one', value('1')],
        ['two', value('2')],
      ],
      'after setting',
    )
    await table.write([
      { key: 'one', value: value('one') },
      { key: 'two', value: undefined },
      { key: 'never there', value: undefined },
    ])
    await holds(table, '', [['one', value('one')]], 'after replacing and deleting')
    equal(await table.get('two'), undefined, 'the deleted key')
    await table.write([{ key: 'two', value: value('again') }])
    await holds(
      table,
      '',
      [
        ['one', value('one')],
        ['two', value('again')],
      ],
      'after setting again',
    )
  }),

  storageCase('within one write the last change of a key counts', async (storage) => {
    const table = storage.table('a')
    await table.write([
      { key: 'x', value: value('1') },
      { key: 'x', value: value('2') },
      { key: 'y', value: value('1') },
      { key: 'y', value: undefined },
      { key: 'z', value: undefined },
      { key: 'z', value: value('3') },
    ])
    await holds(
      table,
      '',
      [
        ['x', value('2')],
        ['z', value('3')],
      ],
      'table',
    )
  }),

  storageCase('values are bytes, any bytes', async (storage) => {
    const table = storage.table('a')
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    const big = new Uint8Array(100_000).fill(0xfe)
    const part = new Uint8Array([1, 2, 3, 4]).subarray(1, 3)
    await table.write([
      { key: 'all', value: all },
      { key: 'big', value: big },
      { key: 'empty', value: new Uint8Array(0) },
      { key: 'part', value: part },
    ])
    await holds(
      table,
      '',
      [
        ['all', all],
        ['big', big],
        ['empty', new Uint8Array(0)],
        ['part', part],
      ],
      'table',
    )
    assert((await table.get('empty')) !== undefined, 'an empty value came back as undefined')
  }),

  storageCase('changing an array that was written or read changes nothing stored', async (storage) => {
    const table = storage.table('a')
    const written = value('abc')
    await table.write([{ key: 'x', value: written }])
    written.fill(0)
    const read = await table.get('x')
    equalBytes(read ?? new Uint8Array(0), value('abc'), 'after changing what was written')
    read?.fill(0)
    for await (const [, scanned] of table.scan('')) scanned.fill(0)
    equalBytes((await table.get('x')) ?? new Uint8Array(0), value('abc'), 'after changing what was read')
  }),

  storageCase('names and keys are plain strings, inherited names included', async (storage) => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const table = storage.table(name)
      for (const key of ['__proto__', 'constructor', 'hasOwnProperty']) {
        equal(await table.get(key), undefined, `${key} before it was set`)
        await table.write([{ key, value: value(name + key) }])
      }
      await holds(
        table,
        '',
        ['__proto__', 'constructor', 'hasOwnProperty'].map((key) => [key, value(name + key)]),
        name,
      )
    }
  }),

  storageCase('scan is ordered by the UTF-8 bytes of the keys', async (storage) => {
    const table = storage.table('a')
    for (const key of keys.map((_, i) => keys[(i * 7) % keys.length] ?? ''))
      await table.write([{ key, value: value(`v${key}`) }])
    await holds(
      table,
      '',
      ordered.map((key) => [key, value(`v${key}`)]),
      'table',
    )
  }),

  storageCase('scan returns the keys with the prefix and no others', async (storage) => {
    const table = storage.table('a')
    await table.write([...ordered, 'b/1', 'b/2', 'b0', 'b.'].map((key) => ({ key, value: value(key) })))
    await holds(
      table,
      'b/',
      [
        ['b/1', value('b/1')],
        ['b/2', value('b/2')],
      ],
      'b/',
    )
    await holds(
      table,
      '\u{1f600}',
      [
        ['\u{1f600}', value('\u{1f600}')],
        ['\u{1f600}a', value('\u{1f600}a')],
      ],
      'a prefix outside the basic plane',
    )
    await holds(table, '\uffff', [], 'a prefix nobody has')
    await holds(table, '\u{10ffff}', [['\u{10ffff}', value('\u{10ffff}')]], 'the last key there can be')
  }),

  storageCase('tables do not touch each other, nor logs of the same name', async (storage) => {
    await storage.table('a').write([{ key: 'x', value: value('1') }])
    await storage.table('b').write([{ key: 'x', value: value('2') }])
    await storage.table('a').write([{ key: 'x', value: undefined }])
    await holds(storage.table('b'), '', [['x', value('2')]], 'the other table')
    deepEqual(await storage.log('a').range(), { start: 0, end: 0 }, 'the log of the same name')
  }),

  storageCase('writes not awaited take effect in call order', async (storage) => {
    const table = storage.table('a')
    await Promise.all(Array.from({ length: 50 }, (_, i) => table.write([{ key: 'x', value: value(`${i}`) }])))
    await holds(table, '', [['x', value('49')]], 'table')
  }),

  storageCase('thousands of keys, set and deleted, stay in order', async (storage) => {
    const table = storage.table('a')
    const keys = Array.from({ length: 3000 }, (_, i) => `k/${String((i * 1237) % 3000).padStart(4, '0')}`)
    await table.write(keys.map((key) => ({ key, value: value(key) })))
    await table.write(keys.filter((key) => !key.endsWith('7')).map((key) => ({ key, value: undefined })))
    const expected = sorted(
      keys.filter((key) => key.endsWith('7')),
      (a, b) => (a < b ? -1 : 1),
    )
    await holds(
      table,
      'k/',
      expected.map((key) => [key, value(key)]),
      'table',
    )
    await holds(table, 'k/0007', [['k/0007', value('k/0007')]], 'one key')
  }),

  storageCase('a scan may be left early', async (storage) => {
    const table = storage.table('a')
    await table.write(['a', 'b', 'c'].map((key) => ({ key, value: value(key) })))
    for await (const [key] of table.scan('')) {
      equal(key, 'a', 'first key')
      break
    }
    await table.write([{ key: 'd', value: value('d') }])
    equalBytes((await table.get('d')) ?? new Uint8Array(0), value('d'), 'a write after it')
  }),
]

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
