import { createBridge, type Login } from '@isomq/bridge'
import { BrokerError, createBroker } from '@isomq/kernel'
import { indexedDbStorage } from '@isomq/storage-indexeddb'
import { dial } from '#dial'
import { platformHost } from './host.ts'
import { bridgeKey, type KeptBridge, type KeptBroker, keptSettings } from './kept-settings.ts'

/** How an outbox is drained. */
export interface DrainOptions {
  /** Milliseconds it may take. Default 25,000: a browser lets a service worker work for about 30 s at a time. */
  readonly timeout?: number | undefined
  /** As that of the bridge; needed where that has one. */
  readonly auth?: (() => Login | Promise<Login>) | undefined
  /** Told of faults. Default: `console.error`. */
  readonly report?: ((error: unknown, context: string) => void) | undefined
}

/** What became of it. */
export interface Drained {
  /** `drained`: nothing is left. `hosted`: a page or worker has the broker, and sends by itself. `nothing`: there is no such outbox. */
  readonly status: 'drained' | 'hosted' | 'nothing'
  /** Messages that the other broker has taken over. */
  readonly sent: number
}

const underWay = new Map<string, Promise<Drained>>()

/**
 * Sends what waits for a bridge in the IndexedDB database of a broker, in a service worker, while nobody hosts that broker.
 * Leaves at once when somebody comes. Calls while it is under way are one with it. Rejects when something is left: with
 * BrokerError `timeout`, or as the storage does; with TypeError where the bridge logs in and `auth` is not given, or was not
 * made with a `url`.
 */
export function drainOutbox(database: string, bridge: string, options: DrainOptions = {}): Promise<Drained> {
  const key = JSON.stringify([database, bridge])
  let drain = underWay.get(key)
  if (drain === undefined) {
    drain = standIn(database, bridge, options).finally(() => underWay.delete(key))
    underWay.set(key, drain)
  }
  return drain
}

async function standIn(database: string, name: string, options: DrainOptions): Promise<Drained> {
  if (!(await exists(database))) return { status: 'nothing', sent: 0 }
  let isWanted = false
  let leave = (): void => {}
  const wanted = (): void => {
    isWanted = true
    leave()
  }
  // Whoever takes it over without having called is a host as well.
  const storage = indexedDbStorage({ name: database, standIn: { wanted }, failed: wanted })
  try {
    await storage.opened
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'unavailable') return { status: 'hosted', sent: 0 }
    throw error
  }
  let sent = 0
  try {
    const settings = await keptSettings<KeptBridge>(storage, bridgeKey(name))
    if (settings === undefined) return { status: 'nothing', sent }
    const { url, login, ...rest } = settings
    if (login && options.auth === undefined)
      throw new TypeError(`the bridge ${name} logs in: drainOutbox needs its auth`)
    const report = options.report ?? printFault
    const like = await keptSettings<KeptBroker>(storage, 'broker')
    const broker = await createBroker({ ...like, storage, host: platformHost(report) })
    try {
      const link = createBridge(broker, name, { ...rest, dial: () => dial(url), auth: options.auth })
      leave = () => void link.close()
      link.on('sent', () => sent++)
      if (isWanted) leave()
      await link.flush({ timeout: options.timeout ?? 25_000 }).finally(() => link.close())
    } finally {
      await broker.close()
    }
    return { status: 'drained', sent }
  } catch (error) {
    if (isWanted) return { status: 'hosted', sent }
    throw error
  } finally {
    await storage.close()
  }
}

/** Whether there is such a database. It is not made by looking. */
async function exists(database: string): Promise<boolean> {
  // Browsers that cannot list them do not know sync events either.
  if (globalThis.indexedDB?.databases === undefined) return false
  const all = await indexedDB.databases()
  return all.some(({ name }) => name === database)
}

function printFault(error: unknown, context: string): void {
  // oxlint-disable-next-line no-console -- there is nowhere else to tell it
  console.error(`isomq: ${context}:`, error)
}
