import type { TableChange } from '@isomq/kernel'
import { get, promisifyRequest, type UseStore } from 'idb-keyval'
import type { Change } from './database.ts'
import { nameOfRow, rowKey, rowsOf } from './keys.ts'

/** Rows that are read at a time. */
const pageSize = 256

/** A change of a table as a change of the database. */
export function putRow(table: string, { key, value }: TableChange): Change {
  // The caller may go on using his array, which may be a part of a larger one: all of that would be kept.
  return { key: rowKey(table, key), value: value && Uint8Array.prototype.slice.call(value) }
}

/** The value of a row. */
export function valueOf(store: UseStore, table: string, key: string): Promise<Uint8Array | undefined> {
  return get<Uint8Array>(rowKey(table, key), store)
}

/** The rows whose keys start with `prefix`, in the order of their keys' bytes, page by page. */
export async function* scanRows(
  store: UseStore,
  table: string,
  prefix: string,
): AsyncGenerator<readonly [key: string, value: Uint8Array][]> {
  for (let after: IDBValidKey | undefined; ;) {
    const range = rowsOf(table, prefix, after)
    const [keys, values] = await store('readonly', (rows) =>
      Promise.all([
        promisifyRequest(rows.getAllKeys(range, pageSize)),
        promisifyRequest<Uint8Array[]>(rows.getAll(range, pageSize)),
      ]),
    )
    yield keys.map((key, i) => [nameOfRow(key), values[i]!])
    if (keys.length < pageSize) return
    after = keys.at(-1)
  }
}
