import { formatNet, parseNet } from './address.ts'
import { BanIndex, type Visitor } from './ban-index.ts'
import type { Committer } from './committer.ts'
import { BrokerError } from './errors.ts'
import type { BrokerEvent } from './events.ts'
import type { Clock } from './host.ts'
import { decodeRow, encodeRow, joinKey, splitKey, table } from './rows.ts'
import type { Appointment, Schedule } from './schedule.ts'
import type { Storage } from './storage.ts'

/** Who is banned. */
export interface BanTarget {
  readonly kind: 'clientId' | 'username' | 'address'
  /** As it is, or a pattern if `match` is `glob`. An exact address may be a block such as `10.0.0.0/8`; IPv4 within IPv6 is IPv4. */
  readonly value: string
  /** `exact` unless said. In a `glob` of at most 256 characters `*` stands for any characters and `?` for one. */
  readonly match?: 'exact' | 'glob' | undefined
}

/** A ban that is asked for. */
export interface BanRequest extends BanTarget {
  readonly reason?: string | undefined
  /** When it ends, milliseconds since the epoch; never unless said. */
  readonly until?: number | undefined
  /** True: the sessions of all whom it covers end too, connected or not. Of those away the address is known only since the broker started. */
  readonly endSessions?: boolean | undefined
}

/** A ban in force. */
export interface Ban {
  readonly kind: BanTarget['kind']
  readonly match: 'exact' | 'glob'
  /** Addresses in their usual form: `10.0.0.0/8`, `2001:db8::1`. */
  readonly value: string
  readonly reason: string
  /** Since when, milliseconds since the epoch. */
  readonly at: number
  /** Until when, milliseconds since the epoch; Infinity for ever. */
  readonly until: number
}

/** Who may not come in. Iterates over the bans in force, oldest first. */
export interface Bans extends Iterable<Ban> {
  /** Bans kept. */
  readonly size: number
  /**
   * Bans, in place of what was said of the same target before. In force when the call returns: whoever it covers is
   * disconnected with `banned`. Resolves once it is durable. Rejects with `storage-failed` when it is not yet: it holds all
   * the same and is written as soon as the storage takes it. At the limit the ban that ends first gives way; when that is
   * the new one, it rejects with `quota-exceeded`. Rejects with RangeError when the target is none or its end is past.
   */
  add(request: BanRequest): Promise<Ban>
  /** Takes a ban back, at once; resolves once that is durable, with false when there was none. Rejects like `add`. */
  remove(target: BanTarget): Promise<boolean>
  /** A ban that covers this visitor, if there is one. */
  find(visitor: Visitor): Ban | undefined
}

/** What the ban list needs of the broker. */
export interface BanParts {
  readonly clock: Clock
  readonly schedule: Schedule
  readonly committer: Committer
  /** Bans kept at most. */
  readonly limit: number
  emit(event: BrokerEvent): void
  /** Disconnects everybody whom the ban covers. */
  enforce(ban: Ban, endSessions: boolean): void
}

type BanRow = [reason: string, at: number, until: number]

interface Entry {
  readonly ban: Ban
  readonly end: Appointment
}

const longestGlob = 256

/** The ban list of one broker: in memory, and as rows of its storage. */
export class BanTable implements Bans {
  readonly #parts: BanParts
  readonly #entries = new Map<string, Entry>()
  readonly #index = new BanIndex()

  constructor(parts: BanParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#entries.size
  }

  *[Symbol.iterator](): IterableIterator<Ban> {
    const now = this.#parts.clock.now()
    for (const { ban } of this.#entries.values()) if (ban.until > now) yield ban
  }

  find(visitor: Visitor): Ban | undefined {
    // Who comes in while nobody is banned pays nothing.
    return this.#entries.size === 0 ? undefined : this.#index.find(visitor, this.#parts.clock.now())
  }

  async add(request: BanRequest): Promise<Ban> {
    const { clock, committer, limit, emit, enforce } = this.#parts
    const { reason = '', until = Infinity, endSessions = false } = request
    const at = clock.now()
    if (!(until > at)) throw new RangeError('the end of the ban is past')
    const ban: Ban = { ...normalize(request), reason, at, until }
    const key = keyOf(ban)
    if (!this.#entries.has(key) && this.size >= limit) this.#makeRoom(until)
    this.#delete(key)
    this.#put(key, ban)
    committer.write(table.bans, key, encodeRow([reason, at, until === Infinity ? -1 : until]))
    const { done } = committer
    emit({ type: 'banned', ban })
    enforce(ban, endSessions)
    await done
    return ban
  }

  async remove(target: BanTarget): Promise<boolean> {
    const key = keyOf(normalize(target))
    if (!this.#entries.has(key)) return false
    this.#end(key)
    await this.#parts.committer.done
    return true
  }

  /** Takes in the rows of the storage. What has ended meanwhile goes as soon as the broker runs. */
  async load(storage: Storage): Promise<void> {
    for await (const [key, row] of storage.table(table.bans).scan('')) {
      const [kind, match, value] = splitKey(key) as [Ban['kind'], Ban['match'], string]
      const [reason, at, until] = decodeRow<BanRow>(row)
      this.#put(key, { kind, match, value, reason, at, until: until < 0 ? Infinity : until })
    }
  }

  #put(key: string, ban: Ban): void {
    this.#index.add(ban)
    this.#entries.set(key, { ban, end: this.#parts.schedule.at(ban.until, () => this.#end(key)) })
  }

  /** Whoever is banned for ever stays so; else the list would be full for an administrator who needs it. */
  #makeRoom(until: number): void {
    let first: Ban | undefined
    for (const { ban } of this.#entries.values()) if (ban.until < (first?.until ?? until)) first = ban
    if (first === undefined) throw new BrokerError('quota-exceeded', 'no more bans are kept')
    this.#end(keyOf(first))
  }

  #end(key: string): void {
    const ban = this.#delete(key)
    if (ban === undefined) return
    this.#parts.committer.write(table.bans, key, undefined)
    this.#parts.emit({ type: 'unbanned', ban })
  }

  #delete(key: string): Ban | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    entry.end.cancel()
    this.#entries.delete(key)
    this.#index.delete(entry.ban)
    return entry.ban
  }
}

function keyOf({ kind, match, value }: Pick<Ban, 'kind' | 'match' | 'value'>): string {
  return joinKey(kind, match, value)
}

/** Throws RangeError. */
function normalize({ kind, match = 'exact', value }: BanTarget): Pick<Ban, 'kind' | 'match' | 'value'> {
  if (value === '' || value.includes('\0')) throw new RangeError(`a ban needs a ${kind} without U+0000`)
  if (match === 'glob') {
    if (value.length > longestGlob) throw new RangeError(`a pattern has at most ${longestGlob} characters`)
    return { kind, match, value: kind === 'address' ? value.toLowerCase() : value }
  }
  if (kind !== 'address') return { kind, match, value }
  const net = parseNet(value)
  if (net === undefined) throw new RangeError(`${JSON.stringify(value)} is neither an address nor a block of addresses`)
  return { kind, match, value: formatNet(net) }
}
