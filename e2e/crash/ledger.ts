import type { History } from './history.ts'
import type { Qos } from './wire.ts'

/** A message that was given to the broker, and what is known of its fate. */
export interface Entry {
  /** Names it: publisher and number. */
  readonly key: string
  readonly publisher: string
  /** Grows with each message of its publisher. */
  readonly n: number
  readonly topic: string
  readonly qos: Qos
  readonly payload: string
  /** When it was first sent. */
  readonly first: number
  /** How often it was sent. */
  sends: number
  /** When its acknowledgement arrived: from then on it must not be lost. */
  acked: number | undefined
}

/** All messages of a run. */
export class Ledger {
  readonly #entries = new Map<string, Entry>()
  readonly #history: History

  constructor(history: History) {
    this.#history = history
  }

  get size(): number {
    return this.#entries.size
  }

  [Symbol.iterator](): IterableIterator<Entry> {
    return this.#entries.values()
  }

  /** A new message, sent for the first time now. */
  enter(fields: Pick<Entry, 'publisher' | 'n' | 'topic' | 'qos'>, padding: number): Entry {
    const key = `${fields.publisher}:${fields.n}`
    const payload = `${key} ${String(fields.n % 10).repeat(padding)}`
    const entry = { ...fields, key, payload, first: this.#history.now, sends: 0, acked: undefined }
    this.#entries.set(key, entry)
    return entry
  }

  /** The message that this payload is of, if it is whole. */
  find(payload: string): Entry | undefined {
    const entry = this.#entries.get(payload.slice(0, payload.indexOf(' ')))
    return entry?.payload === payload ? entry : undefined
  }
}
