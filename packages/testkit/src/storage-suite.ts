import type { Case } from './case.ts'
import { storageCommits } from './storage-commits.ts'
import type { StorageHarness } from './storage-harness.ts'
import { storageLogs } from './storage-logs.ts'
import { storageRestarts } from './storage-restarts.ts'
import { storageTables } from './storage-tables.ts'
import { storageTrim } from './storage-trim.ts'

/** The contract of `Storage`, `Log` and `Table`, sentence by sentence. Every storage passes all of it. */
export const storageSuite: readonly Case<StorageHarness>[] = [
  ...storageLogs,
  ...storageTrim,
  ...storageTables,
  ...storageCommits,
  ...storageRestarts,
]
