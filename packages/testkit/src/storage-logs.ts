import { encodeUtf8, type Message, type StoredMessage } from '@isomq/kernel'
import { assert, deepEqual, equal, equalBytes } from './assert.ts'
import type { Case } from './case.ts'
import { keeps, message, messages, storageCase, type StorageHarness, textOf } from './storage-harness.ts'

const everything: Message = {
  topic: 'a/ü/😀/ ',
  payload: Uint8Array.from({ length: 256 }, (_, i) => i),
  qos: 2,
  retain: true,
  key: 'key\u0000with zero',
  headers: [
    ['b', '1'],
    ['a', '2'],
    ['b', '1'],
    ['', ''],
    ['__proto__', 'x😀'],
  ],
  contentType: 'text/plain; charset="utf-8"',
  responseTopic: 'answers/1',
  correlationData: new Uint8Array([0, 255, 128, 10, 13]),
  utf8: false,
  publisher: 'client-ä',
  timestamp: 1_800_000_000_123,
  expiresAt: 9_007_199_254_740_991,
  recipient: 'session-1',
}

// Each of these must come back different from the others.
const variants: readonly Message[] = [
  everything,
  message({ utf8: true }),
  message({ utf8: false }),
  message({ utf8: undefined }),
  message({ headers: [] }),
  message({ key: '' }),
  message({ contentType: '', responseTopic: '', correlationData: new Uint8Array(0), recipient: '' }),
  message({ qos: 0, timestamp: 0, expiresAt: 0, publisher: '' }),
  message({ expiresAt: undefined, recipient: undefined, key: undefined, contentType: undefined }),
  message({ payload: new Uint8Array(300_000).fill(0xc3) }),
  message({ payload: new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4) }),
]

const endsIn7 = (record: StoredMessage): boolean => record.message.topic.endsWith('7')

