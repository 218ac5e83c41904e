// Takes the place of testkit where tests that were written for a storage in memory run over IndexedDB: there the work of a
// turn is not over before the browser has answered.
import { fakeClock, type FakeClock, type FakeHost, fakeHost as plainHost } from '@isomq/testkit'
import { storageWork } from './storage-over-indexeddb.ts'

export * from '@isomq/testkit'

/** A fake host that has also settled what was asked of the storage. */
export function fakeHost(clock: FakeClock = fakeClock()): FakeHost {
  const plain = plainHost(clock)
  const settle = async (): Promise<void> => {
    do await plain.settle()
    while (await storageWork())
  }
  return {
    ...plain,
    settle,
    async advance(milliseconds) {
      const until = clock.now() + milliseconds
      await settle()
      for (let due = clock.next(); due !== undefined && due <= until; due = clock.next()) {
        clock.advance(Math.max(0, due - clock.now()))
        await settle()
      }
      clock.advance(Math.max(0, until - clock.now()))
      await settle()
    },
  }
}
