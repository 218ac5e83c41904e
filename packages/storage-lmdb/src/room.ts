import { BrokerError } from '@isomq/kernel'
import { statfsSync } from 'node:fs'
import type { RootDatabase } from 'lmdb'
import type { KeyChange } from './environment.ts'

interface Stats {
  readonly pageSize: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
  readonly lastPageNumber: number
}

/** Bytes of the disk that are left over for what makes room: even that needs some. */
const reserve = 1024 * 1024

/** How long an answer of the file system is good for, milliseconds. */
const validity = 1000

/**
 * Whether there is room for a transaction: on the disk, or in pages of the file that were freed, and within the bound of
 * the storage. A transaction that fails half way on a full disk does no harm, but it is noisy and may leave no room for
 * trimming, which needs some itself.
 */
export class Room {
  readonly #path: string
  readonly #most: number
  /** Free bytes of the disk as far as is known. */
  #free = 0
  #askedAt = -Infinity

  /** `most`: bytes that may be in use. */
  constructor(path: string, most: number) {
    this.#path = path
    this.#most = most
  }

  /** Throws BrokerError `quota-exceeded` when these changes do not fit in. */
  claim(database: RootDatabase<Buffer, Buffer>, changes: readonly KeyChange[]): void {
    const need = sizeOf(changes)
    if (need === 0) return
    const least = need + reserve
    if (this.#most !== Infinity && usedBytes(database).used + need > this.#most)
      throw new BrokerError('quota-exceeded', `${this.#path} holds as much as it may (storage.maxBytes)`)
    if (performance.now() - this.#askedAt >= validity || this.#free < least) this.#ask()
    if (this.#free < least) {
      const { used, file } = usedBytes(database)
      if (this.#free + Math.max(0, file - used) < least)
        throw new BrokerError('quota-exceeded', `${this.#path}: no space left on the disk`)
    }
    this.#free -= need
  }

  /** Asks the file system anew next time. */
  forget(): void {
    this.#askedAt = -Infinity
  }

  #ask(): void {
    const { bavail, bsize } = statfsSync(this.#path)
    this.#free = bavail * bsize
    this.#askedAt = performance.now()
  }
}

/** About the bytes that changes take, whole pages written anew included. Deletions take none. */
function sizeOf(changes: readonly KeyChange[]): number {
  let bytes = 0
  for (const { key, value } of changes) if (value !== undefined) bytes += key.length + value.length + 16
  return bytes === 0 ? 0 : 2 * bytes + 16 * 4096
}

/** Bytes of the pages in use, and of the whole file. */
function usedBytes(database: RootDatabase<Buffer, Buffer>): { readonly used: number; readonly file: number } {
  const stats = database.getStats() as Stats
  const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
  return { used: pages * stats.pageSize, file: (stats.lastPageNumber + 1) * stats.pageSize }
}
