import type { BrokerEvent } from './events.ts'
import type { Clock } from './host.ts'

/** How a broker does. While its storage fails it goes on with whatever need not be written. */
export type Health =
  | { readonly state: 'ok' }
  /** Times in milliseconds; the error is that of the first failure. */
  | { readonly state: 'storage-failing'; readonly since: number; readonly error: unknown }

/** What a storage is asked to do. It may be able to do one and not the other. */
export type StorageTask = 'commit' | 'read' | 'trim'

const ok: Health = { state: 'ok' }

/** Knows whether the storage works, and tells when that changes: once when it begins to fail, and once when all works again. */
export class StorageHealth {
  readonly #clock: Clock
  readonly #emit: (event: BrokerEvent) => void
  readonly #failing = new Set<StorageTask>()
  #health: Health = ok

  constructor(clock: Clock, emit: (event: BrokerEvent) => void) {
    this.#clock = clock
    this.#emit = emit
  }

  get health(): Health {
    return this.#health
  }

  /** The storage could not do this. */
  failed(task: StorageTask, error: unknown): void {
    this.#failing.add(task)
    if (this.#health.state !== 'ok') return
    this.#health = { state: 'storage-failing', since: this.#clock.now(), error }
    this.#emit({ type: 'storage-failed', error })
  }

  /** The storage has done this. */
  worked(task: StorageTask): void {
    if (this.#health.state === 'ok' || !this.#failing.delete(task) || this.#failing.size > 0) return
    const { since } = this.#health
    this.#health = ok
    this.#emit({ type: 'storage-recovered', since })
  }
}
