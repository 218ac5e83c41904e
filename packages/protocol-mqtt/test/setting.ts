import { memoryStorage } from '@isomq/storage-memory'
import { fakeClock, fakeHost } from '@isomq/testkit'
import { type Bench, bench, type BenchOptions } from './harness.ts'
import { type Disk, disk } from './model/disk.ts'

/** A broker on a disk whose pace, faults and end the test decides. */
export interface Setting {
  readonly b: Bench
  readonly d: Disk
  /** The power goes and comes back: what waits for the disk is not written. */
  crash(): Promise<Setting>
  /** The broker is stopped in order and started again. */
  restart(): Promise<Setting>
}

/** A setting on what the disk holds, nothing unless given, at a time of day. */
export async function setting(options: BenchOptions = {}, platter = memoryStorage(), now?: number): Promise<Setting> {
  const d = disk(platter)
  const b = await bench({ ...options, storage: d.storage, host: fakeHost(fakeClock(now)) })
  const again = (): Promise<Setting> => setting(options, platter, b.host.clock.now())
  return {
    b,
    d,
    crash() {
      d.cut(false)
      return again()
    },
    async restart() {
      const closed = b.broker.close()
      d.hold(false)
      await b.host.settle()
      await closed
      return again()
    },
  }
}

/** A CONNECT that asks for a session which outlives its connection; `expiry` is seconds. */
export function lasting(clientId: string, expiry: number = 1000): Parameters<Bench['connect']>[0] {
  return { clientId, cleanStart: false, properties: { sessionExpiryInterval: expiry } }
}
