import type { Message, Offset, StoredMessage } from './message.ts'
import type { Log } from './storage.ts'

/** What stays in the log although everybody has it, so that it can be read again. */
export interface HistoryOptions {
  /** Messages whose topic one of these matches become records, of QoS 0 too. */
  readonly filters: readonly string[]
  /** Payload bytes of the log that are kept; `Limits.logBytes` bounds it all the same. */
  readonly maxBytes: number
  /** Milliseconds for which a record is kept; `Limits.logAge` bounds it all the same. */
  readonly maxAge: number
}

/** What applies where a history is wanted and nothing else is said: a day, a quarter of what the log may hold. */
export const defaultHistory: HistoryOptions = { filters: [], maxBytes: 256 * 1024 * 1024, maxAge: 24 * 60 * 60 * 1000 }

/** What to read of the history. */
export interface HistoryReadOptions {
  /** At most so many records. */
  readonly limit: number
  /** Stop once so many payload bytes are gathered. */
  readonly maxBytes?: number | undefined
  /** Skip messages for which this is false; `next` still moves past them. */
  readonly where?: ((message: Message) => boolean) | undefined
}

/** The log of a broker for those who read it: every record it still has, whoever it was written for. */
export interface History {
  /** First kept offset, and the one the next record will get. Equal when there is nothing. */
  range(): Promise<{ readonly start: Offset; readonly end: Offset }>
  /** Records at `from` and after; `next` is where to read on. What was trimmed is skipped. */
  read(
    from: Offset,
    options: HistoryReadOptions,
  ): Promise<{ readonly records: readonly StoredMessage[]; readonly next: Offset }>
  /** The first record accepted at this time or later, milliseconds since the epoch; the end when there is none. Exact as far as the broker's clock never went back. */
  at(time: number): Promise<Offset>
  /** Calls back, at once and in the same turn, whenever records were added; they can be read then. Returns how to stop it. */
  watch(grown: () => void): () => void
}

/** The history of a log. */
export class LogHistory implements History {
  readonly #log: Log
  readonly #watchers = new Set<() => void>()

  constructor(log: Log) {
    this.#log = log
  }

  range(): Promise<{ readonly start: Offset; readonly end: Offset }> {
    return this.#log.range()
  }

  read(
    from: Offset,
    { limit, maxBytes, where }: HistoryReadOptions,
  ): Promise<{ readonly records: readonly StoredMessage[]; readonly next: Offset }> {
    // A retained message that a subscriber is owed is a copy of one that was published before.
    const wanted = ({ message }: StoredMessage): boolean =>
      message.recipient === undefined && (where === undefined || where(message))
    return this.#log.read(from, { limit, maxBytes, where: wanted })
  }

  async at(time: number): Promise<Offset> {
    const { start, end } = await this.#log.range()
    let low = start
    let high = end
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const [record] = await this.#log.get([middle])
      // It may be forgotten while we search: then all below is, too.
      if (record === undefined || record.message.timestamp < time) low = middle + 1
      else high = middle
    }
    return low
  }

  watch(grown: () => void): () => void {
    const watcher = (): void => grown()
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Records were added. */
  grew(): void {
    for (const grown of this.#watchers) grown()
  }
}
