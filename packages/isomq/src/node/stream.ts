import type { Connection } from '@isomq/kernel'
import { Duplex } from 'node:stream'
import type { Broker } from '../broker.ts'

/** What MQTT.js takes in Node to reach this broker without a network: `new MqttClient(streamBuilder(broker), {})`. */
export function streamBuilder(broker: Pick<Broker, 'connect'>): () => Duplex {
  return () => new ConnectionStream(broker.connect())
}

/** A connection as a stream of Node. It owns the connection. */
class ConnectionStream extends Duplex {
  readonly #connection: Connection
  #written: (() => void) | undefined

  constructor(connection: Connection) {
    super()
    this.#connection = connection
    connection.start({
      data: (bytes) => {
        if (!this.push(bytes)) connection.pause()
      },
      drain: () => this.#flushed(),
      close: (error) => {
        this.#flushed()
        if (error !== undefined) {
          this.destroy(error)
          return
        }
        this.push(null)
        this.end()
      },
    })
  }

  override _read(): void {
    this.#connection.resume()
  }

  // What is sent is given away, and buffers of a writer may be parts of a pool.
  override _write(chunk: Uint8Array, _: unknown, written: () => void): void {
    if (this.#connection.send(Uint8Array.from(chunk))) written()
    else this.#written = written
  }

  override _final(finished: () => void): void {
    this.#connection.close()
    finished()
  }

  override _destroy(error: Error | null, destroyed: (error: Error | null) => void): void {
    this.#connection.close(error ?? undefined)
    destroyed(error)
  }

  #flushed(): void {
    const written = this.#written
    this.#written = undefined
    written?.()
  }
}
