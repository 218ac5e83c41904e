import type { Credentials } from './guard.ts'

/** A way to prove who one is by question and answer, as SASL mechanisms are. A protocol carries the answers in packets of its own. */
export interface Authenticator {
  /** The name clients ask for it by, such as `SCRAM-SHA-256`. */
  readonly method: string
  /** Begins an exchange with a client that shows this. None of it is proven: the user name may be another than the one the exchange proves. */
  begin(credentials: Credentials): Exchange
}

/** One exchange with one client. It holds nothing that must be released: a client may go away at any step. */
export interface Exchange {
  /**
   * Takes what the client says, undefined where it says nothing. Not called again before it has answered, nor after it
   * has accepted or refused. Rejects with BrokerError `not-authenticated`, `banned` or `unavailable`; any other rejection
   * refuses too.
   */
  respond(data: Uint8Array | undefined): Promise<Step>
}

/** What an exchange answers: a question to go on with, or that the client has proven to be this user. */
export type Step =
  | { readonly type: 'challenge'; readonly data: Uint8Array | undefined }
  | { readonly type: 'accepted'; readonly username: string; readonly data?: Uint8Array | undefined }
