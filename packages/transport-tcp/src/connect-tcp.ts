import type { Connection } from '@isomq/kernel'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type SecureVersion } from 'node:tls'
import { peerInfo } from './peer-info.ts'
import { SocketConnection } from './socket-connection.ts'

/** A client's half of TLS. PEM text or bytes. */
export interface TcpClientTls {
  /** Authorities to trust instead of the system's. */
  readonly ca?: string | Uint8Array | undefined
  /** Our own certificate, where the server asks for one. */
  readonly key?: string | Uint8Array | undefined
  readonly cert?: string | Uint8Array | undefined
  /** The name the server's certificate must carry. Default: the host dialled. */
  readonly servername?: string | undefined
  readonly alpn?: readonly string[] | undefined
  /** Ciphers that will do, in the words of OpenSSL. Default: those of Node. */
  readonly ciphers?: string | undefined
  /** The oldest version that will do. Default: that of Node. */
  readonly minVersion?: SecureVersion | undefined
  /** False trusts anyone. Default true. */
  readonly rejectUnauthorized?: boolean | undefined
}

/** Whom and how to dial. */
export interface ConnectTcpOptions {
  readonly host: string
  readonly port: number
  /** A Unix socket (on Windows a named pipe) to dial instead of host and port. */
  readonly path?: string | undefined
  /** Address of this machine to dial from. Default: the system chooses. */
  readonly localAddress?: string | undefined
  readonly tls?: TcpClientTls | undefined
  /** Milliseconds until the connection, TLS included, must stand. Default 10,000. */
  readonly timeout?: number | undefined
  /** From this many unsent bytes on `send` returns false. At least what the runtime buffers itself. Default 65,536. */
  readonly highWaterMark?: number | undefined
  /** Milliseconds a closing connection waits for its peer to take the rest and to close as well. Default 5,000. */
  readonly linger?: number | undefined
}

/** Dials. Rejects with the system's error (`ECONNREFUSED`, …), with that of TLS, or with one whose code is `ETIMEDOUT`. */
export function connectTcp(options: ConnectTcpOptions): Promise<Connection> {
  const { tls, timeout = 10_000, highWaterMark = 65_536, linger = 5_000 } = options
  const where = options.path ?? `${options.host}:${options.port}`
  return new Promise((resolve, reject) => {
    const socket = open(options)
    const timer = setTimeout(() => {
      const error = new Error(`no connection to ${where} within ${timeout} ms`)
      socket.destroy(Object.assign(error, { code: 'ETIMEDOUT' }))
    }, timeout)
    socket.once('error', reject)
    socket.once('close', () => {
      clearTimeout(timer)
      reject(new Error(`${where} closed the connection before it stood`))
    })
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer)
      socket.off('error', reject)
      resolve(new SocketConnection(socket, peerInfo(socket), { highWaterMark, linger }))
    })
  })
}

function open({ host, port, path, localAddress, tls }: ConnectTcpOptions): Socket {
  const from = localAddress === undefined ? {} : { localAddress }
  const to = path === undefined ? { host, port, ...from } : { path }
  return tls === undefined ? connect(to) : connectTls({ ...to, ...tlsOptions(host, tls) })
}

function tlsOptions(host: string, tls: TcpClientTls): ConnectionOptions {
  const options: ConnectionOptions = { rejectUnauthorized: tls.rejectUnauthorized ?? true }
  for (const name of ['ca', 'key', 'cert'] as const) {
    const pem = tls[name]
    if (pem !== undefined) options[name] = typeof pem === 'string' ? pem : Buffer.from(pem)
  }
  if (tls.alpn !== undefined) options.ALPNProtocols = [...tls.alpn]
  if (tls.ciphers !== undefined) options.ciphers = tls.ciphers
  if (tls.minVersion !== undefined) options.minVersion = tls.minVersion
  // TLS sends a server name only where it is a name.
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined)
  if (servername !== undefined) options.servername = servername
  return options
}
