import type { Listener } from '@isomq/kernel'
import { listenTcp, type ListenTcpOptions } from '@isomq/transport-tcp'
import { listenWebSocket, type ListenWebSocketOptions } from '@isomq/transport-websocket'
import type { Broker } from '../broker.ts'

/** Where MQTT over TCP is accepted. */
export type TcpOptions = Pick<ListenTcpOptions, 'host' | 'maxConnections' | 'port' | 'tls'>

/** Where MQTT over WebSocket is accepted. */
export type WsOptions = Pick<
  ListenWebSocketOptions,
  'host' | 'maxConnections' | 'origins' | 'paths' | 'port' | 'server' | 'tls'
>

/** What to listen on: a port of the loopback interface (0 takes a free one), or all that can be said of it. */
export interface ListenOptions {
  readonly tcp?: number | TcpOptions | undefined
  readonly ws?: number | WsOptions | undefined
}

/** Where connections arrive. */
export interface Listening {
  /** What clients dial. */
  readonly urls: readonly string[]
  /** Stops accepting; connections that are there stay. Idempotent. */
  close(): Promise<void>
}

/** Lets clients of other processes in. All or none: rejects with the system's error (`EADDRINUSE`, …) and nothing stays open. */
export async function listen(broker: Broker, { tcp, ws }: ListenOptions): Promise<Listening> {
  const { serve } = broker
  const { report } = broker.kernel.host
  const opening: Promise<Listener>[] = []
  if (tcp !== undefined) opening.push(listenTcp({ ...(typeof tcp === 'number' ? { port: tcp } : tcp), report }, serve))
  if (ws !== undefined)
    opening.push(listenWebSocket({ ...(typeof ws === 'number' ? { port: ws } : ws), report }, serve))
  const results = await Promise.allSettled(opening)
  const listeners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const close = async (): Promise<void> => {
    await Promise.all(listeners.map((listener) => listener.close()))
  }
  const failed = results.find((result) => result.status === 'rejected')
  if (failed === undefined) return { urls: listeners.map(({ address }) => address), close }
  await close()
  throw failed.reason
}
