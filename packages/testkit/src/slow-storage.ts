import type { Clock, Log, Storage, Table } from '@isomq/kernel'

/** A delay of this many milliseconds on a clock, for `slowStorage`. */
export function delayOn(clock: Clock, milliseconds: number): () => Promise<void> {
  return () => new Promise((resolve) => void clock.timer(milliseconds, () => resolve()))
}

/**
 * The same storage behind a slow disk: every call takes effect one delay after it was made and not before all
 * changes called earlier have; changes wait side by side, as in a group commit. Reads wait as well.
 */
export function slowStorage(storage: Storage, delay: () => Promise<void>): Storage {
  let last: Promise<unknown> = Promise.resolve()

  const change = <T>(task: () => Promise<T>): Promise<T> => {
    const result = Promise.all([last, delay()]).then(task)
    // The next change waits for this one, not for its success.
    last = result.then(nothing, nothing)
    return result
  }
  const read = <T>(task: () => Promise<T>): Promise<T> => delay().then(task)

  const log = (inner: Log): Log => ({
    append: (records) => change(() => inner.append(records)),
    read: (from, options) => read(() => inner.read(from, options)),
    get: (offsets) => read(() => inner.get(offsets)),
    range: () => read(() => inner.range()),
    trim: (before) => change(() => inner.trim(before)),
  })
  const table = (inner: Table): Table => ({
    get: (key) => read(() => inner.get(key)),
    write: (changes) => change(() => inner.write(changes)),
    async *scan(prefix) {
      await delay()
      yield* inner.scan(prefix)
    },
  })

  return {
    log: (name) => log(storage.log(name)),
    table: (name) => table(storage.table(name)),
    commit: (batch) => change(() => storage.commit(batch)),
    close: () => change(() => storage.close()),
  }
}

function nothing(): void {}
