import type { Connection } from '@isomq/kernel'
import type { Socket } from 'node:net'
import type { SecureVersion } from 'node:tls'
import { WebSocket, type ClientOptions } from 'ws'
import { peerInfo } from './peer-info.ts'
import { WsConnection } from './ws-connection.ts'

/** A client's half of TLS, for `wss:`. PEM text or bytes. */
export interface WsClientTls {
  /** Authorities to trust instead of the system's. */
  readonly ca?: string | Uint8Array | undefined
  /** Our own certificate, where the server asks for one. */
  readonly key?: string | Uint8Array | undefined
  readonly cert?: string | Uint8Array | undefined
  /** Ciphers that will do, in the words of OpenSSL. Default: those of Node. */
  readonly ciphers?: string | undefined
  /** The oldest version that will do. Default: that of Node. */
  readonly minVersion?: SecureVersion | undefined
  /** False trusts anyone. Default true. */
  readonly rejectUnauthorized?: boolean | undefined
}

/** Whom and how to dial. */
export interface ConnectWsOptions {
  /** `ws:` or `wss:`. */
  readonly url: string
  /** Subprotocols to offer, best first. Default `['mqtt']`. */
  readonly protocols?: readonly string[] | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly tls?: WsClientTls | undefined
  /** Address of this machine to dial from. Default: the system chooses. */
  readonly localAddress?: string | undefined
  /** Milliseconds until the WebSocket must be open. Default 10,000. */
  readonly timeout?: number | undefined
  /** Bytes of the largest message taken; a larger one ends the connection. Default 16 MiB. */
  readonly maxPayload?: number | undefined
  /** From this many unsent bytes on `send` returns false. At least what the runtime buffers itself. Default 65,536. */
  readonly highWaterMark?: number | undefined
  /** Milliseconds a closing connection waits for its peer to take the rest and to close as well. Default 5,000. */
  readonly linger?: number | undefined
}

/**
 * Dials a WebSocket from Node, Bun or Deno. Rejects with the system's error, with that of TLS, or with one that names
 * the HTTP status of a refusal. Redirects are not followed.
 */
export function connectWs(options: ConnectWsOptions): Promise<Connection> {
  const { url, protocols = ['mqtt'], timeout = 10_000, highWaterMark = 65_536, linger = 5_000 } = options
  const { maxPayload = 16 * 1024 * 1024 } = options
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, [...protocols], { ...clientOptions(options, linger), maxPayload })
    let socket: Socket | undefined
    ws.once('upgrade', (response) => {
      socket = response.socket
    })
    // Our own: that of `ws` starts anew with every byte.
    const timer = setTimeout(() => {
      reject(Object.assign(new Error(`${url} did not open within ${timeout} ms`), { code: 'ETIMEDOUT' }))
      ws.terminate()
    }, timeout)
    ws.on('error', reject)
    ws.once('close', () => clearTimeout(timer))
    ws.once('open', () => {
      clearTimeout(timer)
      ws.off('error', reject)
      if (socket === undefined) throw new Error('an open WebSocket has been upgraded')
      resolve(
        new WsConnection(ws, socket, peerInfo(socket), { highWaterMark, linger, rules: { masked: false, maxPayload } }),
      )
    })
  })
}

function clientOptions({ headers, tls = {}, localAddress }: ConnectWsOptions, linger: number): ClientOptions {
  const options: ClientOptions & { maxFragments: number; closeTimeout: number } = {
    perMessageDeflate: false,
    maxFragments: 1024,
    skipUTF8Validation: true,
    followRedirects: false,
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
    // Behind our own: it would not say that bytes were left.
    closeTimeout: linger + 1_000,
  }
  if (headers !== undefined) options.headers = { ...headers }
  if (localAddress !== undefined) options.localAddress = localAddress
  if (tls.ciphers !== undefined) options.ciphers = tls.ciphers
  if (tls.minVersion !== undefined) options.minVersion = tls.minVersion
  for (const name of ['ca', 'key', 'cert'] as const) {
    const pem = tls[name]
    if (pem !== undefined) options[name] = typeof pem === 'string' ? pem : Buffer.from(pem)
  }
  return options
}
