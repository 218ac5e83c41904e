/** Milliseconds between two calls to whoever stands in. */
const calling = 200
/** Milliseconds he has to leave; then the database is taken over from him. */
const patience = 2000

/**
 * That somebody has a database open, for others to see: a shared lock. Who only stands in for those who are not there has it
 * alone, and is called upon to leave when somebody comes. Where there are no locks nobody can stand in.
 */
export class Presence {
  readonly #name: string
  readonly #leave: () => void
  readonly #left: Promise<void>

  constructor(database: string) {
    this.#name = `isomq:database:${database}`
    let leave = (): void => {}
    this.#left = new Promise((resolve) => (leave = resolve))
    this.#leave = leave
  }

  /** Resolves when nobody stands in any more. Never rejects. */
  async enter(): Promise<void> {
    const inside = this.#lock({ mode: 'shared' })
    if (inside === undefined) return
    const channel = new BroadcastChannel(this.#name)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    const call = (): void => channel.postMessage('wanted')
    call()
    const again = setInterval(call, calling)
    let late: ReturnType<typeof setTimeout> | undefined
    await Promise.race([inside, new Promise((resolve) => (late = setTimeout(resolve, patience)))])
    clearInterval(again)
    clearTimeout(late)
    channel.close()
  }

  /** Resolves with whether nobody was there. Calls back once when somebody comes. Never rejects. */
  async standIn(wanted: () => void): Promise<boolean> {
    if (globalThis.navigator?.locks === undefined) return false
    const channel = new BroadcastChannel(this.#name)
    channel.addEventListener('message', wanted, { once: true })
    void this.#left.then(() => channel.close())
    const isAlone = (await this.#lock({ ifAvailable: true })) ?? false
    if (!isAlone) this.leave()
    return isAlone
  }

  /** Idempotent; also for somebody who has not entered yet, and then does not. */
  leave(): void {
    this.#leave()
  }

  /** Resolves with whether the lock is had; it is until `leave`. Undefined where there are none. */
  #lock(options: LockOptions): Promise<boolean> | undefined {
    const { locks } = globalThis.navigator ?? {}
    if (locks === undefined) return undefined
    return new Promise((resolve) => {
      const hold = (lock: Lock | null): Promise<void> | undefined => {
        resolve(lock !== null)
        return lock === null ? undefined : this.#left
      }
      // Of a page that is being closed, or has no right to locks.
      locks.request(this.#name, options, hold).catch(() => resolve(false))
    })
  }
}
