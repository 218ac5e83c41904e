import { encodeUtf8 } from '@isomq/kernel'
import { assert, deepEqual, equal, rejects } from './assert.ts'
import type { Case } from './case.ts'
import { holds, keeps, message, messages, pair, storageCase, type StorageHarness, textOf } from './storage-harness.ts'

const value = (text: string): Uint8Array => encodeUtf8(text)

/** `Storage.commit` and `Storage.close`, sentence by sentence. */
export const storageCommits: readonly Case<StorageHarness>[] = [
  storageCase('one commit changes several logs and tables', async (storage) => {
    await storage.commit({
      appends: [
        { log: 'a', records: messages(2) },
        { log: 'b', records: messages(1, 'b') },
        { log: 'a', records: messages(1, 'm', 2) },
      ],
      writes: [
        { table: 'a', changes: [{ key: 'x', value: value('1') }] },
        {
          table: 'b',
          changes: [
            { key: 'x', value: value('2') },
            { key: 'y', value: undefined },
          ],
        },
        {
          table: 'a',
          changes: [
            { key: 'x', value: value('3') },
            { key: 'z', value: value('4') },
          ],
        },
      ],
    })
    await keeps(storage.log('a'), 0, ['m0', 'm1', 'm2'], 'log a')
    await keeps(storage.log('b'), 0, ['b0'], 'log b')
    await holds(
      storage.table('a'),
      '',
      [
        ['x', value('3')],
        ['z', value('4')],
      ],
      'table a',
    )
    await holds(storage.table('b'), '', [['x', value('2')]], 'table b')
  }),

  storageCase('an empty commit resolves and changes nothing', async (storage) => {
    await storage.commit({ appends: [], writes: [] })
    await storage.commit({ appends: [{ log: 'a', records: [] }], writes: [{ table: 'a', changes: [] }] })
    await keeps(storage.log('a'), 0, [], 'the log')
    await holds(storage.table('a'), '', [], 'the table')
  }),

  storageCase('commits not awaited take effect in call order', async (storage) => {
    await Promise.all(Array.from({ length: 100 }, (_, i) => storage.commit(pair('a', `m${i}`, 't', 'last'))))
    await keeps(
      storage.log('a'),
      0,
      Array.from({ length: 100 }, (_, i) => `m${i}`),
      'the log',
    )
    await holds(storage.table('t'), '', [['last', value('m99')]], 'the table')
  }),

  storageCase('commits resolve in call order', async (storage) => {
    const resolved: number[] = []
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        await storage.commit(pair('a', `m${i}`, 't', `k${i}`))
        resolved.push(i)
      }),
    )
    deepEqual(
      resolved,
      resolved.map((_, i) => i),
      'order',
    )
  }),

  storageCase('commit, append and write keep one order among them', async (storage) => {
    const [, first, , , second] = await Promise.all([
      storage.commit(pair('a', 'm0', 't', 'x')),
      storage.log('a').append([message({ text: 'm1' })]),
      storage.table('t').write([{ key: 'x', value: value('written') }]),
      storage.commit({ appends: [{ log: 'a', records: [message({ text: 'm2' })] }], writes: [] }),
      storage.log('a').append([message({ text: 'm3' })]),
    ])
    equal(first, 1, 'offset of the first append')
    equal(second, 3, 'offset of the second append')
    await keeps(storage.log('a'), 0, ['m0', 'm1', 'm2', 'm3'], 'the log')
    await holds(storage.table('t'), '', [['x', value('written')]], 'the table')
  }),

  storageCase('a reader never sees half a commit', async (storage) => {
    const commits = Array.from({ length: 30 }, () =>
      storage.commit({
        appends: [
          { log: 'a', records: messages(2) },
          { log: 'b', records: messages(2) },
        ],
        writes: [],
      }),
    )
    // A fixed number of looks: waiting for the commits in a loop of microtasks could keep them from ever finishing.
    for (let look = 0; look < 300; look++) {
      // What was seen in b is in a by the time a is asked.
      const b = await storage.log('b').range()
      const a = await storage.log('a').range()
      assert(a.end >= b.end, `log b has ${b.end} records, log a only ${a.end}`)
      equal(b.end % 2, 0, 'records of a half commit')
    }
    await Promise.all(commits)
    equal((await storage.log('a').range()).end, 60, 'records')
  }),

  storageCase('what a commit resolved is there for every later read', async (storage) => {
    for (let n = 0; n < 20; n++) {
      await storage.commit(pair('a', `m${n}`, 't', `k${n}`))
      equal(textOf((await storage.log('a').get([n]))[0]), `m${n}`, 'the record')
      assert((await storage.table('t').get(`k${n}`)) !== undefined, `key k${n} is not there`)
    }
  }),

  storageCase(
    'a commit that fails rejects with a BrokerError and changes nothing; the next one works',
    async (storage, harness) => {
      await storage.commit(pair('a', 'm0', 't', 'x'))
      harness.failNextCommit?.()
      const failed = storage.commit({
        appends: [
          { log: 'a', records: messages(3) },
          { log: 'b', records: messages(1) },
        ],
        writes: [
          {
            table: 't',
            changes: [
              { key: 'x', value: undefined },
              { key: 'y', value: value('y') },
            ],
          },
        ],
      })
      await rejects(failed, harness.failure ?? 'storage-failed', 'the failing commit')
      await keeps(storage.log('a'), 0, ['m0'], 'log a')
      await keeps(storage.log('b'), 0, [], 'log b')
      await holds(storage.table('t'), '', [['x', value('m0')]], 'the table')
      await storage.commit(pair('a', 'm1', 't', 'y'))
      await keeps(storage.log('a'), 0, ['m0', 'm1'], 'log a, later')
    },
    'failing',
  ),

  storageCase('after close every call rejects with storage-failed', async (storage) => {
    const log = storage.log('a')
    const table = storage.table('a')
    await storage.commit(pair('a', 'm0', 'a', 'x'))
    await storage.close()
    const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['commit', () => storage.commit(pair('a', 'm1', 'a', 'y'))],
      ['an empty commit', () => storage.commit({ appends: [], writes: [] })],
      ['append', () => log.append(messages(1))],
      ['read', () => log.read(0, { limit: 1 })],
      ['get', () => log.get([0])],
      ['range', () => log.range()],
      ['trim', () => log.trim(1)],
      ['table get', () => table.get('x')],
      ['write', () => table.write([{ key: 'x', value: undefined }])],
      ['scan', () => table.scan('')[Symbol.asyncIterator]().next()],
      ['append through a new handle', () => storage.log('a').append(messages(1))],
      ['get through a new handle', () => storage.table('a').get('x')],
    ]
    for (const [name, call] of calls) await rejects(call(), 'storage-failed', name)
  }),

  storageCase('close finishes what was begun', async (storage) => {
    const commits = Array.from({ length: 20 }, (_, i) => storage.commit(pair('a', `m${i}`, 't', `k${i}`)))
    const closed = storage.close()
    await Promise.all(commits)
    await closed
  }),
]
