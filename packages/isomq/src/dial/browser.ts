import type { Connection } from '@isomq/kernel'
import { connectWebSocket } from '@isomq/transport-websocket'
import { unknownScheme } from './unknown-scheme.ts'

/** Connects to a broker at this URL: `ws:` or `wss:`, for a page knows nothing else. */
export async function dial(url: string): Promise<Connection> {
  if (/^wss?:/.test(url)) return connectWebSocket({ url })
  throw unknownScheme(url, 'ws:// or wss://')
}
