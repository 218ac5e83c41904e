import { BrokerError, type Offset } from '@isomq/kernel'
import type { Change, Database, WriteOptions } from './database.ts'
import { segmentKey, startKey } from './keys.ts'
import type { LogReader } from './log-reader.ts'
import type { SegmentCache } from './segment-cache.ts'
import { OpenSegment, pack, type PackedSegment, type Segment } from './segment.ts'

/** Encoded records to be added to a log. */
export interface Append {
  readonly log: LogReader
  readonly records: readonly Uint8Array[]
}

/** What belongs together: appends and rows. */
export interface Commit {
  readonly appends: readonly Append[]
  readonly rows: readonly Change[]
  /** Told at which offset each append begins; told again if what shared its transaction has failed. */
  readonly placed?: ((offset: Offset) => void) | undefined
}

/** A log is to begin at this offset, or at its end if that is lower. */
export interface Trim {
  readonly log: LogReader
  readonly before: Offset
}

type Waiting<Work> = Work & { readonly resolve: () => void; readonly reject: (error: unknown) => void }

/**
 * Transactions one after the other. Commits that are added in one turn, or while a transaction is under way, are the next
 * one together: one value for each log. If that fails, each is tried alone, in the same order, so that none fails for
 * another's sake.
 */
export class Transactions {
  readonly #database: Database
  readonly #cache: SegmentCache
  readonly #durable: WriteOptions
  readonly #ready: Promise<unknown>
  #waiting: Waiting<Commit | Trim>[] = []
  /** Settles when nothing is under way or waits; never rejects. */
  #running: Promise<void> | undefined

  /** Nothing is begun before `ready` is settled. */
  constructor(
    { database, cache }: { readonly database: Database; readonly cache: SegmentCache },
    durability: IDBTransactionDurability,
    ready: Promise<unknown>,
  ) {
    this.#database = database
    this.#cache = cache
    this.#durable = { durability, counted: true }
    this.#ready = ready
  }

  /** Resolves when it is durable; rejects as `Database.write` does. */
  add(work: Commit | Trim): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...work, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when everything added until now is over. */
  idle(): Promise<void> {
    return this.#running ?? Promise.resolve()
  }

  async #run(): Promise<void> {
    // Whatever else this turn brings is to be in it. If it cannot be opened each is refused when its turn comes.
    await this.#ready.catch(() => {})
    while (this.#waiting.length > 0) {
      const trimAt = this.#waiting.findIndex(isTrim)
      const works = this.#waiting.splice(0, trimAt === -1 ? this.#waiting.length : Math.max(1, trimAt))
      if (works.length > 1 && (await this.#together(works as Waiting<Commit>[]))) continue
      for (const work of works) await this.#alone(work)
    }
    this.#running = undefined
  }

  /** All in one transaction. False when that failed. */
  async #together(works: readonly Waiting<Commit>[]): Promise<boolean> {
    try {
      await this.#commit(works)
    } catch {
      return false
    }
    for (const { resolve } of works) resolve()
    await this.#mergeAll(works)
    return true
  }

  async #alone(work: Waiting<Commit | Trim>): Promise<void> {
    try {
      await (isTrim(work) ? this.#trim(work) : this.#commit([work]))
    } catch (error) {
      work.reject(error)
      return
    }
    work.resolve()
    if (!isTrim(work)) await this.#mergeAll([work])
  }

  async #commit(works: readonly Commit[]): Promise<void> {
    await this.#ready
    const added = new Map<LogReader, Uint8Array[]>()
    for (const { appends, placed } of works)
      for (const { log, records } of appends) {
        const all = added.get(log) ?? []
        placed?.(log.index.end + all.length)
        for (const record of records) all.push(record)
        added.set(log, all)
      }
    const packed = Array.from(added, ([log, records]) => ({
      log,
      segments: pack(log.index.name, records, log.index.end),
    }))
    const values = packed.flatMap(({ log, segments }) => segments.map((each) => putSegment(log, each)))
    const changes = values.concat(works.flatMap(({ rows }) => rows))
    if (changes.length > 0) await this.#database.write(changes, this.#durable)
    for (const { log, segments } of packed) {
      log.index.add(segments.map(({ segment }) => segment))
      this.#remember(segments)
    }
  }

  async #trim({ log, before }: Trim): Promise<void> {
    await this.#ready
    const { index } = log
    const start = Math.min(before, index.end)
    if (!(start > index.start)) return
    const gone = index.below(start)
    const changes = [{ key: startKey(index.name), value: start }, ...removed(index.name, gone)]
    try {
      await this.#database.write(changes, this.#durable)
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== 'quota-exceeded') throw error
      await this.#trimSegments(log, gone)
      await this.#database.write(changes, this.#durable)
    }
    this.#cache.drop(gone)
    index.trim(start)
  }

  /** Where there is no room even for a number: whole segments are removed, but for the last one of the log, which tells where it ends. */
  async #trimSegments({ index }: LogReader, gone: readonly Segment[]): Promise<void> {
    const last = gone.at(-1)
    const less = last !== undefined && last.first + last.count === index.end ? gone.slice(0, -1) : gone
    const end = less.at(-1)
    if (end === undefined) return
    await this.#database.write(removed(index.name, less), { ...this.#durable, counted: false })
    this.#cache.drop(less)
    index.trim(end.first + end.count)
  }

  async #mergeAll(works: readonly Commit[]): Promise<void> {
    for (const log of new Set(works.flatMap(({ appends }) => appends.map((each) => each.log))))
      for (let segments = log.index.mergeable; segments !== undefined; segments = log.index.mergeable)
        if (!(await this.#merge(log, segments))) break
  }

  /** False: it was not possible now. That does no harm. */
  async #merge(log: LogReader, segments: readonly Segment[]): Promise<boolean> {
    try {
      const opened = await log.open(new Set(segments))
      if (opened.size < segments.length) return false
      const records = segments.flatMap((segment) => {
        const open = opened.get(segment)!
        return Array.from({ length: segment.count }, (_, i) => open.bytesOf(segment.first + i))
      })
      const merged = pack(log.index.name, records, segments[0]!.first)
      const changes = merged.map((each) => putSegment(log, each))
      // Nothing new is in it: it need not be on the disk at once.
      const options = { durability: 'relaxed', counted: true } as const
      await this.#database.write([...removed(log.index.name, segments), ...changes], options)
      this.#cache.drop(segments)
      log.index.replace(
        segments,
        merged.map(({ segment }) => segment),
      )
      this.#remember(merged)
      return true
    } catch {
      return false
    }
  }

  #remember(segments: readonly PackedSegment[]): void {
    for (const { segment, bytes } of segments) this.#cache.add(segment, OpenSegment.of(segment, bytes))
  }
}

function isTrim(work: Commit | Trim): work is Trim {
  return 'before' in work
}

function putSegment(log: LogReader, { segment, bytes }: PackedSegment): Change {
  return { key: segmentKey(log.index.name, segment), value: bytes }
}

/** Removes segments that follow each other. */
function removed(log: string, segments: readonly Segment[]): Change[] {
  return segments.map((segment) => ({ key: segmentKey(log, segment), value: undefined }))
}
