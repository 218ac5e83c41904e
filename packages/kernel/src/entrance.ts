import type { Bans } from './bans.ts'
import { BrokerError } from './errors.ts'
import { Flapping, type FlappingOptions } from './flapping.ts'
import type { Credentials, Principal } from './guard.ts'
import type { Clock } from './host.ts'
import type { PeerInfo } from './connection.ts'
import { TokenBucket } from './token-bucket.ts'

/** What everybody passes on the way in, whatever protocol he speaks: once before he is asked who he is, once after. */
export class Entrance {
  readonly #clock: Clock
  readonly #bans: Bans
  readonly #rate: TokenBucket | undefined
  readonly #flapping: Flapping | undefined

  /** `rate` is logins a second. */
  constructor(clock: Clock, bans: Bans, rest: { rate: number; flapping: FlappingOptions | undefined }) {
    this.#clock = clock
    this.#bans = bans
    this.#rate = rest.rate === Infinity ? undefined : new TokenBucket(rest.rate, clock.now())
    this.#flapping = rest.flapping && new Flapping(rest.flapping)
  }

  /** Before authentication, which costs more. Throws BrokerError `banned` or `rate-exceeded`; whoever is banned uses up no rate. */
  knock({ clientId, username, peer }: Credentials): void {
    if (this.#bans.find({ clientId, username, address: peer.address }) !== undefined) throw new BrokerError('banned')
    if (this.#rate?.take(this.#clock.now()) === false) throw new BrokerError('rate-exceeded')
  }

  /** After it: who he is may be known only now, and a ban may have come meanwhile. Throws BrokerError `banned`. */
  enter(clientId: string, { username }: Principal, { address }: PeerInfo): void {
    if (this.#bans.find({ clientId, username, address }) !== undefined) throw new BrokerError('banned')
    const now = this.#clock.now()
    if (this.#flapping?.count(clientId, now) !== true) return
    const until = now + this.#flapping.options.banFor
    // In force at once; if it cannot be stored, that is told by the committer.
    this.#bans.add({ kind: 'clientId', value: clientId, reason: 'flapping', until }).catch(() => {})
    throw new BrokerError('banned')
  }
}
