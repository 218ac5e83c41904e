import type { Connection } from '@isomq/kernel'
import { NativeConnection } from './native-connection.ts'

/** Whom and how to dial. */
export interface ConnectWebSocketOptions {
  /** `ws:` or `wss:`. */
  readonly url: string
  /** Subprotocols to offer, best first. Default `['mqtt']`. */
  readonly protocols?: readonly string[] | undefined
  /** Milliseconds until the WebSocket must be open. Default 10,000. */
  readonly timeout?: number | undefined
  /** From this many unsent bytes on `send` returns false; `drain` comes at half of it. Default 65,536. */
  readonly highWaterMark?: number | undefined
  /** Bytes kept for a paused reader, for the platform reads on; beyond that the connection ends with an error. Default 16 MiB. */
  readonly maxHeld?: number | undefined
  /** Milliseconds a closing connection waits for its peer to take the rest and to close as well. Default 5,000. */
  readonly linger?: number | undefined
}

/**
 * Dials through the platform's own `WebSocket`: in pages, workers, Deno, Bun, Node from 22 on. Rejects when there is
 * none, when the URL is not one it takes, or when the WebSocket does not open; the platform does not say why.
 * `close` with an error ends the reader now, but what the platform has taken it may still send.
 */
export function connectWebSocket(options: ConnectWebSocketOptions): Promise<Connection> {
  const { url, protocols = ['mqtt'], timeout = 10_000 } = options
  const { highWaterMark = 65_536, maxHeld = 16 * 1024 * 1024, linger = 5_000 } = options
  return new Promise((resolve, reject) => {
    if (typeof globalThis.WebSocket !== 'function') throw new Error('this platform has no WebSocket of its own')
    const socket = new WebSocket(url, [...protocols])
    const fail = (why: string): void => {
      clearTimeout(timer)
      reject(new Error(`${url} ${why}`))
    }
    const timer = setTimeout(() => {
      fail(`did not open within ${timeout} ms`)
      socket.close()
    }, timeout)
    // An error event tells nothing; the code of `close`, which follows, does.
    socket.addEventListener('error', () => undefined)
    socket.addEventListener('close', ({ code }) => fail(`closed with code ${code} before it opened`))
    socket.addEventListener('open', () => {
      clearTimeout(timer)
      const secure = url.startsWith('wss:')
      const peer = { transport: secure ? 'wss' : 'ws', secure }
      resolve(new NativeConnection(socket, peer, { highWaterMark, maxHeld, linger }))
    })
  })
}
