import type { Connection, ConnectionReader, PeerInfo } from '@isomq/kernel'
import type { Socket } from 'node:net'

/** How a connection treats its socket. */
export interface SocketOptions {
  /** From this many unsent bytes on `send` returns false. */
  readonly highWaterMark: number
  /** Milliseconds a closing connection waits for its peer to take the rest and to close as well. */
  readonly linger: number
}

const longPiece = 16_384

// A socket knows whose it is: listeners are then the same functions for all, not some closures for each of ten thousand.
const owner = Symbol('connection')
type Owned = Socket & { [owner]?: SocketConnection }

/** A connected TCP or TLS socket as a Connection. It owns the socket from here on. */
export class SocketConnection implements Connection {
  readonly peer: PeerInfo
  readonly #socket: Socket
  readonly #highWaterMark: number
  readonly #linger: number
  #reader: ConnectionReader | undefined
  #paused = false
  /** A `send` returned false and no drain came since. */
  #blocked = false
  /** Nothing may be sent any more: this end closes, or the peer has. */
  #closing = false
  /** This end called `close`: its reader wants no more data. */
  #deaf = false
  /** The socket is gone. */
  #gone = false
  #error: Error | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, peer: PeerInfo, options: SocketOptions) {
    this.peer = peer
    this.#socket = socket
    this.#linger = options.linger
    // Node tells of a drain only after its own mark was passed: below that ours would never be lifted.
    this.#highWaterMark = Math.max(options.highWaterMark, socket.writableHighWaterMark)
    socket.setNoDelay(true)
    const owned: Owned = socket
    owned[owner] = this
    owned.on('drain', SocketConnection.#onDrain)
    owned.on('end', SocketConnection.#onEnd)
    owned.on('error', SocketConnection.#onError)
    owned.on('close', SocketConnection.#onClose)
    if (socket.destroyed) this.#finish()
  }

  static #onData(this: Owned, bytes: Uint8Array): void {
    this[owner]!.#data(bytes)
  }

  static #onDrain(this: Owned): void {
    this[owner]!.#drain()
  }

  static #onEnd(this: Owned): void {
    this[owner]!.#end()
  }

  static #onError(this: Owned, error: Error): void {
    this[owner]!.#fail(error)
  }

  static #onClose(this: Owned): void {
    this[owner]!.#finish()
  }

  get bufferedAmount(): number {
    return this.#gone ? 0 : this.#socket.writableLength
  }

  start(reader: ConnectionReader): void {
    this.#reader = reader
    if (this.#gone) {
      queueMicrotask(() => reader.close(this.#error))
      return
    }
    if (this.#deaf) return
    // Attaching the listener sets the socket flowing, at the next tick, unless it was paused before.
    this.#socket.on('data', SocketConnection.#onData)
    if (this.#paused) this.#socket.pause()
  }

  send(bytes: Uint8Array): boolean {
    if (this.#closing) return false
    const socket = this.#socket
    // More is likely to follow a long piece at once: both become one system call.
    if (bytes.length >= longPiece && socket.writableCorked === 0) {
      socket.cork()
      process.nextTick(uncork, socket)
    }
    // An empty write would be a system call that sends nothing.
    if (bytes.length > 0) socket.write(bytes)
    if (socket.writableLength < this.#highWaterMark) return true
    // Much has gathered: the system may take it right now.
    if (socket.writableCorked > 0) socket.uncork()
    if (socket.writableLength < this.#highWaterMark) return true
    this.#blocked = true
    return false
  }

  pause(): void {
    if (this.#deaf) return
    this.#paused = true
    if (this.#reader !== undefined) this.#socket.pause()
  }

  resume(): void {
    if (this.#deaf) return
    this.#paused = false
    if (this.#reader !== undefined) this.#socket.resume()
  }

  close(error?: Error): void {
    if (this.#gone || (this.#deaf && error === undefined)) return
    this.#deaf = true
    this.#closing = true
    if (error !== undefined) {
      this.#error ??= error
      this.#socket.destroy()
      return
    }
    this.#socket.end()
    // Read on, unheard: an unread byte at the end would turn our farewell into a reset, and only reading shows the peer's end.
    this.#socket.resume()
    this.#await()
  }

  #data({ buffer, byteOffset, length }: Uint8Array): void {
    if (this.#deaf) return
    try {
      this.#reader?.data(new Uint8Array(buffer, byteOffset, length))
    } catch (error) {
      this.close(asError(error))
    }
  }

  #drain(): void {
    if (!this.#blocked || this.#closing) return
    this.#blocked = false
    try {
      this.#reader?.drain()
    } catch (error) {
      this.close(asError(error))
    }
  }

  /** The peer has sent all it will; Node flushes our side and ends it too (`allowHalfOpen` is off). */
  #end(): void {
    this.#closing = true
    this.#await()
  }

  #fail(error: Error): void {
    this.#error ??= error
  }

  #await(): void {
    if (this.#timer !== undefined || this.#gone) return
    this.#timer = setTimeout(() => {
      if (this.#socket.writableLength > 0) this.#error ??= new Error('the peer did not read what was left to send')
      this.#socket.destroy()
    }, this.#linger)
    this.#timer.unref()
  }

  #finish(): void {
    if (this.#gone) return
    this.#gone = true
    this.#closing = true
    clearTimeout(this.#timer)
    this.#reader?.close(this.#error)
  }
}

function uncork(socket: Socket): void {
  socket.uncork()
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('the reader threw', { cause: thrown })
}
