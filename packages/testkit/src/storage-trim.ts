import { deepEqual, equal } from './assert.ts'
import type { Case } from './case.ts'
import { keeps, messages, storageCase, type StorageHarness, textOf } from './storage-harness.ts'

/** `Log.trim`. */
export const storageTrim: readonly Case<StorageHarness>[] = [
  storageCase('trim forgets what is below and nothing else', async (storage) => {
    const log = storage.log('a')
    await log.append(messages(10))
    await log.trim(4)
    await keeps(log, 4, ['m4', 'm5', 'm6', 'm7', 'm8', 'm9'], 'after trim')
    deepEqual((await log.get([3, 4, 0])).map(textOf), [undefined, 'm4', undefined], 'get')
  }),

  storageCase('read skips offsets below start', async (storage) => {
    const log = storage.log('a')
    await log.append(messages(10))
    await log.trim(8)
    const { records, next } = await log.read(0, { limit: 1 })
    deepEqual(records.map(textOf), ['m8'], 'records')
    equal(next, 9, 'next')
  }),

  storageCase('offsets are not reused after a trim of everything', async (storage) => {
    const log = storage.log('a')
    await log.append(messages(3))
    await log.trim(3)
    await keeps(log, 3, [], 'after trim')
    equal((await log.read(0, { limit: 5 })).next, 3, 'next')
    equal(await log.append(messages(1, 'n', 3)), 3, 'offset of the next append')
    await keeps(log, 3, ['n3'], 'after the append')
  }),

  storageCase('trim beyond the end forgets what is there and not what comes', async (storage) => {
    const log = storage.log('a')
    await log.append(messages(3))
    await log.trim(1000)
    await keeps(log, 3, [], 'after trim')
    equal(await log.append(messages(2, 'n', 3)), 3, 'offset of the next append')
    await keeps(log, 3, ['n3', 'n4'], 'after the append')
  }),

  storageCase('trim is repeatable and never brings anything back', async (storage) => {
    const log = storage.log('a')
    await log.append(messages(5))
    await log.trim(3)
    await log.trim(3)
    await log.trim(1)
    await log.trim(0)
    await keeps(log, 3, ['m3', 'm4'], 'after all')
  }),

  storageCase('a log nobody wrote to may be trimmed', async (storage) => {
    const log = storage.log('none')
    await log.trim(0)
    await log.trim(10)
    equal(await log.append(messages(1)), 0, 'first offset')
  }),

  storageCase('trim follows the appends called before it', async (storage) => {
    const log = storage.log('a')
    const appended = log.append(messages(5))
    const trimmed = log.trim(2)
    const more = log.append(messages(1, 'm', 5))
    await Promise.all([appended, trimmed, more])
    await keeps(log, 2, ['m2', 'm3', 'm4', 'm5'], 'after all')
  }),

  storageCase('trimming on and on leaves a window that is whole', async (storage) => {
    const log = storage.log('a')
    for (let n = 0; n < 40; n++) {
      await log.append(messages(100, 'm', n * 100))
      await log.trim(n * 100 + 37)
    }
    await keeps(
      log,
      3937,
      Array.from({ length: 63 }, (_, i) => `m${3937 + i}`),
      'the window',
    )
  }),

  storageCase('trim touches its own log only', async (storage) => {
    await storage.log('a').append(messages(3))
    await storage.log('b').append(messages(3))
    await storage.log('a').trim(3)
    await keeps(storage.log('b'), 0, ['m0', 'm1', 'm2'], 'the other log')
  }),
]
