import type { Connection, Host, Listener } from '@isomq/kernel'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { dialAddress, peerInfo } from './peer-info.ts'
import { SocketConnection } from './socket-connection.ts'

/** A server's half of TLS. PEM text or bytes. */
export interface TcpServerTls {
  readonly key: string | Uint8Array
  readonly cert: string | Uint8Array
  /** Authorities that clients' certificates are checked against. */
  readonly ca?: string | Uint8Array | undefined
  /** Ask clients for a certificate, and refuse those without a valid one unless `rejectUnauthorized` is false. Default false. */
  readonly requestCert?: boolean | undefined
  readonly rejectUnauthorized?: boolean | undefined
  readonly alpn?: readonly string[] | undefined
}

/** Where and how to listen. */
export interface ListenTcpOptions {
  /** Default `127.0.0.1`; `0.0.0.0` or `::` for all interfaces. */
  readonly host?: string | undefined
  /** 0 for any free port. */
  readonly port: number
  readonly tls?: TcpServerTls | undefined
  /** The scheme in `Listener.address`. Default `mqtt`, with TLS `mqtts`. */
  readonly scheme?: string | undefined
  /** Connections open at once, handshakes included; one more is closed at once. Default: no bound. */
  readonly maxConnections?: number | undefined
  /** Milliseconds from accept to the end of the TLS handshake, dripping or not. Default 10,000. */
  readonly handshakeTimeout?: number | undefined
  /** From this many unsent bytes on `send` returns false. At least what the runtime buffers itself. Default 65,536. */
  readonly highWaterMark?: number | undefined
  /** Milliseconds a closing connection waits for its peer to take the rest and to close as well. Default 5,000. */
  readonly linger?: number | undefined
  /** Told of faults nobody else can be told of: a failed accept, an `accept` that throws. */
  readonly report?: Host['report'] | undefined
}

/**
 * Listens for TCP or TLS connections and hands each over once it is ready (for TLS: after the handshake).
 * Rejects with the system's error, `code` intact (`EADDRINUSE`, `EACCES`, …).
 */
export function listenTcp(options: ListenTcpOptions, accept: (connection: Connection) => void): Promise<Listener> {
  const { tls, highWaterMark = 65_536, linger = 5_000, report = () => undefined } = options
  const server = tls === undefined ? createServer() : createTlsServer(tlsOptions(tls))
  const pending = new Handshakes(options.handshakeTimeout ?? 10_000)
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections
  let closing: Promise<void> | undefined

  const hand = (socket: Socket, acceptedAt: number): void => {
    if (closing !== undefined) {
      socket.destroy()
      return
    }
    const connection = new SocketConnection(socket, peerInfo(socket, acceptedAt), { highWaterMark, linger })
    try {
      accept(connection)
    } catch (error) {
      report(error, 'accepting a TCP connection')
      connection.close(error instanceof Error ? error : new Error('accept threw', { cause: error }))
    }
  }

  if (tls === undefined) server.on('connection', (socket) => hand(socket, Date.now()))
  else {
    server.on('connection', (socket) => pending.begin(socket))
    server.on('secureConnection', (socket: Socket) => hand(socket, pending.finish(socket)))
    // A handshake that fails is the peer's affair; the server closes the socket itself.
    server.on('tlsClientError', () => undefined)
  }

  const close = (): Promise<void> => {
    closing ??= new Promise((resolve) => {
      server.close()
      pending.abandon()
      // The server's own callback would wait for all connections to end. Its handle is closed within this turn.
      setImmediate(resolve)
    })
    return closing
  }

  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.host ?? '127.0.0.1', port: options.port }, () => {
      server.off('error', reject)
      server.on('error', (error) => report(error, 'listening for TCP connections'))
      resolve({ ...place(server, options), close })
    })
  })
}

function tlsOptions({ key, cert, ca, requestCert, rejectUnauthorized, alpn }: TcpServerTls): TlsOptions {
  return {
    key: pem(key),
    cert: pem(cert),
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    requestCert: requestCert ?? false,
    rejectUnauthorized: rejectUnauthorized ?? true,
  }
}

function pem(value: string | Uint8Array): string | Buffer {
  return typeof value === 'string' ? value : Buffer.from(value)
}

function place(server: Server, options: ListenTcpOptions): { address: string; port: number } {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('a TCP server has a port')
  const scheme = options.scheme ?? (options.tls === undefined ? 'mqtt' : 'mqtts')
  return { address: dialAddress(scheme, bound.address, bound.port), port: bound.port }
}

/**
 * Sockets accepted whose TLS handshake is not over. The handshake ends on another object than the one accepted;
 * the remote end tells which belongs to which.
 */
class Handshakes {
  readonly #milliseconds: number
  readonly #open = new Map<string, { readonly at: number; readonly socket: Socket; readonly timer: NodeJS.Timeout }>()

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds
  }

  begin(socket: Socket): void {
    const end = remoteEnd(socket)
    // A timer of our own, for the server's starts anew with every byte.
    const timer = setTimeout(() => socket.destroy(), this.#milliseconds)
    timer.unref()
    this.#open.set(end, { at: Date.now(), socket, timer })
    socket.once('close', () => {
      clearTimeout(timer)
      if (this.#open.get(end)?.socket === socket) this.#open.delete(end)
    })
  }

  /** When this socket was accepted, milliseconds since the epoch. */
  finish(socket: Socket): number {
    const end = remoteEnd(socket)
    const begun = this.#open.get(end)
    this.#open.delete(end)
    clearTimeout(begun?.timer)
    return begun?.at ?? Date.now()
  }

  abandon(): void {
    for (const { socket } of this.#open.values()) socket.destroy()
  }
}

function remoteEnd(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}
