/** When a client that comes and goes is banned for it. */
export interface FlappingOptions {
  /** Logins a client id may have within the window. */
  readonly maxConnects: number
  /** Milliseconds. */
  readonly window: number
  /** How long the client id is banned, milliseconds. */
  readonly banFor: number
}

/** What applies where it is on and nothing else is configured. */
export const defaultFlapping: FlappingOptions = { maxConnects: 15, window: 60_000, banFor: 300_000 }

// Logins remembered at most, and the length of their ids in all: the memory this costs whatever ids are invented.
const mostLogins = 65_536
const mostUnits = 8 * 1024 * 1024

interface Login {
  readonly id: string
  readonly at: number
  next: Login | undefined
}

/**
 * Counts the logins of each client id in a window that slides. Only those that were let in count: else whoever knows the
 * id of another could have it banned by failing to log in under it.
 */
export class Flapping {
  readonly options: FlappingOptions
  readonly #counts = new Map<string, number>()
  /** The logins that are remembered, in order. */
  #oldest: Login | undefined
  #newest: Login | undefined
  #size = 0
  #units = 0

  constructor(options: FlappingOptions) {
    this.options = options
  }

  /** Counts a login. True: it is one too many. */
  count(id: string, now: number): boolean {
    const login: Login = { id, at: now, next: undefined }
    if (this.#newest === undefined) this.#oldest = login
    else this.#newest.next = login
    this.#newest = login
    this.#size++
    this.#units += id.length
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1)
    this.#forget(now - this.options.window)
    return this.#counts.get(id)! > this.options.maxConnects
  }

  /** Forgets what was before the window, and the oldest of what is too much to remember; never the newest. */
  #forget(until: number): void {
    for (let login = this.#oldest; login?.next !== undefined; login = login.next) {
      if (login.at > until && this.#size <= mostLogins && this.#units <= mostUnits) return
      this.#oldest = login.next
      this.#size--
      this.#units -= login.id.length
      const count = this.#counts.get(login.id)! - 1
      if (count === 0) this.#counts.delete(login.id)
      else this.#counts.set(login.id, count)
    }
  }
}
