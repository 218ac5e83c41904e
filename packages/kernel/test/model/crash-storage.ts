import { type Batch, BrokerError, type Storage } from '../../src/index.ts'

/** A storage whose every commit waits for the test, and whose power can be cut. */
export interface CrashStorage extends Storage {
  /** Batches asked for and not yet answered. */
  readonly pending: number
  /** The oldest batch takes effect and is answered. */
  proceed(): void
  /** The oldest batch is refused and has no effect. */
  refuse(): void
  /** The next records asked for cannot be read. */
  spoilRead(): void
  /** The power goes: the oldest batch has taken effect or not, and nothing is answered any more. */
  cut(applied: boolean): void
}

/** A crash storage over what a disk holds. The disk outlives it. */
export function crashStorage(disk: Storage): CrashStorage {
  const waiting: { readonly batch: Batch; readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
  let dead = false
  let spoiled = false
  const never = new Promise<never>(() => {})
  const alive = <T>(task: () => Promise<T>): Promise<T> => (dead ? never : task())

  return {
    get pending() {
      return waiting.length
    },
    proceed() {
      const first = waiting.shift()
      if (first !== undefined) void disk.commit(first.batch).then(first.resolve)
    },
    refuse() {
      waiting.shift()?.reject(new BrokerError('storage-failed', 'the disk is full'))
    },
    spoilRead() {
      spoiled = true
    },
    cut(applied) {
      dead = true
      const first = waiting.shift()
      if (applied && first !== undefined) void disk.commit(first.batch)
      waiting.length = 0
    },
    commit(batch) {
      if (dead) return never
      return new Promise((resolve, reject) => waiting.push({ batch, resolve, reject }))
    },
    log(name) {
      const log = disk.log(name)
      return {
        append: (records) => alive(() => log.append(records)),
        read: (from, options) => alive(() => log.read(from, options)),
        get: (offsets) =>
          alive(() => {
            if (!spoiled) return log.get(offsets)
            spoiled = false
            return Promise.reject(new BrokerError('storage-failed', 'the records cannot be read'))
          }),
        range: () => alive(() => log.range()),
        trim: (before) => alive(() => log.trim(before)),
      }
    },
    table: (name) => disk.table(name),
    close: () => disk.close(),
  }
}
