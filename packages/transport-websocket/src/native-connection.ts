import type { Connection, ConnectionReader, PeerInfo } from '@isomq/kernel'
import { asError, endOf, inFrames } from './frames.ts'

// The platform says nothing when its buffer empties: look again after this many milliseconds while somebody waits.
const lookAgain = 5

/** How a connection treats its WebSocket. */
export interface NativeOptions {
  /** From this many unsent bytes on `send` returns false. */
  readonly highWaterMark: number
  /** Bytes kept for a paused reader; beyond that the connection ends with an error. */
  readonly maxHeld: number
  /** Milliseconds a closing connection waits for its peer to take the rest and to close as well. */
  readonly linger: number
}

/** An open platform WebSocket as a Connection. It owns the WebSocket from here on. */
export class NativeConnection implements Connection {
  readonly peer: PeerInfo
  readonly #socket: WebSocket
  readonly #options: NativeOptions
  #reader: ConnectionReader | undefined
  /** Arrived before start or during a pause: the platform cannot be told to stop reading. */
  #held: Uint8Array[] = []
  #heldBytes = 0
  #paused = false
  #scheduled = false
  #closing = false
  #gone = false
  #told = false
  #error: Error | undefined
  #drainTimer: ReturnType<typeof setTimeout> | undefined
  #lingerTimer: ReturnType<typeof setTimeout> | undefined

  constructor(socket: WebSocket, peer: PeerInfo, options: NativeOptions) {
    this.peer = peer
    this.#socket = socket
    this.#options = options
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => this.#message(data))
    socket.addEventListener('close', ({ code, reason }) => this.#finish(endOf(code, reason)))
  }

  get bufferedAmount(): number {
    return this.#gone ? 0 : this.#socket.bufferedAmount
  }

  start(reader: ConnectionReader): void {
    this.#reader = reader
    this.#schedule()
  }

  send(bytes: Uint8Array): boolean {
    if (this.#closing || this.#gone || this.#socket.readyState !== this.#socket.OPEN) return false
    // The platform takes any view; the type speaks of ArrayBuffers that are not shared.
    inFrames(bytes, (frame) => this.#socket.send(frame as Uint8Array<ArrayBuffer>))
    if (this.#socket.bufferedAmount < this.#options.highWaterMark) return true
    this.#drainTimer ??= setTimeout(() => this.#drain(), lookAgain)
    return false
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#schedule()
  }

  close(error?: Error): void {
    if (this.#gone || (this.#closing && error === undefined)) return
    this.#closing = true
    this.#held = []
    this.#heldBytes = 0
    this.#socket.close(1000)
    if (error !== undefined) this.#finish(error)
    else this.#lingerTimer ??= setTimeout(() => this.#giveUp(), this.#options.linger)
  }

  #message(data: unknown): void {
    if (this.#closing || this.#gone) return
    if (!(data instanceof ArrayBuffer)) {
      // [MQTT-6.0.0-1]; 1003 itself is not for pages to send.
      this.#closing = true
      this.#socket.close(4003)
      this.#finish(new Error('the peer sent a text frame'))
      return
    }
    if (data.byteLength === 0) return
    this.#held.push(new Uint8Array(data))
    this.#heldBytes += data.byteLength
    if (this.#reader !== undefined && !this.#paused && !this.#scheduled) this.#run()
    if (this.#heldBytes > this.#options.maxHeld) {
      this.close(new Error(`more than ${this.#options.maxHeld} bytes arrived during a pause`))
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#reader === undefined) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#run()
    })
  }

  #run(): void {
    const reader = this.#reader
    if (reader === undefined || this.#told) return
    try {
      for (let bytes; !this.#paused && (bytes = this.#held.shift()) !== undefined;) {
        this.#heldBytes -= bytes.length
        reader.data(bytes)
      }
    } catch (error) {
      this.close(asError(error))
    }
    if (!this.#gone || this.#held.length > 0) return
    this.#told = true
    reader.close(this.#error)
  }

  #drain(): void {
    this.#drainTimer = undefined
    if (this.#closing || this.#gone) return
    if (this.#socket.bufferedAmount > this.#options.highWaterMark >> 1) {
      this.#drainTimer = setTimeout(() => this.#drain(), lookAgain)
      return
    }
    try {
      this.#reader?.drain()
    } catch (error) {
      this.close(asError(error))
    }
  }

  #giveUp(): void {
    const left = this.#socket.bufferedAmount > 0
    this.#finish(left ? new Error('the peer did not read what was left to send') : undefined)
  }

  #finish(error: Error | undefined): void {
    if (this.#gone) return
    this.#gone = true
    this.#error = error
    clearTimeout(this.#drainTimer)
    clearTimeout(this.#lingerTimer)
    this.#schedule()
  }
}
