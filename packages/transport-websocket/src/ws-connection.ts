import type { Connection, ConnectionReader, PeerInfo } from '@isomq/kernel'
import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import { FrameReader, type FrameRules, type FrameTargets } from './frame-reader.ts'
import { asError, endOf, inFrames } from './frames.ts'

type DataListener = (this: Socket, chunk: Buffer) => void

/** How a connection treats its socket. */
export interface WsConnectionOptions {
  /** From this many unsent bytes on `send` returns false. */
  readonly highWaterMark: number
  /** Milliseconds a closing connection waits for its peer to take the rest and to close as well. */
  readonly linger: number
  /** What is expected of the peer's frames. The WebSocket itself is told the same. */
  readonly rules: FrameRules
}

// Both know whose they are: listeners are then the same functions for all, not a dozen closures for each of ten thousand.
const owner = Symbol('connection')
type Owned<T> = T & { [owner]?: WsConnection }

/** An open `ws` WebSocket and the socket below it as a Connection. It owns both from here on. */
export class WsConnection implements Connection, FrameTargets {
  readonly peer: PeerInfo
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #highWaterMark: number
  readonly #linger: number
  /** Our reader of frames, where there is one, and that of `ws` behind it. */
  #frames: FrameReader | undefined
  #others: DataListener | undefined
  #reader: ConnectionReader | undefined
  /** Arrived before start: the end of the socket brings what it still held, paused or not. */
  #early: Uint8Array[] | undefined
  #paused = false
  #blocked = false
  /** This end called `close`, or the peer broke the rules: neither send nor data. */
  #closing = false
  /** The peer has broken the rules: nothing more of it is read. */
  #broken = false
  /** This end closes in order. */
  #orderly = false
  #gone = false
  #error: Error | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(ws: WebSocket, socket: Socket, peer: PeerInfo, options: WsConnectionOptions) {
    this.peer = peer
    this.#ws = ws
    this.#socket = socket
    this.#linger = options.linger
    // Node tells of a drain only after its own mark was passed: below that ours would never be lifted.
    this.#highWaterMark = Math.max(options.highWaterMark, socket.writableHighWaterMark)
    ws.pause()
    const ownWs: Owned<WebSocket> = ws
    ownWs[owner] = this
    const ownSocket: Owned<Socket> = socket
    ownSocket[owner] = this
    ownWs.on('message', WsConnection.#onMessage)
    this.#readFrames(options.rules)
    ownWs.on('error', WsConnection.#onFault)
    ownWs.on('close', WsConnection.#onClose)
    ownSocket.on('drain', WsConnection.#onDrain)
    ownSocket.on('error', WsConnection.#onSocketError)
    ownSocket.on('end', WsConnection.#onEnd)
    ownSocket.on('finish', WsConnection.#onFinish)
  }

  static #onMessage(this: Owned<WebSocket>, bytes: RawData, isBinary: boolean): void {
    this[owner]!.#message(bytes, isBinary)
  }

  static #onFault(this: Owned<WebSocket>, error: Error): void {
    this[owner]!.#fail(error)
  }

  static #onClose(this: Owned<WebSocket>, code: number, reason: Buffer): void {
    this[owner]!.#finish(code, reason.toString())
  }

  static #onData(this: Owned<Socket>, chunk: Buffer): void {
    const connection = this[owner]!
    if (!connection.#broken) connection.#frames!.read(chunk)
  }

  static #onDrain(this: Owned<Socket>): void {
    this[owner]!.#drain()
  }

  static #onSocketError(this: Owned<Socket>, error: Error): void {
    this[owner]!.#error ??= error
  }

  /** Without a closing frame: what we still have to send may take its time, but not forever. */
  static #onEnd(this: Owned<Socket>): void {
    this[owner]!.#await()
  }

  /** The peer began to close and has its answer. RFC 6455, section 5.5.1: the server then closes at once, and does not wait. */
  static #onFinish(this: Owned<Socket>): void {
    const connection = this[owner]!
    if (!connection.#closing) connection.#ws.terminate()
  }

