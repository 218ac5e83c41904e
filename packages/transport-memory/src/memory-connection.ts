import type { Connection, ConnectionReader, PeerInfo } from '@isomq/kernel'

const now: Promise<void> = Promise.resolve()

/** One end of an in-process link. What it sends lies in the other end's inbox until that one reads it. */
export class MemoryConnection implements Connection {
  readonly peer: PeerInfo
  readonly #highWaterMark: number
  readonly #split: ((length: number) => number) | undefined
  #other: MemoryConnection = this
  #reader: ConnectionReader | undefined
  #inbox: Uint8Array[] = []
  #head = 0
  /** Bytes in the inbox. */
  #waiting = 0
  #scheduled = false
  #paused = false
  /** A `send` returned false and no drain came since. */
  #blocked = false
  /** This end called `close`: it neither sends nor reads any more. */
  #closing = false
  /** The other end is done: after the inbox comes `close`. */
  #ended = false
  #error: Error | undefined
  /** The reader was told of the end. */
  #told = false

  constructor(peer: PeerInfo, highWaterMark: number, split: ((length: number) => number) | undefined) {
    this.peer = peer
    this.#highWaterMark = highWaterMark
    this.#split = split
  }

  /** Called once on each end, before they are handed out. */
  linkTo(other: MemoryConnection): void {
    this.#other = other
  }

  get bufferedAmount(): number {
    return this.#told ? 0 : this.#other.#waiting
  }

  start(reader: ConnectionReader): void {
    this.#reader = reader
    this.#schedule()
  }

  send(bytes: Uint8Array): boolean {
    if (this.#closing || this.#ended) return false
    const other = this.#other
    if (bytes.length > 0) {
      other.#waiting += bytes.length
      other.#inbox.push(bytes)
      other.#schedule()
    }
    if (other.#waiting < this.#highWaterMark) return true
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
    if (this.#told || (this.#closing && (error === undefined || this.#error !== undefined))) return
    this.#closing = true
    this.#discard()
    const other = this.#other
    if (error !== undefined) {
      this.#error = error
      other.#discard()
      other.#error ??= new Error('the peer cut the connection off')
    }
    other.#ended = true
    other.#schedule()
    this.#schedule()
  }

  /** Everything a reader hears it hears from a microtask of its own: to send inside `data` never comes back inside it. */
  #schedule(): void {
    if (this.#scheduled || this.#reader === undefined) return
    this.#scheduled = true
    void now.then(() => this.#run())
  }

  #run(): void {
    this.#scheduled = false
    const reader = this.#reader
    if (reader === undefined || this.#told) return
    try {
      this.#deliver(reader)
      this.#drain(reader)
    } catch (error) {
      this.close(error instanceof Error ? error : new Error('the reader threw', { cause: error }))
    }
    // The other end's bytes come before its end, unless it cut the connection off.
    if (!this.#closing && !(this.#ended && this.#waiting === 0)) return
    this.#told = true
    reader.close(this.#error)
  }

  #deliver(reader: ConnectionReader): void {
    const other = this.#other
    while (this.#waiting > 0 && !this.#paused && !this.#closing) {
      const chunk = this.#take()
      reader.data(chunk)
      if (other.#blocked) other.#schedule()
    }
  }

  #drain(reader: ConnectionReader): void {
    if (!this.#blocked || this.#closing || this.#ended || this.#other.#waiting > this.#highWaterMark >> 1) return
    this.#blocked = false
    reader.drain()
  }

  #take(): Uint8Array {
    let chunk = this.#inbox[this.#head] ?? new Uint8Array(0)
    const size = Math.max(1, this.#split?.(chunk.length) ?? chunk.length)
    if (size < chunk.length) {
      this.#inbox[this.#head] = chunk.subarray(size)
      chunk = chunk.subarray(0, size)
    } else if (++this.#head === this.#inbox.length) {
      this.#inbox = []
      this.#head = 0
    }
    this.#waiting -= chunk.length
    return chunk
  }

  #discard(): void {
    this.#inbox = []
    this.#head = 0
    this.#waiting = 0
  }
}
