import type { Connection, ConnectionReader, PeerInfo } from '@isomq/kernel'

/** The same connection, whose end somebody else is told of too, before its reader is. */
export function watched(connection: Connection, ended: (error: Error | undefined) => void): Connection {
  return new Watched(connection, ended)
}

class Watched implements Connection {
  readonly peer: PeerInfo
  readonly #connection: Connection
  readonly #ended: (error: Error | undefined) => void

  constructor(connection: Connection, ended: (error: Error | undefined) => void) {
    this.peer = connection.peer
    this.#connection = connection
    this.#ended = ended
  }

  get bufferedAmount(): number {
    return this.#connection.bufferedAmount
  }

  start(reader: ConnectionReader): void {
    this.#connection.start({
      data: (bytes) => reader.data(bytes),
      drain: () => reader.drain(),
      close: (error) => {
        this.#ended(error)
        reader.close(error)
      },
    })
  }

  send(bytes: Uint8Array): boolean {
    return this.#connection.send(bytes)
  }

  pause(): void {
    this.#connection.pause()
  }

  resume(): void {
    this.#connection.resume()
  }

  close(error?: Error): void {
    this.#connection.close(error)
  }
}
