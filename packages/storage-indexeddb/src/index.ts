export { indexedDbStorage, type IndexedDbOptions, type IndexedDbStorage, type Opening } from './indexeddb-storage.ts'
