import { byteText, longestByteText, type TableChange, textBytes } from '@isomq/kernel'
import { SortedKeys } from './sorted-keys.ts'

/** The entries of one table. Values are copied in and out: nobody outside holds an array of ours. */
export class Entries {
  readonly #values = new Map<string, Uint8Array | string>()
  readonly #keys = new SortedKeys()

  get(key: string): Uint8Array | undefined {
    const value = this.#values.get(key)
    return typeof value === 'string' ? textBytes(value) : value?.slice()
  }

  write(changes: readonly TableChange[]): void {
    for (const { key, value } of changes) {
      if (value !== undefined) {
        if (!this.#values.has(key)) this.#keys.add(key)
        const isShort = value.length <= longestByteText
        this.#values.set(key, isShort ? byteText(value) : Uint8Array.prototype.slice.call(value))
      } else if (this.#values.delete(key)) this.#keys.remove(key)
    }
  }

  /** Keys with the prefix as they are now, in order. */
  keys(prefix: string): readonly string[] {
    return this.#keys.startingWith(prefix)
  }
}
