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

/** How many may come in, and how many are only there to be told that they may not. */
interface Tally {
  readonly limit: number
  admitted: number
  refused: number
}

/** Counts the connections of one broker, in all and by the address they come from. */
export class ConnectionTable implements Connections {
  readonly #all: Tally
  readonly #perAddress: number
  readonly #addresses = new Map<string, Tally>()
  /** How each connection that has a place is ended. */
  readonly #ends = new Map<Place, (reason: ErrorCode) => void>()

  constructor({ connections, connectionsPerAddress }: Limits) {
    this.#all = { limit: connections, admitted: 0, refused: 0 }
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
    if (key === undefined) return this.#place([this.#all], () => {})
    const source = this.#addresses.get(key) ?? { limit: this.#perAddress, admitted: 0, refused: 0 }
    const place = this.#place([this.#all, source], () => {
      if (source.admitted + source.refused === 0) this.#addresses.delete(key)
    })
    // Whoever has no place leaves nothing behind.
    if (place !== undefined) this.#addresses.set(key, source)
    return place
  }

  #place(tallies: readonly Tally[], left: () => void): Place | undefined {
    const admitted = tallies.every((tally) => tally.admitted < tally.limit)
    if (!admitted && tallies.some((tally) => tally.refused >= tally.limit)) return undefined
    const count = admitted ? 'admitted' : 'refused'
    for (const tally of tallies) tally[count]++
    let here = true
    const place: Place = {
      refusal: admitted ? undefined : 'quota-exceeded',
      leave: () => {
        if (!here) return
        here = false
        this.#ends.delete(place)
        for (const tally of tallies) tally[count]--
        left()
      },
    }
    return place
  }
}

/** Whom the connections of a peer count for. Who has one IPv6 address usually has all of its /64. */
function sourceOf({ address }: PeerInfo): string | undefined {
  const net = address === undefined ? undefined : parseAddress(address)
  return net === undefined ? address : formatNet(net.width === 128 ? widen(net, 64) : net)
}
