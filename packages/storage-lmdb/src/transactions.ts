import type { Environment, KeyChange } from './environment.ts'
import type { LogReader } from './log-reader.ts'

/** Changes that belong together. */
export interface Work {
  /** True: it is a trim. */
  readonly makesRoom: boolean
  /** What is to be changed. Called when its turn has come, for only then it is known where the logs end; and again if what it shared a transaction with has failed. */
  readonly changes: () => readonly KeyChange[]
  /** Logs it appends to. */
  readonly logs: readonly LogReader[]
}

interface Waiting extends Work {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Transactions one after the other. What is added in one turn, or while one is under way, is the next one together; if
 * that fails, each is tried alone, in the same order, so that none fails for another's sake.
 */
export class Transactions {
  readonly #environment: Environment
  #waiting: Waiting[] = []
  /** Settles when nothing is under way or waits; never rejects. */
  #running: Promise<void> | undefined

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** Resolves when it is durable; rejects as `Environment.transact` does. */
  add(work: Work): Promise<void> {
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
    // Whatever else this turn brings is to be in it.
    await undefined
    while (this.#waiting.length > 0) {
      const works = this.#waiting
      this.#waiting = []
      // Trims are never refused for want of room: what shares their transaction must not be let in by that.
      if (works.length > 1 && works.every(({ makesRoom }) => !makesRoom) && (await this.#try(works))) continue
      for (const work of works) await this.#alone(work)
    }
    this.#running = undefined
  }

  /** All in one transaction. False when that failed. */
  async #try(works: readonly Waiting[]): Promise<boolean> {
    try {
      await this.#transact(works)
    } catch {
      return false
    }
    for (const { resolve } of works) resolve()
    return true
  }

  async #alone(work: Waiting): Promise<void> {
    try {
      await this.#transact([work])
    } catch (error) {
      work.reject(error)
      return
    }
    work.resolve()
  }

  async #transact(works: readonly Waiting[]): Promise<void> {
    const logs = new Set(works.flatMap((work) => work.logs))
    try {
      await this.#environment.transact(
        works.flatMap((work) => work.changes()),
        works[0]!.makesRoom,
      )
      for (const log of logs) log.end = log.next
    } catch (error) {
      for (const log of logs) log.next = log.end
      throw error
    }
  }
}
