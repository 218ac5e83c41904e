import type { Connection, Host, Listener, PeerInfo } from '@isomq/kernel'
import { createServer, type IncomingMessage, type Server, type ServerOptions, STATUS_CODES } from 'node:http'
import { createServer as createTlsServer, Server as HttpsServer } from 'node:https'
import type { Server as NetServer, Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { type WebSocket, WebSocketServer } from 'ws'
import { Arrivals } from './arrivals.ts'
import { asError } from './frames.ts'
import { peerInfo } from './peer-info.ts'
import { behindPreamble } from './preamble.ts'
import { chooseProtocol, pathOf, refuse, type Refusal } from './upgrade-rules.ts'
import { WsConnection } from './ws-connection.ts'

/** A server's half of TLS. PEM text or bytes. */
export interface WebSocketServerTls {
  readonly key: string | Uint8Array
  readonly cert: string | Uint8Array
  /** Authorities that clients' certificates are checked against. */
  readonly ca?: string | Uint8Array | undefined
  /** Ask clients for a certificate, and refuse those without a valid one unless `rejectUnauthorized` is false. Default false. */
  readonly requestCert?: boolean | undefined
  readonly rejectUnauthorized?: boolean | undefined
}

/** Whom a connection really comes from. */
export type Preamble = (socket: Socket) => Promise<Pick<PeerInfo, 'address' | 'port'> | undefined>

/** A listener whose certificate can be replaced. */
export interface WebSocketListener extends Listener {
  /** Handshakes from now on are made with these. Throws, and changes nothing, where they are of no use or there is no TLS. */
  setTls(tls: WebSocketServerTls): void
}

/** Where and how to listen. */
export interface ListenWebSocketOptions {
  /** Default `127.0.0.1`; `0.0.0.0` or `::` for all interfaces. */
  readonly host?: string | undefined
  /** 0 for any free port. Not used with `server`. */
  readonly port?: number | undefined
  readonly tls?: WebSocketServerTls | undefined
  /**
   * A listening server of the caller's to share. Only upgrades to our paths are taken; plain requests, time limits and
   * the server's end stay with the caller.
   */
  readonly server?: Server | undefined
  /** Where that server is reached, if it does not listen itself. */
  readonly bound?: { readonly address: string; readonly port: number } | undefined
  /** Reads what comes before everything else on each socket, as a proxy's header. A rejection ends the socket. Not used with `server`. */
  readonly preamble?: Preamble | undefined
  /** Paths that may be upgraded; the first is shown in the address. Default `/mqtt` and `/`. */
  readonly paths?: readonly string[] | undefined
  /** Subprotocols taken, best first. Default `mqtt` and `mqttv3.1`. */
  readonly protocols?: readonly string[] | undefined
  /**
   * Web origins that may connect; `same`: those that have the host and port that the request asks for. Requests that name
   * none are no browser's and pass. Default: all may.
   */
  readonly origins?: readonly string[] | 'same' | undefined
  /** Bytes of the largest message taken, fragments joined. Default 1 MiB and 64 KiB of room. */
  readonly maxPayload?: number | undefined
  /** Bytes of the largest HTTP head taken. Default 8,192. */
  readonly maxHeaderSize?: number | undefined
  /** Milliseconds from accept to the end of the upgrade, TLS included, dripping or not. Default 10,000. */
  readonly upgradeTimeout?: number | undefined
  /** Connections open at once; one more is refused. Default: no bound. */
  readonly maxConnections?: number | undefined
  /** From this many unsent bytes on `send` returns false. At least what the runtime buffers itself. Default 65,536. */
  readonly highWaterMark?: number | undefined
  /** Milliseconds a closing connection waits for its peer to take the rest and to close as well. Default 5,000. */
  readonly linger?: number | undefined
  /** Told of faults nobody else can be told of: a failed accept, an `accept` that throws. */
  readonly report?: Host['report'] | undefined
}

/**
 * Listens for WebSockets and hands each over once it is open. Rejects with the system's error, `code` intact
 * (`EADDRINUSE`, `EACCES`, …).
 */
export function listenWebSocket(
  options: ListenWebSocketOptions,
  accept: (connection: Connection) => void,
): Promise<WebSocketListener> {
  const { server: shared, highWaterMark = 65_536, linger = 5_000, report = () => undefined } = options
  const { maxConnections = Number.POSITIVE_INFINITY, origins } = options
  const rules = {
    paths: options.paths ?? ['/mqtt', '/'],
    protocols: options.protocols ?? ['mqtt', 'mqttv3.1'],
    origins,
  }
  const server = shared ?? makeServer(options)
  const door =
    options.preamble === undefined || shared !== undefined ? server : behindPreamble(server, options.preamble)
  const arrivals = new Arrivals(server, shared === undefined ? (options.upgradeTimeout ?? 10_000) : undefined)
  const maxPayload = options.maxPayload ?? 1024 * 1024 + 64 * 1024
  const sockets = makeSockets(maxPayload, rules.protocols, linger)
  let open = 0
  let closing: Promise<void> | undefined

  const gone = (): void => void open--
  const treatment = { highWaterMark, linger, rules: { masked: true, maxPayload } }
  const upgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    const refusal =
      open < maxConnections ? refuse(request, rules) : { status: 503 as const, text: 'Too many connections.' }
    // On a shared server another path may be somebody else's.
    if (refusal?.status === 404 && server.listenerCount('upgrade') > 1) return
    if (refusal !== undefined) {
      answer(socket, refusal)
      return
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const peer = { ...peerInfo(socket), ...arrivals.finish(socket), origin: request.headers.origin }
      hand(ws, socket, peer)
    })
  }

  // Outside of `upgrade`, whose closures hold the request: what stays with the connection must not.
  const hand = (ws: WebSocket, socket: Socket, peer: PeerInfo): void => {
    open++
    ws.on('close', gone)
    const connection = new WsConnection(ws, socket, peer, treatment)
    try {
      accept(connection)
    } catch (error) {
      report(error, 'accepting a WebSocket')
      connection.close(asError(error))
    }
  }

  const used = (request: IncomingMessage): void => arrivals.renew(request.socket)
  const plain = (request: IncomingMessage, response: PlainResponse): void => {
    const { status, text } = rules.paths.includes(pathOf(request)) ? notPlain : nothingHere
    response.writeHead(status, { Connection: 'close', Upgrade: 'websocket', 'Content-Type': 'text/plain' })
    response.end(`${text}\n`)
  }
  const setTls = (files: WebSocketServerTls): void => {
    if (!(server instanceof HttpsServer)) throw new TypeError('this listener has no TLS')
    server.setSecureContext(tlsOptions(files))
  }
  const serverFault = (error: Error): void => report(error, 'listening for WebSockets')

  const close = (): Promise<void> => {
    closing ??= new Promise((resolve) => {
      server.off('upgrade', upgrade)
      server.off('request', used)
      arrivals.stop(shared === undefined)
      if (shared === undefined) door.close()
      // The server's own callback would wait for all connections to end. Its handle is closed within this turn.
      setImmediate(resolve)
    })
    return closing
  }
  server.on('upgrade', upgrade)
  if (shared !== undefined) {
    server.on('request', used)
    return Promise.resolve({ ...place(server, options, rules.paths), close, setTls })
  }
  server.on('request', plain)
  return new Promise((resolve, reject) => {
    door.once('error', reject)
    door.listen({ host: options.host ?? '127.0.0.1', port: options.port ?? 0 }, () => {
      door.off('error', reject)
      door.on('error', serverFault)
      resolve({ ...place(door, options, rules.paths), close, setTls })
    })
  })
}

