import { BrokerError } from '@isomq/kernel'
import { storeName } from './keys.ts'
import { gone } from './stamp.ts'

/** How a database is opened. */
export interface ConnectOptions {
  readonly name: string
  /** Milliseconds it may take. */
  readonly timeout: number
  /** Whether it is made where there is none. */
  readonly create: boolean
}

/**
 * Opens a database. Rejects with BrokerError `unavailable` when it takes too long, and `storage-failed` when it is not there
 * or another program's; else with what IndexedDB says. `lost` is called when it was closed by somebody else than its owner.
 */
export function connect({ name, timeout, create }: ConnectOptions, lost: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    if (globalThis.indexedDB === undefined) {
      reject(new BrokerError('storage-failed', 'there is no IndexedDB here'))
      return
    }
    // Without a version it is opened as it is.
    const request = indexedDB.open(name)
    let refusal: BrokerError | undefined
    const timer = setTimeout(() => {
      const text = `the database ${name} could not be opened within ${timeout} ms: another tab may be removing or changing it`
      refusal = new BrokerError('unavailable', text)
      reject(refusal)
    }, timeout)
    request.addEventListener('upgradeneeded', () => {
      if (create && refusal === undefined) {
        request.result.createObjectStore(storeName)
        return
      }
      refusal ??= gone(name)
      request.transaction?.abort()
    })
    request.addEventListener('error', () => {
      clearTimeout(timer)
      reject(refusal ?? request.error)
    })
    request.addEventListener('success', () => {
      clearTimeout(timer)
      const database = request.result
      if (!database.objectStoreNames.contains(storeName))
        refusal ??= new BrokerError('storage-failed', `the database ${name} is another program's`)
      if (refusal !== undefined) {
        database.close()
        reject(refusal)
        return
      }
      database.addEventListener('close', lost)
      // Somebody wants to remove or change it, and waits for us. What is under way is finished first.
      database.addEventListener('versionchange', () => {
        database.close()
        lost()
      })
      resolve(database)
    })
  })
}
