import type { TableChange } from '@isomq/kernel'
import { SortedKeys } from './sorted-keys.ts'

/** The entries of one table. Values are copied in and out: nobody outside holds an array of ours. */
export class Entries {
  readonly #values = new Map<string, Uint8Array>()
  readonly #keys = new SortedKeys()

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key)?.slice()
  }

  write(changes: readonly TableChange[]): void {
    for (const { key, value } of changes) {
      if (value !== undefined) {
        if (!this.#values.has(key)) this.#keys.add(key)
        this.#values.set(key, Uint8Array.prototype.slice.call(value))
      } else if (this.#values.delete(key)) this.#keys.remove(key)
    }
  }

  /** Keys with the prefix as they are now, in order. */
  keys(prefix: string): readonly string[] {
    return this.#keys.startingWith(prefix)
  }
}
