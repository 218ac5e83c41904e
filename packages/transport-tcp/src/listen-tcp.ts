import type { Connection, Host, Listener, PeerInfo } from '@isomq/kernel'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, Server as TlsServer, type TlsOptions } from 'node:tls'
import { behindPreamble, originOf } from './preamble.ts'
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
  /** Protocols that are spoken, best first; a client that names others is refused. Default: whatever clients name. */
  readonly alpn?: readonly string[] | undefined
}

/** Whom a connection really comes from. */
export type Preamble = (socket: Socket) => Promise<Pick<PeerInfo, 'address' | 'port'> | undefined>

/** A listener whose certificate can be replaced. */
export interface TcpListener extends Listener {
  /** Handshakes from now on are made with these. Throws, and changes nothing, where they are of no use or there is no TLS. */
  setTls(tls: TcpServerTls): void
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
  /** Reads what comes before everything else on each socket, as a proxy's header. A rejection ends the socket. */
  readonly preamble?: Preamble | undefined
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
export function listenTcp(options: ListenTcpOptions, accept: (connection: Connection) => void): Promise<TcpListener> {
  const { tls, highWaterMark = 65_536, linger = 5_000, report = () => undefined } = options
  const inner = tls === undefined ? createServer() : createTlsServer(tlsOptions(tls))
  const server = options.preamble === undefined ? inner : behindPreamble(inner, options.preamble)
  const pending = new Handshakes(options.handshakeTimeout ?? 10_000)
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections
  let closing: Promise<void> | undefined

  const hand = (socket: Socket, arrival: Pick<PeerInfo, 'acceptedAt' | 'address' | 'port'>): void => {
    if (closing !== undefined) {
      socket.destroy()
      return
    }
    const connection = new SocketConnection(socket, { ...peerInfo(socket), ...arrival }, { highWaterMark, linger })
    try {
      accept(connection)
    } catch (error) {
      report(error, 'accepting a TCP connection')
      connection.close(error instanceof Error ? error : new Error('accept threw', { cause: error }))
    }
  }

  if (tls === undefined)
    inner.on('connection', (socket) => hand(socket, { acceptedAt: Date.now(), ...originOf(socket) }))
  else {
    inner.on('connection', (socket) => pending.begin(socket))
    inner.on('secureConnection', (socket: Socket) => hand(socket, pending.finish(socket)))
    // A handshake that fails is the peer's affair; the server closes the socket itself.
    inner.on('tlsClientError', () => undefined)
  }
  const setTls = (files: TcpServerTls): void => {
    if (!(inner instanceof TlsServer)) throw new TypeError('this listener has no TLS')
    inner.setSecureContext(tlsOptions(files))
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
      resolve({ ...place(server, options), close, setTls })
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

  /** When this socket was accepted, milliseconds since the epoch, and whom a proxy said it comes from. */
  finish(socket: Socket): Pick<PeerInfo, 'acceptedAt' | 'address' | 'port'> {
    const end = remoteEnd(socket)
    const begun = this.#open.get(end)
    this.#open.delete(end)
    clearTimeout(begun?.timer)
    return { acceptedAt: begun?.at ?? Date.now(), ...(begun && originOf(begun.socket)) }
  }

  abandon(): void {
    for (const { socket } of this.#open.values()) socket.destroy()
  }
}

function remoteEnd(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}
