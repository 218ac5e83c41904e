import type { AclRule } from '@isomq/acl'
import type { Credentials } from '@isomq/kernel'

/** Who somebody was found to be. */
export interface Identity {
  readonly username: string
  readonly admin: boolean
  /** When that ends, milliseconds since the epoch. */
  readonly until?: number | undefined
  /** Rules that go before those of everybody. */
  readonly rules?: readonly AclRule[] | undefined
  /** What was compared, where a file says who may come in: another object once that has changed. */
  readonly proof?: object | undefined
}

/** One way to find out. Undefined: it does not know this client, another may. Rejects with BrokerError where nobody else need be asked. */
export type Check = (credentials: Credentials) => Promise<Identity | undefined>
