import type { Message, Offset, ReadOptions, StoredMessage } from '@isomq/kernel'

// Records lie in runs of this many, so that trimming gives up whole runs and no array is ever shifted.
const runLength = 1024

/** The records of one log. Reading, appending and trimming cost what they touch, not what the log holds. */
export class Records {
  #runs: (Message | undefined)[][] = []
  /** Number of the first run in `#runs`, counted from offset 0. */
  #firstRun = 0
  #start = 0
  #end = 0

  get start(): Offset {
    return this.#start
  }

  get end(): Offset {
    return this.#end
  }

  append(messages: readonly Message[]): void {
    for (const message of messages) {
      const run = Math.floor(this.#end++ / runLength) - this.#firstRun
      while (run >= this.#runs.length) this.#runs.push([])
      this.#runs[run]?.push(message)
    }
  }

  get(offset: Offset): StoredMessage | undefined {
    if (offset < this.#start || offset >= this.#end) return undefined
    const message = this.#runs[Math.floor(offset / runLength) - this.#firstRun]?.[offset % runLength]
    return message && { offset, message }
  }

  read(
    from: Offset,
    { limit, maxBytes, where }: ReadOptions,
  ): { readonly records: StoredMessage[]; readonly next: Offset } {
    const records: StoredMessage[] = []
    let bytes = 0
    let next = Math.max(from, this.#start)
    while (next < this.#end) {
      if (records.length >= limit || (maxBytes !== undefined && records.length > 0 && bytes >= maxBytes)) break
      const record = this.get(next++)
      if (record === undefined || (where !== undefined && !where(record))) continue
      records.push(record)
      bytes += record.message.payload.length
    }
    return { records, next }
  }

  trim(before: Offset): void {
    const start = Math.min(before, this.#end)
    if (!(start > this.#start)) return
    const gone = Math.floor(start / runLength) - this.#firstRun
    if (gone > 0) {
      this.#runs.splice(0, gone)
      this.#firstRun += gone
    }
    // The rest of a run that is partly trimmed keeps its places but lets go of the messages.
    const first = Math.max(this.#start, this.#firstRun * runLength)
    this.#runs[0]?.fill(undefined, first % runLength, start % runLength)
    this.#start = start
  }
}
