import { payloadLength } from './message-codec.ts'
import type { BrokerError } from './errors.ts'
import type { Message } from './message.ts'
import type { Route } from './router.ts'
import type { Saved } from './rows.ts'
import type { Subscription } from './subscription.ts'

/** A message on its way through a commit. */
export interface Entry {
  readonly message: Message
  readonly route: Route | undefined
  /** True: it becomes a record of the session log. */
  readonly placed: boolean
  /** True: if the commit fails the message is refused. False: nothing of it is written, it only takes its turn. */
  readonly bound: boolean
}

/** What is to become of a row. */
export interface Change {
  readonly value: Uint8Array | undefined
  /** Takes back in memory what the row stands for, if its commit fails. Without it the row goes with the next one. */
  undo: (() => void) | undefined
}

/** Changes by table and key. */
export type Rows = Map<string, Map<string, Change>>

/** What is gathered to become durable together, and who waits for that. */
export class PendingCommit {
  entries: Entry[] = []
  readonly rows: Rows = new Map()
  readonly saves: Set<Saved> = new Set()
  readonly since: [Subscription, number][] = []
  readonly after: (() => void)[] = []
  readonly done: Promise<void>
  /** What those wait for that only take their turn. */
  #passed: Promise<void> | undefined
  #pass: (() => void) | undefined
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

  /** Fulfilled when the turn has come of those that are not bound to it, whatever becomes of the commit. */
  get passed(): Promise<void> {
    return (this.#passed ??= new Promise((resolve) => (this.#pass = resolve)))
  }

  /** Their turn has come. */
  pass(): void {
    this.#pass?.()
    this.#passed = undefined
  }

  /** Takes out those that only take their turn, but not behind a bound one of the same publisher: of whom there is one is added to `bound`. */
  release(bound: Set<string>): readonly Entry[] {
    for (const entry of this.entries) if (entry.bound) bound.add(entry.message.publisher)
    const passing = this.entries.filter(({ message }) => !bound.has(message.publisher))
    if (passing.length > 0) this.entries = this.entries.filter(({ message }) => bound.has(message.publisher))
    for (const { message } of passing) this.bytes -= payloadLength(message)
    return passing
  }
}

/** Whether something is to become of this row. */
export function hasRow(rows: Rows | undefined, name: string, key: string): boolean {
  return rows?.get(name)?.has(key) === true
}

/** What is to become of this row, whatever was to before. */
export function setRow(tables: Rows, name: string, key: string, change: Change): void {
  let rows = tables.get(name)
  if (rows === undefined) tables.set(name, (rows = new Map()))
  rows.set(key, change)
}
