import type { Connection, ConnectionReader, PeerInfo } from '@isomq/kernel'
import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import { FrameReader, type FrameRules } from './frame-reader.ts'
import { asError, endOf, inFrames } from './frames.ts'

/** How a connection treats its socket. */
export interface WsConnectionOptions {
  /** From this many unsent bytes on `send` returns false. */
  readonly highWaterMark: number
  /** Milliseconds a closing connection waits for its peer to take the rest and to close as well. */
  readonly linger: number
  /** What is expected of the peer's frames. The WebSocket itself is told the same. */
  readonly rules: FrameRules
}

/** An open `ws` WebSocket and the socket below it as a Connection. It owns both from here on. */
export class WsConnection implements Connection {
  readonly peer: PeerInfo
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #highWaterMark: number
  readonly #linger: number
  #reader: ConnectionReader | undefined
  /** Arrived before start: the end of the socket brings what it still held, paused or not. */
  #early: Uint8Array[] = []
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
    ws.on('message', (bytes, isBinary) => this.#message(bytes, isBinary))
    this.#readFrames(options.rules)
    ws.on('error', (error) => this.#fail(error))
    ws.on('close', (code, reason) => this.#finish(code, reason.toString()))
    socket.on('drain', () => this.#drain())
    socket.on('error', (error) => {
      this.#error ??= error
    })
    // Without a closing frame: what we still have to send may take its time, but not forever.
    socket.on('end', () => this.#await())
    // The peer began to close and has its answer. RFC 6455, section 5.5.1: the server then closes at once, and does not wait.
    socket.on('finish', () => {
      if (!this.#closing) ws.terminate()
    })
  }

  get bufferedAmount(): number {
    return this.#gone ? 0 : this.#socket.writableLength
  }

  start(reader: ConnectionReader): void {
    this.#reader = reader
    queueMicrotask(() => {
      for (const bytes of this.#early.splice(0)) this.#deliver(bytes)
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
    this.#early = []
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
    const socket = this.#socket
    const [listener, ...others] = socket.listeners('data')
    if (listener === undefined || others.length > 0) return
    const reader = new FrameReader(rules, {
      deliver: (bytes) => this.#bytes(bytes),
      pass: (bytes) => void listener.call(socket, bytes),
    })
    const read = (chunk: Buffer): void => {
      if (!this.#broken) reader.read(chunk)
    }
    socket.removeListener('data', listener as (chunk: Buffer) => void)
    socket.on('data', read)
    // What the socket still held when it closed `ws` would read by itself, without what we have read.
    socket.prependListener('close', () => {
      const chunk = socket.read() as Buffer | null
      if (chunk !== null) read(chunk)
    })
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
    if (length > 0) this.#bytes(new Uint8Array(buffer, byteOffset, length))
  }

  #bytes(bytes: Uint8Array): void {
    if (this.#closing) return
    if (this.#reader === undefined) this.#early.push(bytes)
    else this.#deliver(bytes)
  }

  #deliver(bytes: Uint8Array): void {
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
    if (this.#reader !== undefined && this.#early.length === 0) this.#reader.close(this.#error)
  }
}