/** `Log`, sentence by sentence, trim apart. */
export const storageLogs: readonly Case<StorageHarness>[] = [
  storageCase('a log nobody wrote to is empty', async (storage) => {
    await keeps(storage.log('none'), 0, [], 'an empty log')
    deepEqual(await storage.log('none').get([0, 1]), [undefined, undefined], 'get')
  }),

  storageCase('append resolves with the first offset; offsets start at 0 and grow by one', async (storage) => {
    const log = storage.log('a')
    equal(await log.append(messages(3)), 0, 'first append')
    equal(await log.append(messages(2, 'm', 3)), 3, 'second append')
    await keeps(log, 0, ['m0', 'm1', 'm2', 'm3', 'm4'], 'after two appends')
  }),

  storageCase('an append of nothing gives the next offset and writes nothing', async (storage) => {
    const log = storage.log('a')
    equal(await log.append([]), 0, 'on an empty log')
    await log.append(messages(2))
    equal(await log.append([]), 2, 'after two records')
    await keeps(log, 0, ['m0', 'm1'], 'after all')
  }),

  storageCase('appends not awaited take effect in call order', async (storage) => {
    const log = storage.log('a')
    const offsets = await Promise.all(messages(50).map((each) => log.append([each])))
    deepEqual(
      offsets,
      offsets.map((_, i) => i),
      'offsets',
    )
    await keeps(
      log,
      0,
      offsets.map((_, i) => `m${i}`),
      'after all',
    )
  }),

  storageCase('logs do not touch each other, whatever their names', async (storage) => {
    const names = ['a', 'A', 'a/b', '', '__proto__', 'constructor', '$sessions', 'ü😀', 'a\u0000b', 'x'.repeat(200)]
    for (const [index, name] of names.entries()) await storage.log(name).append(messages(index + 1, name.slice(0, 1)))
    for (const [index, name] of names.entries()) {
      deepEqual(await storage.log(name).range(), { start: 0, end: index + 1 }, `range of '${name}'`)
    }
  }),

  storageCase('every field of a message comes back, present or not', async (storage) => {
    const log = storage.log('a')
    await log.append(variants)
    const { records } = await log.read(0, { limit: 100 })
    const got = await log.get(variants.map((_, i) => i))
    for (const [index, expected] of variants.entries()) {
      deepEqual(records[index], { offset: index, message: expected }, `record ${index}`)
      deepEqual(got[index], { offset: index, message: expected }, `record ${index}, got`)
    }
  }),

  storageCase('read starts at from and honours limit', async (storage) => {
    const log = storage.log('a')
    await log.append(messages(10))
    const page = await log.read(3, { limit: 4 })
    deepEqual(page.records.map(textOf), ['m3', 'm4', 'm5', 'm6'], 'page')
    equal(page.next, 7, 'next')
    const last = await log.read(page.next, { limit: 4 })
    deepEqual(last.records.map(textOf), ['m7', 'm8', 'm9'], 'last page')
    equal(last.next, 10, 'next at the end')
    const beyond = await log.read(10, { limit: 4 })
    deepEqual(beyond.records, [], 'beyond the end')
    equal(beyond.next, 10, 'next beyond the end')
    await log.append(messages(1, 'n', 10))
    deepEqual((await log.read(beyond.next, { limit: 4 })).records.map(textOf), ['n10'], 'what was appended since')
  }),

  storageCase('read stops once maxBytes are gathered, yet returns at least one record', async (storage) => {
    const log = storage.log('a')
    await log.append(Array.from({ length: 10 }, () => message({ payload: new Uint8Array(100) })))
    const sizes = [
      [0, 1],
      [1, 1],
      [100, 1],
      [101, 2],
      [250, 3],
      [10_000, 10],
    ] as const
    for (const [maxBytes, count] of sizes) {
      const { records, next } = await log.read(0, { limit: 100, maxBytes })
      equal(records.length, count, `records for maxBytes ${maxBytes}`)
      equal(next, count, `next for maxBytes ${maxBytes}`)
    }
    equal((await log.read(0, { limit: 2, maxBytes: 10_000 })).records.length, 2, 'limit together with maxBytes')
  }),

  storageCase('records read together keep apart, short and long', async (storage) => {
    const log = storage.log('a')
    const payloads = [0, 1, 70_000, 40, 300, 0, 65_536, 5].map((length, i) => new Uint8Array(length).fill(i + 1))
    await log.append(payloads.map((payload, i) => message({ topic: `t/${i}`, payload })))
    const { records } = await log.read(0, { limit: 100 })
    equal(records.length, payloads.length, 'records')
    for (const [i, payload] of payloads.entries())
      equalBytes(records[i]?.message.payload ?? new Uint8Array(0), payload, `payload ${i}`)
  }),

  storageCase('read with where returns the records that match and always moves on', async (storage) => {
    const log = storage.log('a')
    await log.append(messages(100))
    const found: (string | undefined)[] = []
    let at = 0
    for (let pages = 0; at < 100; pages++) {
      assert(pages < 100, 'reading on never reached the end')
      const { records, next } = await log.read(at, { limit: 3, where: endsIn7 })
      assert(next > at, `next stood still at ${at}`)
      assert(records.length <= 3, `${records.length} records for limit 3`)
      found.push(...records.map(textOf))
      at = next
    }
    equal(at, 100, 'next at the end')
    deepEqual(
      found,
      Array.from({ length: 10 }, (_, i) => `m${i * 10 + 7}`),
      'found',
    )
  }),

  storageCase('read moves on even when where matches nothing', async (storage) => {
    const log = storage.log('a')
    await log.append(messages(20))
    let at = 0
    while (at < 20) {
      const { records, next } = await log.read(at, { limit: 5, where: () => false })
      equal(records.length, 0, 'records')
      assert(next > at && next <= 20, `next went from ${at} to ${next}`)
      at = next
    }
  }),

  storageCase('where sees the records as they are read, each from its offset', async (storage) => {
    const log = storage.log('a')
    await log.append(messages(6))
    const seen: StoredMessage[] = []
    await log.read(2, { limit: 100, where: (record) => seen.push(record) > 0 })
    deepEqual(
      seen.map((record) => record.offset),
      [2, 3, 4, 5],
      'offsets',
    )
    deepEqual(seen.map(textOf), ['m2', 'm3', 'm4', 'm5'], 'payloads')
  }),

  storageCase('get answers in the order asked, undefined where there is nothing', async (storage) => {
    const log = storage.log('a')
    await log.append(messages(5))
    deepEqual(
      (await log.get([4, 0, 99, 2, 2, 5])).map(textOf),
      ['m4', 'm0', undefined, 'm2', 'm2', undefined],
      'payloads',
    )
    deepEqual(
      (await log.get([4, 0])).map((record) => record?.offset),
      [4, 0],
      'offsets',
    )
    deepEqual(await log.get([]), [], 'nothing asked')
  }),

  storageCase('a log handle is only a name: two see the same log', async (storage) => {
    const before = storage.log('a')
    await storage.log('a').append(messages(2))
    await keeps(before, 0, ['m0', 'm1'], 'an older handle')
    equal(await before.append([message({ payload: encodeUtf8('x') })]), 2, 'append through it')
  }),

  storageCase('thousands of records are kept in order', async (storage) => {
    const log = storage.log('a')
    for (let first = 0; first < 5000; first += 500) await log.append(messages(500, 'm', first))
    deepEqual(await log.range(), { start: 0, end: 5000 }, 'range')
    const { records, next } = await log.read(0, { limit: 10_000 })
    equal(records.length, 5000, 'records')
    equal(next, 5000, 'next')
    for (const [index, record] of records.entries()) {
      equal(record.offset, index, 'offset')
      equal(textOf(record), `m${index}`, 'payload')
    }
    deepEqual((await log.get([4999, 1023, 1024, 1025])).map(textOf), ['m4999', 'm1023', 'm1024', 'm1025'], 'got')
  }),
]
