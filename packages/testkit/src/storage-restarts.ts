import { encodeUtf8, type Storage } from '@isomq/kernel'
import { assert, deepEqual, equal } from './assert.ts'
import type { Case } from './case.ts'
import { holds, keeps, message, messages, pair, storageCase, type StorageHarness } from './storage-harness.ts'

/** What survives a restart: the cases of a storage that has the feature `reopen`. */
export const storageRestarts: readonly Case<StorageHarness>[] = [
  storageCase(
    'logs and tables are there after a restart',
    async (storage, harness) => {
      await storage.commit(pair('a', 'm0', 't', 'x'))
      await storage.log('a').append(messages(3, 'm', 1))
      await storage.table('t').write([{ key: '\u{1f600}', value: new Uint8Array([0, 255]) }])
      const reopened = await reopen(harness)
      await keeps(reopened.log('a'), 0, ['m0', 'm1', 'm2', 'm3'], 'the log')
      const entries = [
        ['x', encodeUtf8('m0')],
        ['\u{1f600}', new Uint8Array([0, 255])],
      ] as const
      await holds(reopened.table('t'), '', entries, 'the table')
      equal(await reopened.log('a').append(messages(1, 'm', 4)), 4, 'offset of the next append')
    },
    'reopen',
  ),

  storageCase(
    'every field of a message survives a restart',
    async (storage, harness) => {
      const sent = message({
        headers: [
          ['a', '1'],
          ['a', '1'],
        ],
        utf8: false,
        correlationData: new Uint8Array([0, 255]),
        key: 'k',
        expiresAt: 1_900_000_000_001,
        recipient: 's',
        payload: Uint8Array.from({ length: 256 }, (_, i) => i),
      })
      await storage.log('a').append([sent, message()])
      const { records } = await (await reopen(harness)).log('a').read(0, { limit: 2 })
      deepEqual(
        records,
        [
          { offset: 0, message: sent },
          { offset: 1, message: message() },
        ],
        'records',
      )
    },
    'reopen',
  ),

  storageCase(
    'a trimmed log keeps its place through a restart',
    async (storage, harness) => {
      await storage.log('a').append(messages(5))
      await storage.log('a').trim(3)
      await storage.log('b').append(messages(2))
      await storage.log('b').trim(2)
      const reopened = await reopen(harness)
      await keeps(reopened.log('a'), 3, ['m3', 'm4'], 'the log')
      await keeps(reopened.log('b'), 2, [], 'the emptied log')
      equal(await reopened.log('b').append(messages(1)), 2, 'offset of the next append to the emptied log')
    },
    'reopen',
  ),

  storageCase(
    'what was begun before close is there after a restart',
    async (storage, harness) => {
      const commits = Array.from({ length: 20 }, (_, i) => storage.commit(pair('a', `m${i}`, 't', `k${i}`)))
      const reopened = await reopen(harness)
      await Promise.all(commits)
      equal((await reopened.log('a').range()).end, 20, 'records')
    },
    'reopen',
  ),
]

async function reopen(harness: StorageHarness): Promise<Storage> {
  assert(harness.reopen !== undefined, 'the harness of a storage with the feature reopen has reopen()')
  return harness.reopen()
}
