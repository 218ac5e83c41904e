import type { Connection } from '@isomq/kernel'
import { Buffer } from 'buffer'
import { generate, parser, type Packet } from 'mqtt-packet'

/** How packets go over a connection. */
export interface PipeOptions {
  readonly version: 3 | 4 | 5
  readonly onPacket: (packet: Packet) => void
  /** There is room again after `write` was false. */
  readonly onDrain?: (() => void) | undefined
  /** A chunk has been read: all packets that it completes have been handed over. */
  readonly onRead?: (() => void) | undefined
  readonly trace?: ((direction: 'sent' | 'received', packet: Packet) => void) | undefined
}

/** Packets over a connection. What cannot be read as a packet ends it. */
export class PacketPipe {
  readonly #connection: Connection
  readonly #options: PipeOptions
  readonly #parser: ReturnType<typeof parser>
  /** Settles when the connection has ended: undefined when in order, else why. */
  readonly closed: Promise<Error | undefined>
  /** Bytes of the largest packet the peer takes. */
  maximum: number = Infinity
  /** True after a `write` that was false, until there is room again. */
  congested: boolean = false
  #settle: (error: Error | undefined) => void = () => undefined
  #reason: Error | undefined
  #ended = false
  #drained: (() => void)[] = []

  constructor(connection: Connection, options: PipeOptions) {
    this.#connection = connection
    this.#options = options
    this.closed = new Promise((resolve) => (this.#settle = resolve))
    this.#parser = parser({ protocolVersion: options.version })
    this.#parser.on('packet', (packet) => this.#take(packet))
    this.#parser.on('error', (error: unknown) => {
      this.close(
        new Error(`the broker sent what is not MQTT: ${error instanceof Error ? error.message : String(error)}`),
      )
    })
    connection.start({
      data: (bytes) => this.#data(bytes),
      drain: () => this.#drain(),
      close: (error) => this.#end(error),
    })
  }

  /** Bytes that have not left yet. */
  get bufferedAmount(): number {
    return this.#connection.bufferedAmount
  }

  /** Sends. False: there is room for more when `onDrain` says so. Throws when the connection has ended, or the packet is larger than the peer takes. */
  write(packet: Packet): boolean {
    if (this.#ended) throw this.#reason ?? new Error('the connection has ended')
    const bytes = generate(packet, { protocolVersion: this.#options.version })
    if (bytes.length > this.maximum)
      throw new RangeError(`the broker takes no packet larger than ${this.maximum} bytes`)
    this.#options.trace?.('sent', packet)
    this.congested = !this.#connection.send(bytes)
    return !this.congested
  }

  /** Sends, and resolves when there is room for more. Rejects as `write` throws. */
  async send(packet: Packet): Promise<void> {
    if (!this.write(packet)) await new Promise<void>((resolve) => this.#drained.push(resolve))
  }

  /** Nothing more is read, but for what is already under way. */
  pause(): void {
    this.#connection.pause()
  }

  resume(): void {
    this.#connection.resume()
  }

  /** Flushes and closes; with an error, which `closed` then tells, at once. */
  close(error?: Error): void {
    this.#reason ??= error
    this.#connection.close(error)
  }

  #data(bytes: Uint8Array): void {
    if (this.#reason !== undefined) return
    try {
      this.#parser.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    } catch (error) {
      this.close(error as Error)
    }
    this.#options.onRead?.()
  }

  #take(packet: Packet): void {
    if (this.#reason !== undefined) return
    this.#options.trace?.('received', packet)
    this.#options.onPacket(packet)
  }

  #drain(): void {
    this.congested = false
    const waiting = this.#drained
    this.#drained = []
    for (const resolve of waiting) resolve()
    this.#options.onDrain?.()
  }

  #end(error: Error | undefined): void {
    this.#ended = true
    for (const resolve of this.#drained.splice(0)) resolve()
    this.#settle(this.#reason ?? error)
  }
}
