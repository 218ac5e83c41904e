import type { TableChange } from '@isomq/kernel'
import { SortedKeys } from './sorted-keys.ts'

/** Values up to so many bytes are kept as strings, a character for each byte: a small array takes two hundred bytes more. */
const short = 256

/** The entries of one table. Values are copied in and out: nobody outside holds an array of ours. */
export class Entries {
  readonly #values = new Map<string, Uint8Array | string>()
  readonly #keys = new SortedKeys()

  get(key: string): Uint8Array | undefined {
    const value = this.#values.get(key)
    if (typeof value !== 'string') return value?.slice()
    const bytes = new Uint8Array(value.length)
    for (let i = 0; i < bytes.length; i++) bytes[i] = value.charCodeAt(i)
    return bytes
  }

  write(changes: readonly TableChange[]): void {
    for (const { key, value } of changes) {
      if (value !== undefined) {
        if (!this.#values.has(key)) this.#keys.add(key)
        const isShort = value.length <= short
        this.#values.set(key, isShort ? String.fromCharCode(...value) : Uint8Array.prototype.slice.call(value))
      } else if (this.#values.delete(key)) this.#keys.remove(key)
    }
  }

  /** Keys with the prefix as they are now, in order. */
  keys(prefix: string): readonly string[] {
    return this.#keys.startingWith(prefix)
  }
}
