import type { Bans } from './bans.ts'
import type { BrokerEvent } from './events.ts'
import type { Connection, PeerInfo } from './connection.ts'
import type { Connections } from './connections.ts'
import type { Counters } from './counters.ts'
import type { Delayed } from './delayed.ts'
import type { Credentials, Guard, Principal } from './guard.ts'
import type { Health } from './health.ts'
import type { Timings } from './histogram.ts'
import type { History } from './history.ts'
import type { Host } from './host.ts'
import type { Limits } from './limits.ts'
import type { Message } from './message.ts'
import type { Pressure } from './pressure.ts'
import type { Retained } from './retained.ts'
import type { Sessions } from './sessions.ts'
import type { SlowSubscription } from './slow-subscriptions.ts'

/** Publish, subscribe, replay. Knows no protocol, no socket, no disk. */
export interface Broker {
  /**
   * Accepts a message that its publisher may send (the caller has asked the guard). Void when everything is done; a
   * promise when something must become durable first, and then nothing may tell the publisher before it resolves. One
   * with `dueAt` is kept until then and its publisher, if any, asked for again. Throws BrokerError `invalid-topic`,
   * `not-authorized` or `quota-exceeded`; the promise rejects with `storage-failed`, or
   * `quota-exceeded` where there is no room.
   */
  publish(message: Message, from?: Principal): void | Promise<void>
  /** Calls back with each message whose topic matches, live, synchronously, in publish order. Returns how to stop it. Throws BrokerError `invalid-filter`. */
  tap(filter: string, deliver: (message: Message) => void): () => void
  /** Tells everything that happens to whoever asks. Returns how to stop it. */
  watch(observer: (event: BrokerEvent) => void): () => void
  /**
   * For protocols: to be called before an exchange begins at login; `guard.authenticate` does it by itself where there was
   * none. Throws BrokerError `banned` or `rate-exceeded`.
   */
  knock(credentials: Credentials): void
  /** For protocols: a peer was turned away, cut off, or denied what it was to have, and why. Tells those who watch. */
  refused(peer: PeerInfo, detail: string): void
  /** Ends every connection with `shutting-down`, writes what is unwritten, and stops. The storage stays open. Idempotent. */
  close(): Promise<void>
  readonly sessions: Sessions
  readonly retained: Retained
  /** What the log still has. */
  readonly history: History
  /** Messages to be published later. */
  readonly delayed: Delayed
  readonly guard: Guard
  readonly bans: Bans
  /** Where a protocol gets a place for each connection it serves. */
  readonly connections: Connections
  /** Subscriptions that were slow of late, slowest first; none where deliveries are not timed. */
  readonly slow: Iterable<SlowSubscription>
  readonly host: Host
  readonly limits: Limits
  readonly counters: Counters
  /** How long things take. */
  readonly timings: Timings
  /** Whether what must be kept can be kept. */
  readonly health: Health
  /** Since when memory is short, milliseconds since the epoch; undefined while there is enough. */
  readonly memoryShortSince: number | undefined
  /** Which readers are behind, so that publishers can wait for them. */
  readonly pressure: Pressure
  /** Payload bytes accepted and not yet durable. */
  readonly backlog: number
}

/** A way to speak to the broker. Chosen by the listener, never sniffed from the bytes. */
export interface Protocol {
  readonly name: string
  /** Takes the connection over for its whole life, if `broker.connections` has a place for it. Never throws. */
  serve(connection: Connection, broker: Broker): void
}
