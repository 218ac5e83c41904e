import type { Connection, Listener } from '@isomq/kernel'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connectTcp, type ConnectTcpOptions, listenTcp, type ListenTcpOptions } from '../src/index.ts'

/** A listener on a free port, and its connections as they come. */
export interface Arrivals {
  readonly listener: Listener
  readonly port: number
  next(): Promise<Connection>
}

export async function listen(options: Partial<ListenTcpOptions> = {}): Promise<Arrivals> {
  const queue: Connection[] = []
  const waiting: ((connection: Connection) => void)[] = []
  const listener = await listenTcp({ port: 0, ...options }, (connection) => {
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

export function dial(port: number, options: Partial<ConnectTcpOptions> = {}): Promise<Connection> {
  return connectTcp({ host: '127.0.0.1', port, ...options })
}

/** A bare socket: a peer that does as it likes. */
export function raw(port: number, allowHalfOpen = false): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen }, () => resolve(socket))
    socket.on('error', reject)
  })
}

/** What `reader.close` is called with. */
export function ending(connection: Connection): Promise<Error | undefined> {
  return new Promise((resolve) => {
    connection.start({ data: () => undefined, drain: () => undefined, close: resolve })
  })
}

/** Resolves when the socket is closed, however. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    socket.on('error', () => undefined)
    socket.once('close', () => resolve())
  })
}

export function localPort(socket: Socket): number {
  return (socket.address() as AddressInfo).port
}
