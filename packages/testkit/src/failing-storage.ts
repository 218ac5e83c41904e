import { type Batch, BrokerError, type ErrorCode, type Log, type Storage, type Table } from '@isomq/kernel'

/** Which calls fail, and how. A call that fails changes nothing. */
export interface Failures {
  /** Asked for every commit, append, write and trim, `n` counting them from 1. Undefined: it succeeds. */
  failCommit?(n: number, batch: Batch): ErrorCode | undefined
  /** Asked for every read, get, range and scan, `n` counting them from 1. Undefined: it succeeds. */
  failRead?(n: number): ErrorCode | undefined
}

/** The same storage on a disk that fails when told to, with a BrokerError of the code told. */
export function failingStorage(storage: Storage, failures: Failures): Storage {
  let commits = 0
  let reads = 0

  const change = <T>(batch: Batch, task: () => Promise<T>): Promise<T> => {
    const n = ++commits
    const code = failures.failCommit?.(n, batch)
    return code === undefined ? task() : Promise.reject(new BrokerError(code, `commit ${n} was made to fail`))
  }
  const readError = (): BrokerError | undefined => {
    const n = ++reads
    const code = failures.failRead?.(n)
    return code === undefined ? undefined : new BrokerError(code, `read ${n} was made to fail`)
  }
  const read = <T>(task: () => Promise<T>): Promise<T> => {
    const error = readError()
    return error === undefined ? task() : Promise.reject(error)
  }

  const log = (name: string, inner: Log): Log => ({
    append: (records) => change({ appends: [{ log: name, records }], writes: [] }, () => inner.append(records)),
    read: (from, options) => read(() => inner.read(from, options)),
    get: (offsets) => read(() => inner.get(offsets)),
    range: () => read(() => inner.range()),
    trim: (before) => change({ appends: [], writes: [] }, () => inner.trim(before)),
  })
  const table = (name: string, inner: Table): Table => ({
    get: (key) => read(() => inner.get(key)),
    write: (changes) => change({ appends: [], writes: [{ table: name, changes }] }, () => inner.write(changes)),
    async *scan(prefix) {
      const error = readError()
      if (error !== undefined) throw error
      yield* inner.scan(prefix)
    },
  })

  return {
    log: (name) => log(name, storage.log(name)),
    table: (name) => table(name, storage.table(name)),
    commit: (batch) => change(batch, () => storage.commit(batch)),
    close: () => storage.close(),
  }
}
