export { type LmdbOptions, lmdbStorage } from './lmdb-storage.ts'
