import type { Broker, Session } from '@isomq/kernel'
import type { Accounts } from './accounts.ts'

/** What a protocol knows of the client of a session; the names are those of EMQX. */
export interface ClientFacts {
  readonly proto_name: string
  readonly proto_ver: number
  /** Seconds. */
  readonly keepalive: number
  readonly clean_start: boolean
}

/** A place where connections arrive. */
export interface ListenerFacts {
  readonly id: string
  readonly type: string
  readonly address: string
}

/** How a link to another broker does. */
export interface BridgeFacts {
  readonly name: string
  readonly state: {
    readonly status: string
    readonly lagMessages: number
    readonly lagBytes: number
    readonly oldestUnsent: number | undefined
    readonly inFlight: number
    readonly nextRetryAt: number | undefined
    readonly lastError: Error | undefined
  }
}

/** What is inspected and controlled. */
export interface AdminOptions {
  readonly broker: Broker
  /** Its name among others. */
  readonly node: string
  readonly version: string
  /** Who may call; `open` for a broker in this page, whose callers are of its origin anyhow. */
  readonly accounts: Accounts | 'open'
  readonly clientFacts?: ((session: Session) => ClientFacts | undefined) | undefined
  readonly listeners?: (() => readonly ListenerFacts[]) | undefined
  readonly bridges?: (() => Iterable<BridgeFacts>) | undefined
  /** The configuration in force, without secrets. */
  readonly config?: (() => unknown) | undefined
  readonly metricsText?: ((compat?: 'emqx') => string) | undefined
  /** Web origins whose pages may call besides those of the same host. Default: none. */
  readonly origins?: readonly string[] | undefined
}