  /** What the socket still held when it closed `ws` would read by itself, without what we have read. */
  static #onSocketClose(this: Owned<Socket>): void {
    const chunk = this.read() as Buffer | null
    if (chunk !== null) WsConnection.#onData.call(this, chunk)
  }

  get bufferedAmount(): number {
    return this.#gone ? 0 : this.#socket.writableLength
  }

  start(reader: ConnectionReader): void {
    this.#reader = reader
    queueMicrotask(() => {
      const early = this.#early ?? []
      this.#early = undefined
      for (const bytes of early) this.#hand(bytes)
      if (this.#gone) reader.close(this.#error)
      else if (!this.#paused) this.#ws.resume()
    })
  }

  send(bytes: Uint8Array): boolean {
    if (this.#closing || this.#ws.readyState !== this.#ws.OPEN) return false
    inFrames(bytes, (frame) => this.#ws.send(frame))
    if (this.#socket.writableLength < this.#highWaterMark) return true
    this.#blocked = true
    return false
  }

  pause(): void {
    if (this.#closing) return
    this.#paused = true
    this.#ws.pause()
  }

  resume(): void {
    if (this.#closing) return
    this.#paused = false
    if (this.#reader !== undefined) this.#ws.resume()
  }

  close(error?: Error): void {
    if (this.#gone || (this.#closing && error === undefined)) return
    this.#closing = true
    this.#early = undefined
    if (error !== undefined) {
      this.#error ??= error
      this.#ws.terminate()
      return
    }
    this.#orderly = true
    this.#ws.close(1000)
    // Read on, unheard, for the peer's closing frame.
    this.#ws.resume()
    this.#await()
  }

  /**
   * Puts our reader of frames before that of `ws`, which then gets what is not plain data. Where there is no such reader
   * (a runtime may bring a `ws` of its own) everything comes as messages.
   */
  #readFrames(rules: FrameRules): void {
    const socket: Owned<Socket> = this.#socket
    const [listener, ...others] = socket.listeners('data')
    if (listener === undefined || others.length > 0) return
    this.#others = listener as DataListener
    this.#frames = new FrameReader(rules, this)
    socket.removeListener('data', this.#others)
    socket.on('data', WsConnection.#onData)
    socket.prependListener('close', WsConnection.#onSocketClose)
  }

  /** From our reader of frames: bytes of the peer. */
  deliver(bytes: Uint8Array): void {
    if (this.#closing) return
    if (this.#reader === undefined) (this.#early ??= []).push(bytes)
    else this.#hand(bytes)
  }

  /** From our reader of frames: what `ws` is to read. */
  pass(bytes: Buffer): void {
    this.#others!.call(this.#socket, bytes)
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#closing) return
    if (!isBinary) {
      // [MQTT-6.0.0-1]
      this.#closing = true
      this.#error = new Error('the peer sent a text frame')
      this.#ws.close(1003)
      this.#await()
      return
    }
    // Of the shapes this type allows `ws` uses the first unless told otherwise.
    const { buffer, byteOffset, length } = data as Buffer
    if (length > 0) this.deliver(new Uint8Array(buffer, byteOffset, length))
  }

  #hand(bytes: Uint8Array): void {
    if (this.#closing && !this.#gone) return
    try {
      this.#reader?.data(bytes)
    } catch (error) {
      this.close(asError(error))
    }
  }

  #drain(): void {
    if (!this.#blocked || this.#closing || this.#ws.readyState !== this.#ws.OPEN) return
    this.#blocked = false
    try {
      this.#reader?.drain()
    } catch (error) {
      this.close(asError(error))
    }
  }

  /** The peer broke the protocol of frames; `ws` has sent the closing code that says so. */
  #fail(error: Error): void {
    this.#error ??= error
    this.#broken = true
    this.#closing = true
    this.#await()
  }

  #await(): void {
    if (this.#timer !== undefined || this.#gone) return
    this.#timer = setTimeout(() => {
      if (this.#socket.writableLength > 0) this.#error ??= new Error('the peer did not read what was left to send')
      this.#ws.terminate()
    }, this.#linger)
    this.#timer.unref()
  }

  #finish(code: number, reason: string): void {
    this.#gone = true
    clearTimeout(this.#timer)
    // A peer that just hangs up on our farewell has ended in order.
    if (!this.#orderly || code !== 1006) this.#error ??= endOf(code, reason)
    if (this.#reader !== undefined && this.#early === undefined) this.#reader.close(this.#error)
  }
}
