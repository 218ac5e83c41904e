import { payloadLength } from './message-codec.ts'
import { BrokerError } from './errors.ts'
import type { Host, Timer } from './host.ts'
import type { Message, Offset } from './message.ts'
import { type Change, type Entry, hasRow, PendingCommit, type Rows, setRow } from './pending-commit.ts'
import { type RowWriter, type Saved, sessionLog, table } from './rows.ts'
import type { Route } from './router.ts'
import type { Storage, TableChange } from './storage.ts'
import type { Subscription } from './subscription.ts'

/** What the committer tells the rest of the broker. */
export interface CommitObserver {
  /** The message is durable (or nothing had to be): deliver it. Offset -1 when no log has it. */
  committed(message: Message, route: Route | undefined, offset: Offset): void
  failed(error: unknown): void
  /** This subscription has learned from which record on it counts. */
  subscribed(subscription: Subscription): void
  /** The storage took a batch with so many records, and so long for it, milliseconds. */
  wrote(records: number, took: number): void
  /** So many messages are durable, and were accepted so long ago, the oldest of them. */
  acknowledged(messages: number, took: number): void
}

/**
 * Group commit: everything that must become durable in one turn of the event loop is one batch of the storage, and one
 * batch at a time is under way. Messages are delivered when their batch is durable, in the order they came.
 */
export class Committer {
  readonly #host: Host
  readonly #storage: Storage
  readonly #observer: CommitObserver
  #later = new Set<Saved>()
  #laterRows: Rows = new Map()
  /** What waits for a batch that failed waits for the next one. */
  #laterAfter: (() => void)[] = []
  #laterTimer: Timer | undefined
  #open: PendingCommit | undefined
  #flying: PendingCommit | undefined
  #end: Offset = 0
  /** Commits that have failed one after the other. */
  #failures = 0
  /** Runs while the next commit may not begin, since those before it have failed. */
  #pause: Timer | undefined
  /** Who waits behind that pause. */
  readonly #publishers = new Set<string>()

  constructor(host: Host, storage: Storage, observer: CommitObserver) {
    this.#host = host
    this.#storage = storage
    this.#observer = observer
  }

  /** The offset of the first record that is not durable yet; while rows are saved, that of the first record of their batch. */
  get end(): Offset {
    return this.#end
  }

