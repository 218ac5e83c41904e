import { encodeUtf8, readUtf8, type BrokerOptions, type Storage } from '@isomq/kernel'
import type { BridgeOptions } from '@isomq/bridge'

/** With what a broker was made that decides what it keeps. */
export type KeptBroker = Pick<BrokerOptions, 'history' | 'limits' | 'sharing'>

/** With what a bridge was made, as far as it can be written down. */
export interface KeptBridge extends Omit<BridgeOptions, 'auth' | 'dial' | 'random'> {
  readonly url: string
  /** It logs in: with what, only the program knows. */
  readonly login: boolean
}

const table = 'settings'

/** Where the settings of a bridge are. */
export function bridgeKey(name: string): string {
  return `bridge ${name}`
}

/**
 * Keeps settings beside what a broker keeps: who stands in for it later is to be like it. Undefined forgets them. Writes only
 * what is new. Rejects as the storage does.
 */
export async function keepSettings(storage: Storage, key: string, settings: object | undefined): Promise<void> {
  const rows = storage.table(table)
  const value =
    settings && encodeUtf8(JSON.stringify(settings, (_, each: unknown) => (each === Infinity ? null : each)))
  const before = await rows.get(key)
  if (before?.join() === value?.join()) return
  await rows.write([{ key, value }])
}

/** What was kept. Rejects as the storage does. */
export async function keptSettings<T>(storage: Storage, key: string): Promise<T | undefined> {
  const value = await storage.table(table).get(key)
  if (value === undefined) return undefined
  return JSON.parse(readUtf8(value, 0, value.length)!, (_, each: unknown) => (each === null ? Infinity : each)) as T
}
