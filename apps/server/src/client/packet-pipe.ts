import type { Connection } from '@isomq/kernel'
import { generate, parser, type Packet } from 'mqtt-packet'

/** How packets go over a connection. */
export interface PipeOptions {
  readonly version: 3 | 4 | 5
  readonly onPacket: (packet: Packet) => void
  readonly trace?: ((direction: 'sent' | 'received', packet: Packet) => void) | undefined
}

/** Packets over a connection. What cannot be read as a packet ends it. */
export class PacketPipe {
  readonly #connection: Connection
  readonly #options: PipeOptions
  readonly #parser: ReturnType<typeof parser>
  /** Settles when the connection has ended: undefined when in order, else why. */
  readonly closed: Promise<Error | undefined>
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

  /** Resolves when there is room for more. Rejects when the connection has ended, or the packet is larger than `maximum` bytes. */
  async send(packet: Packet, maximum: number = Infinity): Promise<void> {
    if (this.#ended) throw this.#reason ?? new Error('the connection has ended')
    const bytes = generate(packet, { protocolVersion: this.#options.version })
    if (bytes.length > maximum) throw new Error(`the broker takes no packet larger than ${maximum} bytes`)
    this.#options.trace?.('sent', packet)
    if (!this.#connection.send(bytes)) await new Promise<void>((resolve) => this.#drained.push(resolve))
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
  }

  #take(packet: Packet): void {
    if (this.#reason !== undefined) return
    this.#options.trace?.('received', packet)
    this.#options.onPacket(packet)
  }

  #drain(): void {
    const waiting = this.#drained
    this.#drained = []
    for (const resolve of waiting) resolve()
  }

  #end(error: Error | undefined): void {
    this.#ended = true
    this.#drain()
    this.#settle(this.#reason ?? error)
  }
}
