import type { Connection, Host } from '@isomq/kernel'
import {
  behindPreamble,
  listenWebSocket,
  type Preamble,
  type WebSocketListener,
  type WebSocketServerTls,
} from '@isomq/transport-websocket'
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
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
  /** PEM: HTTPS then. */
  readonly tls?: WebSocketServerTls | undefined
  /** Reads what comes before everything else on each socket. A rejection ends the socket. */
  readonly preamble?: Preamble | undefined
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
): Promise<WebSocketListener> {
  const { host, port, headersTimeout, tls, preamble, answer, report } = options
  const limits = { maxHeaderSize: 8192, headersTimeout, requestTimeout: headersTimeout + 20_000 }
  const server = makeServer({ ...limits, connectionsCheckingInterval: 1000 }, tls, (request, response) => {
    try {
      answer(request, response)
    } catch (error) {
      report(error, 'answering a request')
      response.destroy()
    }
  })
  const door = preamble === undefined ? server : behindPreamble(server, preamble)
  await new Promise<void>((resolve, reject) => {
    door.once('error', reject)
    door.listen({ host, port }, () => {
      door.off('error', reject)
      door.on('error', (error) => report(error, 'listening for HTTP'))
      resolve()
    })
  })
  const { origins = 'same', maxPayload } = options
  const bound = door.address() as AddressInfo
  const sockets = await listenWebSocket({ server, bound, origins, maxPayload, report }, accept)
  const shown = bound.address.includes(':') ? `[${bound.address}]` : bound.address
  const reachable = bound.address === '0.0.0.0' || bound.address === '::' ? '127.0.0.1' : shown
  return {
    address: `${tls === undefined ? 'http' : 'https'}://${reachable}:${bound.port}/`,
    port: bound.port,
    setTls: (files) => sockets.setTls(files),
    async close() {
      await sockets.close()
      door.close()
      server.closeAllConnections()
    },
  }
}

function makeServer(options: ServerOptions, tls: WebSocketServerTls | undefined, answer: RequestListener): Server {
  if (tls === undefined) return createServer(options, answer)
  const { key, cert, ca, requestCert = false } = tls
  const files = { key: bytes(key), cert: bytes(cert), ...(ca === undefined ? {} : { ca: bytes(ca) }) }
  return createTlsServer({ ...options, ...files, requestCert, rejectUnauthorized: true }, answer)
}

function bytes(pem: string | Uint8Array): Buffer {
  return Buffer.from(pem)
}
