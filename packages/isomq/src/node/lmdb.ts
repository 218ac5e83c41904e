import type { Storage } from '@isomq/kernel'
import { lmdbStorage, type LmdbOptions } from '@isomq/storage-lmdb'

/** Logs and tables on disk, in this directory, which is made if it is not there. Throws where it cannot be opened. */
export function lmdb(path: string, options: Omit<LmdbOptions, 'path'> = {}): Storage {
  return lmdbStorage({ ...options, path })
}
