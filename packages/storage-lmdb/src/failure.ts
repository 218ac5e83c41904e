import { BrokerError } from '@isomq/kernel'

// EDQUOT, EFBIG and ENOSPC as the library passes them on, and MDB_MAP_FULL.
const full = new Set<unknown>([122, 27, 28, -30792])
const fullText = /MDB_MAP_FULL|ENOSPC|EDQUOT|EFBIG|no space left|quota exceeded|file too large/i

/** A failure as the kernel knows it: `quota-exceeded` when there is no room, else `storage-failed`. */
export function failure(error: unknown, path: string): BrokerError {
  if (error instanceof BrokerError) return error
  const text = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const isFull = full.has(code) || fullText.test(text)
  const message = text.includes(path) ? text : `${path}: ${text}`
  return new BrokerError(isFull ? 'quota-exceeded' : 'storage-failed', message, { cause: error })
}
