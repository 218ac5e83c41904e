import type { Connection, Host, Listener } from '@isomq/kernel'
import { listenWebSocket } from '@isomq/transport-websocket'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Answer } from './sites.ts'

/** Where one port is opened for all that browsers need. */
export interface ListenWebOptions {
  readonly host: string
  readonly port: number
  /** Web origins whose pages may connect. Default: the pages of this port, whatever name it has. */
  readonly origins?: readonly string[] | undefined
  /** Bytes of the largest WebSocket message. */
  readonly maxPayload: number
  /** Milliseconds in which the head of a request must be there. */
  readonly headersTimeout: number
  readonly answer: Answer
  readonly report: Host['report']
}

/**
 * Listens for HTTP: requests are answered, and upgrades at `/mqtt` and `/` are MQTT over WebSocket. Rejects with the system's
 * error, `code` intact.
 */
export async function listenWeb(
  options: ListenWebOptions,
  accept: (connection: Connection) => void,
): Promise<Listener> {
  const { host, port, headersTimeout, answer, report } = options
  const limits = { maxHeaderSize: 8192, headersTimeout, requestTimeout: headersTimeout + 20_000 }
  const server = createServer({ ...limits, connectionsCheckingInterval: 1000 }, (request, response) => {
    try {
      answer(request, response)
    } catch (error) {
      report(error, 'answering a request')
      response.destroy()
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      server.on('error', (error) => report(error, 'listening for HTTP'))
      resolve()
    })
  })
  const { origins = 'same', maxPayload } = options
  const sockets = await listenWebSocket({ server, origins, maxPayload, report }, accept)
  const bound = server.address() as AddressInfo
  const shown = bound.address.includes(':') ? `[${bound.address}]` : bound.address
  const reachable = bound.address === '0.0.0.0' || bound.address === '::' ? '127.0.0.1' : shown
  return {
    address: `http://${reachable}:${bound.port}/`,
    port: bound.port,
    async close() {
      await sockets.close()
      server.close()
      server.closeAllConnections()
    },
  }
}
