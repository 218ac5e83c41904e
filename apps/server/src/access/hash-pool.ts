import { type PasswordHash, verifyPassword } from '@isomq/auth-password'
import { BrokerError } from '@isomq/kernel'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** What the thread is asked. */
export interface HashTask {
  readonly id: number
  readonly password: Uint8Array
  readonly hash: string
}

/** Logins that may wait for it; more are turned away, and may come again. */
const most = 1000
// Of a built program alone: its sources are run by tests, which have no thread for TypeScript.
const program = new URL('./hash-worker.js', import.meta.url)

/** Compares passwords with what is kept of them; Argon2 on a thread of its own, started when it is first needed, for it would stop everything else. */
export class HashPool {
  #worker: Worker | undefined
  #next = 0
  readonly #waiting = new Map<number, (isRight: boolean) => void>()

  /** Rejects with BrokerError `unavailable` where too many wait. */
  verify(password: Uint8Array, kept: PasswordHash): Promise<boolean> {
    if (kept.kind !== 'argon2id' || !existsSync(fileURLToPath(program))) return verifyPassword(password, kept)
    if (this.#waiting.size >= most) throw new BrokerError('unavailable', 'too many logins at a time')
    const worker = (this.#worker ??= this.#start())
    return new Promise((resolve) => {
      const id = this.#next++
      this.#waiting.set(id, resolve)
      const task: HashTask = { id, password: new Uint8Array(password), hash: kept.encoded }
      worker.postMessage(task, [])
    })
  }

  close(): void {
    void this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(program)
    worker.unref()
    worker.on('message', ({ id, isRight }: { id: number; isRight: boolean }) => this.#answer(id, isRight))
    // Nobody is let in by a fault; the next one gets a new thread.
    worker.on('error', () => this.#fail())
    worker.on('exit', () => this.#fail())
    return worker
  }

  #answer(id: number, isRight: boolean): void {
    this.#waiting.get(id)?.(isRight)
    this.#waiting.delete(id)
  }

  #fail(): void {
    this.#worker = undefined
    for (const id of Array.from(this.#waiting.keys())) this.#answer(id, false)
  }
}
