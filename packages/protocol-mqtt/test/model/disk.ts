import type { Storage } from '@isomq/kernel'
import { failingStorage, slowStorage } from '@isomq/testkit'

/** The storage of one life of a broker, whose pace, faults and end the test decides. What it wrote outlives it. */
export interface Disk {
  readonly storage: Storage
  /** Calls that wait until the test lets them go on. */
  readonly waiting: number
  /** Of the next changes and reads so many will fail. */
  readonly failing: number
  /** Calls wait from now on, or go on, those that wait included. */
  hold(held: boolean): void
  /** The oldest call that waits takes effect. */
  proceed(): void
  /** So many of the next changes fail, and have no effect. */
  failChanges(count: number): void
  /** So many of the next reads fail. */
  failReads(count: number): void
  /** The power goes. The oldest call that waits takes effect or not, and all behind it do not. */
  cut(applied: boolean): void
}

/** A disk over what is to outlive it. */
export function disk(platter: Storage): Disk {
  let waiting: (() => void)[] = []
  let held = false
  let dead = false
  let changes = 0
  let reads = 0
  const failing = failingStorage(platter, {
    failCommit: () => (changes > 0 && changes-- > 0 ? 'storage-failed' : undefined),
    failRead: () => (reads > 0 && reads-- > 0 ? 'storage-failed' : undefined),
  })
  const delay = (): Promise<void> =>
    held || dead ? new Promise((resolve) => dead || waiting.push(resolve)) : Promise.resolve()

  return {
    storage: slowStorage(failing, delay),
    get waiting() {
      return waiting.length
    },
    get failing() {
      return changes + reads
    },
    hold(on) {
      held = on
      if (!on) for (const go of waiting.splice(0)) go()
    },
    proceed: () => waiting.shift()?.(),
    failChanges(count) {
      changes = count
    },
    failReads(count) {
      reads = count
    },
    cut(applied) {
      dead = true
      if (applied) waiting.shift()?.()
      waiting = []
    },
  }
}
