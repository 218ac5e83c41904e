import { formatNet, parseAddress, widen } from './address.ts'
import type { PeerInfo } from './connection.ts'
import type { ErrorCode } from './errors.ts'
import type { Limits } from './limits.ts'

/** The place of one connection among all of a broker. */
export interface Place {
  /** Why this peer is not to be let in, if it comes to that: it is one too many. */
  readonly refusal: ErrorCode | undefined
  /** The connection is over. Idempotent. */
  leave(): void
}

/**
 * All connections of a broker, over all its listeners and protocols, logged in or not. A protocol asks for a place before it
 * reads anything, and gives it back when the connection is over.
 */
export interface Connections {
  /** Connections that have a place. */
  readonly size: number
  /**
   * A place for this peer; one beyond `connections` or `connectionsPerAddress` has a refusal, so that it can be told.
   * Undefined when there are as many of those as may be let in: the connection is to be closed without a word.
   * `end` is called when the broker closes, unless the place was given back before.
   */
  arrive(peer: PeerInfo, end: (reason: ErrorCode) => void): Place | undefined
}

/** How many have come in, and how many are only there to be told that they may not. */
class Tally {
  readonly key: string
  readonly #limit: number
  admitted = 0
  refused = 0

  constructor(limit: number, key: string) {
    this.#limit = limit
    this.key = key
  }

  get mayAdmit(): boolean {
    return this.admitted < this.#limit
  }

  get mayRefuse(): boolean {
    return this.refused < this.#limit
  }

  get isEmpty(): boolean {
    return this.admitted + this.refused === 0
  }

  count(admitted: boolean, change: 1 | -1): void {
    if (admitted) this.admitted += change
    else this.refused += change
  }
}

/** Counts the connections of one broker, in all and by the address they come from. */
export class ConnectionTable implements Connections {
  readonly #all: Tally
  readonly #perAddress: number
  readonly #isFull: () => boolean
  readonly #addresses = new Map<string, Tally>()
  /** How each connection that has a place is ended. */
  readonly #ends = new Map<Place, (reason: ErrorCode) => void>()

  /** `isFull`: nobody is let in for now, however many are here. */
  constructor({ connections, connectionsPerAddress }: Limits, isFull: () => boolean = () => false) {
    this.#isFull = isFull
    this.#all = new Tally(connections, '')
    this.#perAddress = connectionsPerAddress
  }

  get size(): number {
    return this.#all.admitted + this.#all.refused
  }

  /** Addresses that are remembered: those with connections, where they are counted. */
  get addresses(): number {
    return this.#addresses.size
  }

  arrive(peer: PeerInfo, end: (reason: ErrorCode) => void): Place | undefined {
    const place = this.#seat(peer)
    if (place !== undefined) this.#ends.set(place, end)
    return place
  }

  /** Ends those that are still here. */
  close(): void {
    for (const end of Array.from(this.#ends.values())) end('shutting-down')
  }

  #seat(peer: PeerInfo): Place | undefined {
    const key = this.#perAddress === Infinity ? undefined : sourceOf(peer)
    if (key === undefined) return this.#place(undefined)
    const source = this.#addresses.get(key) ?? new Tally(this.#perAddress, key)
    const place = this.#place(source)
    // Whoever has no place leaves nothing behind.
    if (place !== undefined) this.#addresses.set(key, source)
    return place
  }

  #place(source: Tally | undefined): Place | undefined {
    const all = this.#all
    const admitted = all.mayAdmit && source?.mayAdmit !== false && !this.#isFull()
    if (!admitted && !(all.mayRefuse && source?.mayRefuse !== false)) return undefined
    all.count(admitted, 1)
    source?.count(admitted, 1)
    return new Seat(this, source, admitted ? undefined : 'quota-exceeded')
  }

  /** A connection gives its place back. */
  free(seat: Place, source: Tally | undefined): void {
    if (!this.#ends.delete(seat)) return
    const admitted = seat.refusal === undefined
    this.#all.count(admitted, -1)
    source?.count(admitted, -1)
    if (source?.isEmpty === true) this.#addresses.delete(source.key)
  }
}

/** One of ten thousand: it has no closures. */
class Seat implements Place {
  readonly refusal: ErrorCode | undefined
  readonly #table: ConnectionTable
  readonly #source: Tally | undefined

  constructor(table: ConnectionTable, source: Tally | undefined, refusal: ErrorCode | undefined) {
    this.refusal = refusal
    this.#table = table
    this.#source = source
  }

  leave(): void {
    this.#table.free(this, this.#source)
  }
}

/** Whom the connections of a peer count for. Who has one IPv6 address usually has all of its /64. */
function sourceOf({ address }: PeerInfo): string | undefined {
  const net = address === undefined ? undefined : parseAddress(address)
  return net === undefined ? address : formatNet(net.width === 128 ? widen(net, 64) : net)
}
