import type { Clock, Connection, ConnectionReader, PeerInfo } from '@isomq/kernel'
import type { Port } from './broadcast-port.ts'
import { type Life, watchLife } from './life.ts'
import { Outbox } from './outbox.ts'
import { PeerDead } from './peer-dead.ts'
import { Pulse } from './pulse.ts'
import { isHello, version, window } from './wire.ts'

/** How a connection treats its port. */
export interface PortOptions {
  readonly clock: Clock
  readonly patience: number
  readonly owned: boolean
  readonly peer: PeerInfo
  /** Ours, for the other end to look at; ends with the connection. */
  readonly life?: Life | undefined
  /** The other end has said hello, in our version. */
  greeted?(): void
  /** It ended before that. */
  refused?(error: Error): void
}

/** One end of a MessagePort as a Connection. It owns the port from here on. */
export class PortConnection implements Connection {
  readonly peer: PeerInfo
  readonly #port: Port
  readonly #pulse: Pulse
  readonly #options: PortOptions
  readonly #outbox: Outbox
  #reader: ConnectionReader | undefined
  #inbox: Uint8Array[] = []
  /** Bytes in the inbox. */
  #unread = 0
  /** Bytes read that the peer was not told of. */
  #consumed = 0
  /** Bytes posted that the peer has not read, as far as it says. */
  #inFlight = 0
  #known = false
  #flushing = false
  #scheduled = false
  #paused = false
  /** A `send` returned false and no drain came since. */
  #blocked = false
  #closing = false
  /** Nothing is sent any more. */
  #ended = false
  #told = false
  #unwatch: () => void = () => undefined
  #error: Error | undefined

  constructor(port: Port, options: PortOptions) {
    this.peer = options.peer
    this.#port = port
    this.#options = options
    this.#outbox = new Outbox(options.owned)
    this.#pulse = new Pulse({
      clock: options.clock,
      patience: options.patience,
      ping: () => port.postMessage('ping', []),
      dead: () => this.#lost(new PeerDead('the other end of the port does not answer')),
    })
    port.addEventListener('message', ({ data }: MessageEvent<unknown>) => this.#message(data))
    port.addEventListener('messageerror', () => this.close(new Error('the port brought what cannot be read')))
    // Node says so when the other end is gone; elsewhere its life or the pulse tells.
    port.addEventListener('close', () => this.#lost(new Error('the other end of the port is gone')))
    port.start()
    port.postMessage({ isomq: version, ...(options.life && { life: options.life.name }) }, [])
  }

  get bufferedAmount(): number {
    return this.#outbox.length
  }

  start(reader: ConnectionReader): void {
    this.#reader = reader
    this.#schedule()
  }

  send(bytes: Uint8Array): boolean {
    if (this.#closing || this.#ended) return false
    this.#outbox.put(bytes)
    if (!this.#flushing && this.#outbox.length > 0) {
      this.#flushing = true
      // All that is sent in one turn leaves as one message.
      queueMicrotask(() => {
        this.#flushing = false
        this.#flush()
      })
    }
    if (this.#inFlight + this.#outbox.length <= window) return true
    this.#blocked = true
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
    if (this.#told || (this.#closing && error === undefined)) return
    this.#closing = true
    this.#discard()
    if (error === undefined) this.#flush()
    else this.#end('cut', error)
  }

  #message(data: unknown): void {
    this.#pulse.heard()
    if (!this.#known) this.#greet(data)
    else if (data instanceof ArrayBuffer) this.#receive(new Uint8Array(data))
    else if (typeof data === 'number' && data > 0 && data <= this.#inFlight) this.#credit(data)
    else if (data === 'ping') this.#port.postMessage('pong', [])
    else if (data === 'end') this.#peerEnded()
    else if (data === 'cut') this.#lost(new Error('the peer cut the connection off'))
    else if (data !== 'pong') this.close(new Error('the port brought what makes no sense'))
  }

  #greet(data: unknown): void {
    if (isHello(data) && data.isomq === version) {
      this.#known = true
      this.#unwatch = watchLife(data.life, () => this.#lost(new Error('who was at the other end is gone')))
      this.#options.greeted?.()
    } else if (data === 'cut') this.#lost(new Error('the peer cut the connection off'))
    else this.close(new Error(`the other end does not speak version ${version} of this connection`))
  }

  #receive(bytes: Uint8Array): void {
    if (this.#closing || this.#ended) return
    this.#inbox.push(bytes)
    this.#unread += bytes.length
    if (this.#unread > window) this.close(new Error('the peer sent more than it may'))
    else this.#run()
  }

  #credit(bytes: number): void {
    this.#inFlight -= bytes
    this.#flush()
    this.#run()
  }

  /** Posts what the peer has room for; after `close`, the end behind it. */
  #flush(): void {
    if (this.#ended) return
    while (this.#outbox.length > 0 && this.#inFlight < window) {
      const buffer = this.#outbox.take(window - this.#inFlight)
      this.#inFlight += buffer.byteLength
      this.#port.postMessage(buffer, [buffer])
    }
    if (this.#closing && this.#outbox.length === 0) this.#end('end', undefined)
  }

  /** The peer reads no more and sends no more. */
  #peerEnded(): void {
    if (!this.#ended) {
      const lost = this.#closing && this.#outbox.length > 0
      this.#end('end', lost ? new Error('the peer did not read what was left to send') : undefined)
    }
    this.#release()
  }

  #lost(error: Error): void {
    if (!this.#ended) {
      this.#discard()
      this.#end('cut', error)
    }
    this.#release()
  }

  /** Says goodbye. The port lives on for the answer to an end in order. */
  #end(farewell: 'end' | 'cut', error: Error | undefined): void {
    if (!this.#ended) this.#port.postMessage(farewell, [])
    this.#ended = true
    this.#error = error
    this.#outbox.clear()
    if (!this.#known) this.#options.refused?.(error ?? new Error('the peer closed before it said hello'))
    if (farewell === 'cut') this.#release()
    this.#schedule()
  }

  #release(): void {
    this.#pulse.stop()
    this.#unwatch()
    this.#options.life?.end()
    this.#port.close()
  }

  #discard(): void {
    this.#inbox = []
    this.#unread = 0
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
    if (reader === undefined || this.#scheduled || this.#told) return
    try {
      this.#deliver(reader)
      if (this.#blocked && !this.#closing && !this.#ended && this.#inFlight + this.#outbox.length <= window >> 1) {
        this.#blocked = false
        reader.drain()
      }
    } catch (error) {
      this.close(error instanceof Error ? error : new Error('the reader threw', { cause: error }))
    }
    if (!this.#ended || this.#inbox.length > 0) return
    this.#told = true
    reader.close(this.#error)
  }

  #deliver(reader: ConnectionReader): void {
    while (!this.#paused && !this.#closing) {
      const bytes = this.#inbox.shift()
      if (bytes === undefined) break
      this.#unread -= bytes.length
      this.#consumed += bytes.length
      reader.data(bytes)
    }
    // By quarters of the window: not every message is worth an answer.
    if (this.#ended || this.#consumed < window >> 2) return
    this.#port.postMessage(this.#consumed, [])
    this.#consumed = 0
  }
}