  /** Payload bytes that wait for the storage. */
  get backlog(): number {
    return (this.#open?.bytes ?? 0) + (this.#flying?.bytes ?? 0)
  }

  /** Resolves when everything asked for until now is durable; undefined when it is. */
  get done(): Promise<void> | undefined {
    return (this.#open ?? this.#flying)?.done
  }

  /** Where the log ended when the broker was started. */
  start(end: Offset): void {
    this.#end = end
  }

  /**
   * Whether a message that is not to be written must take its turn behind what is. Not while the storage fails: then who
   * waits for it waits alone.
   */
  isBefore(publisher: string): boolean {
    if (this.#pause === undefined) return this.done !== undefined
    return this.#publishers.has(publisher)
  }

  /** Delivers a message in its order: after becoming a record if `placed`, else only behind what is under way. */
  publish(entry: Entry): Promise<void> {
    const commit = this.#commit()
    commit.entries.push(entry)
    commit.bytes += payloadLength(entry.message)
    if (entry.placed) commit.placed++
    if (this.#pause !== undefined) this.#publishers.add(entry.message.publisher)
    return entry.bound ? commit.done : commit.passed
  }

  /**
   * Sets or deletes a row. If the batch fails it is written with the next one, unless `undo` takes back in memory what
   * the row stands for.
   */
  write(name: string, key: string, value: Uint8Array | undefined, undo?: () => void): void {
    const { rows } = this.#commit()
    // Two changes of one batch fail together: the way back is that of the first.
    setRow(rows, name, key, { value, undo: rows.get(name)?.get(key)?.undo ?? undo })
  }

  /** Writes this object's rows as they are when the batch begins. */
  save(saved: Saved): void {
    this.#commit().saves.add(saved)
  }

  /** The same with the next batch that comes, within a second: for what may be repeated after a crash. */
  saveLater(saved: Saved): void {
    this.#later.add(saved)
    this.#soon()
  }

  /** Sets or deletes a row with the next batch that comes, within a second. */
  writeLater(name: string, key: string, value: Uint8Array | undefined): void {
    // An older change of the same row must not come behind this one.
    if (hasRow(this.#open?.rows, name, key)) return this.write(name, key, value)
    setRow(this.#laterRows, name, key, { value, undo: undefined })
    this.#soon()
  }

  /** From here on, in the order of records, this subscription is owed what it matches. */
  since(subscription: Subscription): void {
    const commit = this.#commit()
    commit.since.push([subscription, commit.placed])
    // Not known before the batch begins; nothing that is written already is for it.
    this.#count(subscription, Infinity)
    commit.saves.add(subscription)
  }

  /** Calls back once the rows written until now are durable, behind the messages of their batch. If that fails, once a later batch has brought them. */
  after(callback: () => void): void {
    this.#commit().after.push(callback)
  }

  /** Resolves when nothing is left to write, lazily saved state included. Rejects if that failed. */
  async flush(): Promise<void> {
    if (this.#hasLater) this.#commit()
    // Who closes has no time to wait.
    this.#resume()
    for (let done = this.done; done !== undefined; done = this.done) await done
    this.#laterTimer?.cancel()
    this.#laterTimer = undefined
  }

  get #hasLater(): boolean {
    return this.#later.size > 0 || this.#laterRows.size > 0 || this.#laterAfter.length > 0
  }

  #soon(): void {
    this.#laterTimer ??= this.#host.clock.timer(1000, () => {
      this.#laterTimer = undefined
      // Nobody may come as long as we say that we fail: it must be tried all the same.
      if (this.#failures > 0) this.write(table.probe, '', new Uint8Array(1))
      else if (this.#hasLater) this.#commit()
    })
  }

  #count(subscription: Subscription, since: Offset): void {
    subscription.since = since
    this.#observer.subscribed(subscription)
  }

  #commit(): PendingCommit {
    if (this.#open !== undefined) return this.#open
    const commit = (this.#open = new PendingCommit())
    this.#host.defer(() => {
      commit.due = true
      this.#begin()
    })
    return commit
  }

  #begin(): void {
    const commit = this.#open
    if (this.#flying !== undefined || this.#pause !== undefined || commit === undefined || !commit.due) return
    this.#open = undefined
    this.#flying = commit
    for (const saved of this.#later) commit.saves.add(saved)
    for (const [name, rows] of this.#laterRows)
      for (const [key, change] of rows) if (!hasRow(commit.rows, name, key)) setRow(commit.rows, name, key, change)
    commit.after.unshift(...this.#laterAfter)
    this.#later = new Set()
    this.#laterRows = new Map()
    this.#laterAfter = []
    for (const [subscription, before] of commit.since) this.#count(subscription, this.#end + before)
    const write: RowWriter = (name, key, value) => {
      // Of two that had the same name one after the other, the one that lives has the say.
      if (value !== undefined || !hasRow(commit.rows, name, key))
        setRow(commit.rows, name, key, { value, undo: nothing })
    }
    for (const saved of commit.saves) saved.saveRows(write)
    this.#store(commit).then(
      () => this.#succeed(commit),
      (error: unknown) => this.#fail(commit, error),
    )
  }

  async #store(commit: PendingCommit): Promise<void> {
    const records = commit.entries.filter((entry) => entry.placed).map((entry) => entry.message)
    const writes = Array.from(commit.rows, ([name, rows]) => ({
      table: name,
      changes: Array.from(rows, ([key, { value }]): TableChange => ({ key, value })),
    }))
    if (records.length === 0 && writes.length === 0) return
    const { clock } = this.#host
    const begun = clock.now()
    await this.#storage.commit({ appends: records.length === 0 ? [] : [{ log: sessionLog, records }], writes })
    this.#failures = 0
    if (commit.rows.get(table.probe)?.get('')?.value !== undefined) this.writeLater(table.probe, '', undefined)
    this.#observer.wrote(records.length, clock.now() - begun)
  }

  #succeed(commit: PendingCommit): void {
    let offset = this.#end
    this.#end += commit.placed
    this.#flying = undefined
    const oldest = commit.entries.find(({ bound }) => bound)?.message.timestamp
    if (oldest !== undefined) this.#observer.acknowledged(commit.entries.length, this.#host.clock.now() - oldest)
    for (const { message, route, placed } of commit.entries)
      this.#observer.committed(message, route, placed ? offset++ : -1)
    commit.resolve()
    commit.pass()
    // Whoever waits for this batch hears of it first.
    if (commit.after.length > 0) void commit.done.then(() => this.#call(commit.after))
    this.#begin()
  }

  #fail(commit: PendingCommit, error: unknown): void {
    this.#flying = undefined
    for (const saved of commit.saves) this.#later.add(saved)
    for (const [name, rows] of commit.rows) for (const [key, change] of rows) this.#takeBack(name, key, change)
    // The records it was counted behind do not exist: the subscription is owed whatever comes now.
    for (const [subscription] of commit.since) this.#count(subscription, this.#end)
    this.#laterAfter.push(...commit.after)
    this.#soon()
    this.#observer.failed(error)
    this.#retryAfter(pauseAfter(++this.#failures))
    for (const { message, route, bound } of commit.entries) if (!bound) this.#observer.committed(message, route, -1)
    commit.reject(
      error instanceof BrokerError ? error : new BrokerError('storage-failed', 'the storage failed', { cause: error }),
    )
    commit.pass()
    this.#begin()
  }

  /** A storage that fails is not asked again and again: whoever waits for it is held up by that. */
  #retryAfter(milliseconds: number): void {
    if (milliseconds === 0) return
    this.#pause = this.#host.clock.timer(milliseconds, () => this.#resume())
    const open = this.#open
    if (open === undefined) return
    for (const { message, route } of open.release(this.#publishers)) this.#observer.committed(message, route, -1)
    open.pass()
  }

  #resume(): void {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#publishers.clear()
    this.#begin()
  }

  /** A row could not be written. Who was refused takes it back; state that went on without the disk is written with the next batch. */
  #takeBack(name: string, key: string, change: Change): void {
    const newer = this.#open?.rows.get(name)?.get(key)
    if (newer !== undefined) newer.undo = change.undo
    else if (change.undo !== undefined) change.undo()
    else if (!hasRow(this.#laterRows, name, key)) setRow(this.#laterRows, name, key, change)
  }

  #call(callbacks: readonly (() => void)[]): void {
    for (const callback of callbacks) {
      try {
        callback()
      } catch (error) {
        this.#host.report(error, 'going on after a commit')
      }
    }
  }
}

/** How long a storage that has failed so often in a row is left alone, milliseconds. The first few failures may be over already. */
function pauseAfter(failures: number): number {
  return failures < 4 ? 0 : Math.min(1000, 20 * 2 ** (failures - 4))
}

// What was saved as a whole is saved again as a whole.
function nothing(): void {}
