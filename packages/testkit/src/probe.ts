import type { ConnectionReader } from '@isomq/kernel'

/** A reader that remembers what it was told, and what it should not have been told. */
export interface Probe extends ConnectionReader {
  /** Every array that was delivered, as it was delivered: kept, never copied. */
  readonly chunks: readonly Uint8Array[]
  /** Bytes delivered so far. */
  readonly length: number
  readonly drains: number
  /** The arguments of each `close`. */
  readonly closes: readonly (Error | undefined)[]
  /** Breaches of the reader's contract: calls that overlapped or came after `close`. */
  readonly breaches: readonly string[]
  /** All bytes delivered, joined. Read late, so that a transport that reuses its buffers is found out. */
  bytes(): Uint8Array
}

/** What a Probe does besides remembering. */
export interface ProbeOptions {
  data?(bytes: Uint8Array): void
  drain?(): void
  close?(error: Error | undefined): void
}

/** A Probe; start it on a connection. */
export function probe(options: ProbeOptions = {}): Probe {
  const chunks: Uint8Array[] = []
  const closes: (Error | undefined)[] = []
  const breaches: string[] = []
  let length = 0
  let drains = 0
  let inside: string | undefined

  const during = (call: string, task: () => void): void => {
    if (inside !== undefined) breaches.push(`${call} inside ${inside}`)
    if (closes.length > 0) breaches.push(`${call} after close`)
    const outer = inside
    inside = call
    try {
      task()
    } finally {
      inside = outer
    }
  }

  return {
    chunks,
    closes,
    breaches,
    get length() {
      return length
    },
    get drains() {
      return drains
    },
    data(bytes) {
      during('data', () => {
        chunks.push(bytes)
        if (Object.getPrototypeOf(bytes) !== Uint8Array.prototype) breaches.push('data that is no plain Uint8Array')
        length += bytes.length
        options.data?.(bytes)
      })
    },
    drain() {
      during('drain', () => {
        drains++
        options.drain?.()
      })
    },
    close(error) {
      during('close', () => {
        options.close?.(error)
        closes.push(error)
      })
    },
    bytes() {
      const all = new Uint8Array(length)
      let at = 0
      for (const chunk of chunks) {
        all.set(chunk, at)
        at += chunk.length
      }
      return all
    },
  }
}

/** Bytes that differ at every place and from seed to seed, the same on every run. */
export function pattern(length: number, seed: number = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = (seed * 0x9e3779b1) | 1
  for (let i = 0; i < length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state
  }
  return bytes
}
