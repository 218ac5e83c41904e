import type { PeerInfo } from './connection.ts'
import type { Host } from './host.ts'
import type { Qos } from './message.ts'
import { isOwnSession } from './own-session.ts'
import { Rights } from './rights.ts'

/** What a client shows to be let in. */
export interface Credentials {
  readonly clientId: string
  readonly username?: string | undefined
  readonly password?: Uint8Array | undefined
  readonly peer: PeerInfo
  /** The method of the exchange that has proven the user name, such as `SCRAM-SHA-256`. There is no password then, and none to be checked. */
  readonly provenBy?: string | undefined
}

/** Who was let in. */
export interface Principal {
  readonly clientId: string
  readonly username?: string | undefined
  /** When the login ends, milliseconds since the epoch: whoever has not proven anew who he is is then cut off. Undefined: never. */
  readonly until?: number | undefined
}

/** How far a right goes. */
export interface Bounds {
  /** The highest QoS to publish with, or to be sent messages with. */
  readonly qos: Qos
  /** Whether messages may be retained. */
  readonly retain: boolean
}

/** Decides who may come in and do what. Cannot say no to the broker itself. */
export interface Guard {
  /**
   * Rejects with BrokerError `not-authenticated`, `banned` or `unavailable`; any other rejection refuses too. Has the last
   * word also where an exchange has proven who it is (`provenBy`).
   */
  authenticate(credentials: Credentials): Promise<Principal>
  /**
   * May this principal publish to this topic, or subscribe to this filter (`$share/…` and the like already taken off)? What
   * protocols are answered about publishing is kept, for this very principal and topic, until `version` changes.
   */
  authorize(principal: Principal, action: 'publish' | 'subscribe', topic: string): boolean | Promise<boolean>
  /** May this principal be handed a message of this very topic? Asked before every delivery; answers are kept until `version` changes. */
  receives(principal: Principal, topic: string): boolean
  /** How far a right goes that `authorize` has granted; undefined, or no such method, where there is no bound. */
  bounds?(principal: Principal, action: 'publish' | 'subscribe', topic: string): Bounds | undefined
  /** Changes whenever an earlier answer may no longer hold. */
  readonly version: number
}

/**
 * The same guard, but whoever is turned away at the entrance (`knock` throws) is not asked who he is, and where `receives`
 * throws that is reported and means no. Of the broker's own sessions nobody asks.
 */
export function carefulGuard(guard: Guard, host: Host, knock: (credentials: Credentials) => void): Guard {
  return {
    // Async, so that a throw is a rejection.
    async authenticate(credentials) {
      // An exchange began by knocking.
      if (credentials.provenBy === undefined) knock(credentials)
      return guard.authenticate(credentials)
    },
    authorize: (principal, action, topic) => guard.authorize(principal, action, topic),
    receives(principal, topic) {
      if (isOwnSession(principal.clientId)) return true
      try {
        return guard.receives(principal, topic)
      } catch (error) {
        host.report(error, 'asking the guard')
        return false
      }
    },
    ...boundsOf(guard),
    get version() {
      return guard.version
    },
  }
}

/** The same guard, asked about publishing only what it has not answered yet. */
export function rememberingGuard(guard: Guard): Guard {
  const rights = new Rights(guard)
  return {
    authenticate: (credentials) => guard.authenticate(credentials),
    authorize: (principal, action, topic) =>
      action === 'publish' ? rights.mayPublish(principal, topic) : guard.authorize(principal, action, topic),
    receives: (principal, topic) => guard.receives(principal, topic),
    ...boundsOf(guard),
    get version() {
      return guard.version
    },
  }
}

function boundsOf(guard: Guard): Pick<Guard, 'bounds'> {
  if (guard.bounds === undefined) return {}
  return { bounds: (principal, action, topic) => guard.bounds!(principal, action, topic) }
}

/** Lets everyone in and allows everything. */
export const allowAll: Guard = {
  authenticate: (credentials) => Promise.resolve({ clientId: credentials.clientId, username: credentials.username }),
  authorize: () => true,
  receives: () => true,
  version: 0,
}
