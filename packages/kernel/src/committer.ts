import { BrokerError } from './errors.ts'
import type { Host } from './host.ts'
import type { Message, Offset } from './message.ts'
import { type RowWriter, type Saved, sessionLog, table } from './rows.ts'
import type { Route } from './router.ts'
import type { Storage, TableChange } from './storage.ts'
import type { Subscription } from './subscription.ts'

/** A message on its way through a commit. */
interface Entry {
  readonly message: Message
  readonly route: Route | undefined
  /** True: it becomes a record of the session log. */
  readonly placed: boolean
  /** Takes back what accepting the message changed, if its commit fails. */
  readonly undo: (() => void) | undefined
}

class PendingCommit {
  readonly entries: Entry[] = []
  readonly rows = new Map<string, Map<string, Uint8Array | undefined>>()
  readonly saves = new Set<Saved>()
  readonly since: [Subscription, number][] = []
  readonly after: (() => void)[] = []
  readonly done: Promise<void>
  resolve!: () => void
  reject!: (error: BrokerError) => void
  placed = 0
  bytes = 0
  /** True once the turn it was opened in is over. */
  due = false

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.done.catch(() => {})
  }
}

/** What the committer tells the rest of the broker. */
export interface CommitObserver {
  /** The message is durable (or nothing had to be): deliver it. Offset -1 when no log has it. */
  committed(message: Message, route: Route | undefined, offset: Offset): void
  failed(error: unknown): void
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
  #laterRows: [string, string, Uint8Array | undefined][] = []
  #laterTimer = false
  #open: PendingCommit | undefined
  #flying: PendingCommit | undefined
  #end: Offset = 0
  #commits = 0

  constructor(host: Host, storage: Storage, observer: CommitObserver) {
    this.#host = host
    this.#storage = storage
    this.#observer = observer
  }

  /** The offset of the first record that is not durable yet; while rows are saved, that of the first record of their batch. */
  get end(): Offset {
    return this.#end
  }

  /** Batches written. */
  get commits(): number {
    return this.#commits
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

  /** Delivers a message in its order: after becoming a record if `placed`, else only behind what is under way. */
  publish(entry: Entry): Promise<void> {
    const commit = this.#commit()
    commit.entries.push(entry)
    commit.bytes += entry.message.payload.length
    if (entry.placed) commit.placed++
    return commit.done
  }

  /** Sets or deletes a row. */
  write(name: string, key: string, value: Uint8Array | undefined): void {
    setRow(this.#commit(), name, key, value)
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
    this.#laterRows.push([name, key, value])
    this.#soon()
  }

  /** From here on, in the order of records, this subscription is owed what it matches. */
  since(subscription: Subscription): void {
    const commit = this.#commit()
    commit.since.push([subscription, commit.placed])
    commit.saves.add(subscription)
  }

  /** Calls back once the present batch is durable, behind its messages; not at all if it fails. */
  after(callback: () => void): void {
    this.#commit().after.push(callback)
  }

  /** Resolves when nothing is left to write, lazily saved state included. Rejects if that failed. */
  async flush(): Promise<void> {
    if (this.#later.size > 0 || this.#laterRows.length > 0) this.#commit()
    for (let done = this.done; done !== undefined; done = this.done) await done
  }

  #soon(): void {
    if (this.#laterTimer) return
    this.#laterTimer = true
    this.#host.clock.timer(1000, () => {
      this.#laterTimer = false
      if (this.#later.size > 0 || this.#laterRows.length > 0) this.#commit()
    })
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
    if (this.#flying !== undefined || commit === undefined || !commit.due) return
    this.#open = undefined
    this.#flying = commit
    for (const saved of this.#later) commit.saves.add(saved)
    for (const [name, key, value] of this.#laterRows)
      if (commit.rows.get(name)?.has(key) !== true) setRow(commit, name, key, value)
    this.#later = new Set()
    this.#laterRows = []
    for (const [subscription, before] of commit.since) subscription.since = this.#end + before
    const write: RowWriter = (name, key, value) => setRow(commit, name, key, value)
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
      changes: Array.from(rows, ([key, value]): TableChange => ({ key, value })),
    }))
    if (records.length === 0 && writes.length === 0) return
    await this.#storage.commit({ appends: records.length === 0 ? [] : [{ log: sessionLog, records }], writes })
    this.#commits++
  }

  #succeed(commit: PendingCommit): void {
    let offset = this.#end
    this.#end += commit.placed
    this.#flying = undefined
    for (const { message, route, placed } of commit.entries)
      this.#observer.committed(message, route, placed ? offset++ : -1)
    commit.resolve()
    // Whoever waits for this batch hears of it first.
    if (commit.after.length > 0) void commit.done.then(() => commit.after.forEach((callback) => callback()))
    this.#begin()
  }

  #fail(commit: PendingCommit, error: unknown): void {
    this.#flying = undefined
    for (let i = commit.entries.length; i-- > 0;) commit.entries[i]!.undo?.()
    for (const saved of commit.saves) this.#later.add(saved)
    // Who was refused a publish undoes its own rows; state that went on without the disk is written with the next batch.
    for (const [key, value] of commit.rows.get(table.inflight) ?? []) this.#laterRows.push([table.inflight, key, value])
    this.#soon()
    this.#observer.failed(error)
    commit.reject(
      error instanceof BrokerError ? error : new BrokerError('storage-failed', 'the storage failed', { cause: error }),
    )
    this.#begin()
  }
}

function setRow(commit: PendingCommit, name: string, key: string, value: Uint8Array | undefined): void {
  let rows = commit.rows.get(name)
  if (rows === undefined) commit.rows.set(name, (rows = new Map()))
  rows.set(key, value)
}
