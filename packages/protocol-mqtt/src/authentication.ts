import {
  type Authenticator,
  type Broker,
  BrokerError,
  type Credentials,
  type ErrorCode,
  type Exchange,
  type Principal,
  type Step,
} from '@isomq/kernel'
import { codeOf, isBrokerError } from './reason-codes.ts'

// SCRAM takes two. A method that never ends would keep a connection for nothing.
const mostMessages = 10

/** How an exchange goes on after a message of the client. */
export type Outcome =
  | Extract<Step, { type: 'challenge' }>
  | (Extract<Step, { type: 'accepted' }> & { readonly principal: Principal })
  | { readonly type: 'refused'; readonly code: ErrorCode }

/** One exchange of AUTH packets, at login or later. At its end the guard has the last word. */
export class Authentication {
  readonly #broker: Broker
  readonly #authenticator: Authenticator
  readonly #credentials: Credentials
  #exchange: Exchange | undefined
  #messages = 0
  #listening = true

  readonly #knock: boolean

  /** `knock`: the client is not in yet, and may not be welcome. */
  constructor(broker: Broker, authenticator: Authenticator, rest: { credentials: Credentials; knock: boolean }) {
    this.#broker = broker
    this.#authenticator = authenticator
    this.#credentials = rest.credentials
    this.#knock = rest.knock
  }

  /** True when it is the client's turn. */
  get listening(): boolean {
    return this.#listening
  }

  /** Takes a message of the client; only when it is its turn. Never rejects. */
  async respond(data: Uint8Array | undefined): Promise<Outcome> {
    this.#listening = false
    try {
      if (++this.#messages > mostMessages) throw new BrokerError('not-authenticated')
      this.#exchange ??= this.#begin()
      const step = await this.#exchange.respond(data)
      if (step.type === 'accepted') return { ...step, principal: await this.#askGuard(step.username) }
      this.#listening = true
      return step
    } catch (error) {
      if (!isBrokerError(error)) this.#broker.host.report(error, 'authenticating')
      return { type: 'refused', code: codeOf(error) }
    }
  }

  /** Whoever is banned is asked nothing. */
  #begin(): Exchange {
    if (this.#knock) this.#broker.knock(this.#credentials)
    return this.#authenticator.begin(this.#credentials)
  }

  #askGuard(username: string): Promise<Principal> {
    const { clientId, peer } = this.#credentials
    return this.#broker.guard.authenticate({ clientId, username, peer, provenBy: this.#authenticator.method })
  }
}
