import type { TableChange } from '@isomq/kernel'
import { get, promisifyRequest, type UseStore } from 'idb-keyval'
import { type Damage, seal, sealBytes, unseal } from './checksum.ts'
import type { Change } from './database.ts'
import { nameOfRow, rowKey, rowsOf } from './keys.ts'

/** Rows that are read at a time. */
const pageSize = 256

/** A change of a table as a change of the database. */
export function putRow(table: string, { key, value }: TableChange): Change {
  if (value === undefined) return { key: rowKey(table, key), value }
  // The caller may go on using his array, which may be a part of a larger one: all of that would be kept.
  const sealed = new Uint8Array(value.length + sealBytes)
  sealed.set(value)
  seal(key, sealed)
  return { key: rowKey(table, key), value: sealed }
}

/** Reads rows. What is damaged is as if it were not there. */
export class RowReader {
  readonly #store: UseStore
  readonly #damage: Damage

  constructor(store: UseStore, damage: Damage) {
    this.#store = store
    this.#damage = damage
  }

  async get(table: string, key: string): Promise<Uint8Array | undefined> {
    const sealed = await get<unknown>(rowKey(table, key), this.#store)
    return sealed === undefined ? undefined : this.#open(table, key, sealed)
  }

  /** The rows whose keys start with `prefix`, in the order of their keys' bytes, page by page. */
  async *scan(table: string, prefix: string): AsyncGenerator<readonly (readonly [key: string, value: Uint8Array])[]> {
    for (let after: IDBValidKey | undefined; ;) {
      const range = rowsOf(table, prefix, after)
      const [keys, values] = await this.#store('readonly', (rows) =>
        Promise.all([
          promisifyRequest(rows.getAllKeys(range, pageSize)),
          promisifyRequest<unknown[]>(rows.getAll(range, pageSize)),
        ]),
      )
      yield keys.flatMap((key, i) => {
        const name = nameOfRow(key)
        const value = this.#open(table, name, values[i])
        return value === undefined ? [] : [[name, value] as const]
      })
      if (keys.length < pageSize) return
      after = keys.at(-1)
    }
  }

  #open(table: string, key: string, sealed: unknown): Uint8Array | undefined {
    const value = unseal(key, sealed)
    if (value === undefined) this.#damage.found(`row ${JSON.stringify(key.slice(0, 100))} of table ${table} is`)
    return value
  }
}
