import { memoryStorage } from '@isomq/storage-memory'
import { type Batch, encodeMessage, type Offset, type Storage } from '../src/index.ts'

/** What was asked of a storage since it was last looked at. */
export interface Written {
  readonly commits: number
  readonly records: number
  /** Bytes of these records, encoded. */
  readonly recordBytes: number
  readonly rows: number
  /** Bytes of keys and values of these rows. */
  readonly rowBytes: number
}

const nothing: Written = { commits: 0, records: 0, recordBytes: 0, rows: 0, rowBytes: 0 }

/** A storage that counts what is written to it, and which records are read back one by one. */
export function countingStorage(storage: Storage = memoryStorage()): {
  readonly storage: Storage
  /** What was written since it was last taken. */
  take(): Written
  readonly fetched: Offset[]
} {
  let written = nothing
  const fetched: Offset[] = []
  const count = ({ appends, writes }: Batch): void => {
    const records = appends.flatMap((append) => append.records)
    const rows = writes.flatMap((write) => write.changes)
    const sum = (lengths: readonly number[]): number => lengths.reduce((a, b) => a + b, 0)
    written = {
      commits: written.commits + 1,
      records: written.records + records.length,
      recordBytes: written.recordBytes + sum(records.map((record) => encodeMessage(record).length)),
      rows: written.rows + rows.length,
      rowBytes: written.rowBytes + sum(rows.map(({ key, value }) => key.length + (value?.length ?? 0))),
    }
  }
  return {
    storage: {
      table: (name) => storage.table(name),
      log: (name) => {
        const log = storage.log(name)
        return {
          ...log,
          get: (offsets) => {
            fetched.push(...offsets)
            return log.get(offsets)
          },
        }
      },
      commit: (batch) => {
        count(batch)
        return storage.commit(batch)
      },
      close: () => storage.close(),
    },
    take() {
      const taken = written
      written = nothing
      return taken
    },
    fetched,
  }
}
