import type { Message, Offset, ReadOptions, StoredMessage } from '@isomq/kernel'
import { getMany, type UseStore } from 'idb-keyval'
import type { Damage } from './checksum.ts'
import { segmentKey } from './keys.ts'
import { LogIndex } from './log-index.ts'
import type { SegmentCache } from './segment-cache.ts'
import { nameOf, OpenSegment, type Segment } from './segment.ts'

/** Bytes that are read together, if more than one segment is. */
const bytesAtOnce = 1024 * 1024

/** One log: where its records are, and what they are. */
export class LogReader {
  readonly index: LogIndex
  readonly #store: UseStore
  readonly #cache: SegmentCache
  readonly #damage: Damage

  constructor(name: string, { store, cache, damage }: { store: UseStore; cache: SegmentCache; damage: Damage }) {
    this.index = new LogIndex(name)
    this.#store = store
    this.#cache = cache
    this.#damage = damage
  }

  async get(offsets: readonly Offset[]): Promise<readonly (StoredMessage | undefined)[]> {
    const found = new Map<Offset, StoredMessage>()
    for (let wanted = offsets; wanted.length > 0;) {
      const places = wanted.flatMap((offset) => {
        const segment = this.index.find(offset)
        return segment === undefined ? [] : [{ offset, segment }]
      })
      const opened = await this.open(new Set(places.map(({ segment }) => segment)))
      for (const { offset, segment } of places) {
        const open = opened.get(segment)
        if (open !== undefined) found.set(offset, open.ownRecord(offset))
      }
      // What was merged or trimmed meanwhile is looked for again.
      wanted = places
        .filter(({ segment }) => !this.index.holds(segment) && !opened.has(segment))
        .map(({ offset }) => offset)
    }
    return offsets.map((offset) => found.get(offset))
  }

  async read(
    from: Offset,
    { limit, maxBytes = Infinity, where }: ReadOptions,
  ): Promise<{ readonly records: readonly StoredMessage[]; readonly next: Offset }> {
    const { index } = this
    const records: StoredMessage[] = []
    let bytes = 0
    let before: Message | undefined
    let next = Math.max(from, index.start)
    const isEnough = (): boolean => records.length >= limit || (records.length > 0 && bytes >= maxBytes)
    while (next < index.end && !isEnough()) {
      const segments = index.from(next, limit - records.length, bytesAtOnce)
      const opened = await this.open(new Set(segments))
      for (const segment of segments) {
        const open = opened.get(segment)
        // It was merged or trimmed meanwhile: the index knows where its records are now.
        if (open === undefined && !index.holds(segment)) break
        const end = segment.first + segment.count
        // Between two there may be a gap, where one is damaged.
        if (open === undefined) {
          next = Math.max(next, end)
          continue
        }
        for (next = Math.max(next, segment.first); next < end && !isEnough(); next++) {
          const record = open.record(next, before)
          before = record.message
          if (where !== undefined && !where(record)) continue
          records.push(record)
          bytes += record.message.payload.length
        }
        if (isEnough()) break
      }
      next = Math.max(next, index.start)
    }
    return { records, next }
  }

  /** These segments, those left out that are not there. Tells of each once that should be. */
  async open(segments: ReadonlySet<Segment>): Promise<ReadonlyMap<Segment, OpenSegment>> {
    const opened = new Map<Segment, OpenSegment>()
    const missing: Segment[] = []
    for (const segment of segments) {
      const open = this.#cache.get(segment)
      if (open === undefined) missing.push(segment)
      else opened.set(segment, open)
    }
    if (missing.length === 0) return opened
    const keys = missing.map((segment) => segmentKey(this.index.name, segment))
    const values = await getMany<unknown>(keys, this.#store)
    for (const [i, segment] of missing.entries()) {
      const open = OpenSegment.open(this.index.name, segment, values[i])
      if (open !== undefined) {
        opened.set(segment, open)
        if (this.index.holds(segment)) this.#cache.add(segment, open)
      } else if (this.index.holds(segment)) this.#damage.found(`${nameOf(this.index.name, segment)} are`)
    }
    return opened
  }
}
