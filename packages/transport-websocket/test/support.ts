import type { Connection, Listener } from '@isomq/kernel'
import { connect, type Socket } from 'node:net'
import { connectWs, type ConnectWsOptions, listenWebSocket, type ListenWebSocketOptions } from '../src/index.ts'

/** A listener on a free port, and its connections as they come. */
export interface Arrivals {
  readonly listener: Listener
  readonly port: number
  next(): Promise<Connection>
}

export async function listen(options: Partial<ListenWebSocketOptions> = {}): Promise<Arrivals> {
  const queue: Connection[] = []
  const waiting: ((connection: Connection) => void)[] = []
  const listener = await listenWebSocket({ port: 0, ...options }, (connection) => {
    const take = waiting.shift()
    if (take === undefined) queue.push(connection)
    else take(connection)
  })
  return {
    listener,
    port: listener.port ?? 0,
    next() {
      const connection = queue.shift()
      return connection === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(connection)
    },
  }
}

export function dial(port: number, options: Partial<ConnectWsOptions> = {}): Promise<Connection> {
  const scheme = options.tls === undefined ? 'ws' : 'wss'
  return connectWs({ url: `${scheme}://127.0.0.1:${port}/mqtt`, ...options })
}

/** What `reader.close` is called with. */
export function ending(connection: Connection): Promise<Error | undefined> {
  return new Promise((resolve) => {
    connection.start({ data: () => undefined, drain: () => undefined, close: resolve })
  })
}

/** A bare socket that speaks for itself. `heard` is all it has received, as latin1. */
export interface RawClient {
  readonly socket: Socket
  heard(): string
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>
}

/** With `allowHalfOpen` it does not close when the other side does. */
export function raw(port: number, { allowHalfOpen = false } = {}): Promise<RawClient> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen })
    const closed = new Promise<void>((done) => void socket.once('close', () => done()))
    socket.on('data', (bytes) => chunks.push(bytes))
    socket.on('error', () => undefined)
    socket.once('connect', () => resolve({ socket, closed, heard: () => Buffer.concat(chunks).toString('latin1') }))
  })
}

/** The head of an upgrade request; undefined drops a header. */
export function upgradeHead(path: string, headers: Readonly<Record<string, string | undefined>> = {}): string {
  const all: Record<string, string | undefined> = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': 'mqtt',
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => (value === undefined ? '' : `${name}: ${value}\r\n`))
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** Sends an upgrade request and returns the whole answer of a server that refuses it. */
export async function refused(
  port: number,
  path: string,
  headers?: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const client = await raw(port)
  client.socket.write(upgradeHead(path, headers))
  await client.closed
  return client.heard()
}

/** Upgrades and returns the client and what the server answered. */
export async function upgraded(
  port: number,
  path = '/mqtt',
  headers?: Readonly<Record<string, string | undefined>>,
): Promise<RawClient> {
  const client = await raw(port)
  client.socket.write(upgradeHead(path, headers))
  while (!client.heard().includes('\r\n\r\n')) await new Promise(setImmediate)
  return client
}

/** A frame as clients send it, masked with zeros; bodies up to 65,535 bytes. */
export function frame(opcode: number, body: Uint8Array, { fin = true, masked = true } = {}): Buffer {
  const size = body.length < 126 ? [body.length] : [126, body.length >> 8, body.length & 0xff]
  size[0] = (size[0] ?? 0) | (masked ? 0x80 : 0)
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode, ...size, ...(masked ? [0, 0, 0, 0] : [])]), body])
}

/** The code of the closing frame at the end of what a client has heard. */
export function closeCode(client: RawClient): number {
  const bytes = Buffer.from(client.heard(), 'latin1')
  const at = bytes.lastIndexOf(0x88)
  return bytes.readUInt16BE(at + 2)
}