interface PlainResponse {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown
  end(text: string): unknown
}

const notPlain: Refusal = { status: 426, text: 'This port speaks MQTT over WebSocket.' }
const nothingHere: Refusal = { status: 404, text: 'Nothing here.' }

function makeServer({ tls, maxHeaderSize = 8_192, maxConnections }: ListenWebSocketOptions): Server {
  const http: ServerOptions = { maxHeaderSize }
  let server: Server
  if (tls === undefined) server = createServer(http)
  else {
    server = createTlsServer({ ...http, ...tlsOptions(tls) })
  }
  // Sockets that never ask for an upgrade count as well, twice as many as may be open: they cannot keep others out for long.
  if (maxConnections !== undefined) server.maxConnections = maxConnections * 2 + 16
  return server
}

function tlsOptions({ key, cert, ca, requestCert = false, rejectUnauthorized = true }: WebSocketServerTls): TlsOptions {
  const authorities = ca === undefined ? {} : { ca: pem(ca) }
  return { key: pem(key), cert: pem(cert), ...authorities, requestCert, rejectUnauthorized }
}

function makeSockets(maxPayload: number, protocols: readonly string[], linger: number): WebSocketServer {
  const limits = {
    maxPayload,
    maxFragments: 1024,
    // Behind our own: it would not say that bytes were left.
    closeTimeout: linger + 1_000,
  }
  return new WebSocketServer({
    ...limits,
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Text is refused whatever it says.
    skipUTF8Validation: true,
    handleProtocols: (offer) => chooseProtocol(offer, protocols) ?? false,
  })
}

/** Answers an upgrade with an HTTP refusal and ends the socket. */
function answer(socket: Socket, { status, text, headers }: Refusal): void {
  const body = `${text}\n`
  const head = { Connection: 'close', 'Content-Type': 'text/plain', 'Content-Length': String(body.length), ...headers }
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
}

function pem(value: string | Uint8Array): string | Buffer {
  return typeof value === 'string' ? value : Buffer.from(value)
}

function place(
  server: NetServer,
  { tls, bound: elsewhere }: ListenWebSocketOptions,
  paths: readonly string[],
): { readonly address: string; readonly port: number } {
  const bound = elsewhere ?? server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the server must listen on a port')
  const host = bound.address === '0.0.0.0' || bound.address === '::' ? '127.0.0.1' : bound.address
  const secure = tls !== undefined || 'setSecureContext' in server
  const shown = host.includes(':') ? `[${host}]` : host
  return { address: `${secure ? 'wss' : 'ws'}://${shown}:${bound.port}${paths[0] ?? '/'}`, port: bound.port }
}
