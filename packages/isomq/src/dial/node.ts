import type { Connection } from '@isomq/kernel'
import { unknownScheme } from './unknown-scheme.ts'

/** Connects to a broker at this URL: `mqtt:`, `mqtts:`, `ws:` or `wss:`. */
export async function dial(url: string): Promise<Connection> {
  const { protocol, hostname, port } = new URL(url)
  if (protocol === 'ws:' || protocol === 'wss:') {
    const { connectWs } = await import('@isomq/transport-websocket')
    return connectWs({ url })
  }
  const secure = protocol === 'mqtts:'
  if (!secure && protocol !== 'mqtt:') throw unknownScheme(url, 'mqtt://, mqtts://, ws:// or wss://')
  const { connectTcp } = await import('@isomq/transport-tcp')
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const standard = secure ? 8883 : 1883
  return connectTcp({ host, port: port === '' ? standard : Number(port), ...(secure && { tls: {} }) })
}
