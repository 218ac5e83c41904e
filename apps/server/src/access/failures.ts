import { BrokerError, type Clock } from '@isomq/kernel'

/** Attempts that fail before the next has to wait; for a user of whatever address some more. */
const free = { address: 5, user: 20 } as const
/** Milliseconds of the first wait; each failure doubles it, up to the longest. */
const first = 1000
const longest = 300_000
/** Milliseconds after which failures are forgotten. */
const memory = 900_000
/** Addresses and users remembered; beyond it the oldest are forgotten. */
const most = 20_000

interface Record {
  count: number
  last: number
  until: number
}

/** Slows down whoever guesses passwords: the more attempts have failed from an address or for a user, the longer the next has to wait. */
export class Failures {
  readonly #clock: Clock
  readonly #records = new Map<string, Record>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Throws BrokerError `rate-exceeded` while the next attempt has to wait. */
  check(address: string | undefined, username: string | undefined): void {
    const now = this.#clock.now()
    // Who has the right password comes in from where nobody has failed, however many fail elsewhere.
    const own = this.#records.get(`address ${address}`)
    const isBlocked = (record: Record | undefined): boolean => record !== undefined && record.until > now
    const user = own === undefined ? undefined : this.#records.get(`user ${username}`)
    if (isBlocked(own) || isBlocked(user)) throw new BrokerError('rate-exceeded', 'too many attempts have failed')
  }

  failed(address: string | undefined, username: string | undefined): void {
    this.#count(`address ${address}`, free.address)
    if (username !== undefined) this.#count(`user ${username}`, free.user)
  }

  succeeded(address: string | undefined): void {
    this.#records.delete(`address ${address}`)
  }

  #count(key: string, allowed: number): void {
    const now = this.#clock.now()
    const before = this.#records.get(key)
    const record = before === undefined || now - before.last > memory ? { count: 0, last: now, until: 0 } : before
    record.count++
    record.last = now
    if (record.count >= allowed) record.until = now + Math.min(longest, first * 2 ** (record.count - allowed))
    // The youngest are last.
    this.#records.delete(key)
    this.#records.set(key, record)
    if (this.#records.size > most) this.#records.delete(this.#records.keys().next().value!)
  }
}
