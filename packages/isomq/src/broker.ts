import type { Bridge } from '@isomq/bridge'
import type { Broker as KernelBroker, Connection, Retained } from '@isomq/kernel'
import type { BridgeTo } from './bridge.ts'
import type { EventMap } from './events.ts'
import type { Payload, PublishOptions } from './publication.ts'
import type { SubscribeOptions, Subscription } from './subscription.ts'

/** A broker in this process: a page, a worker, Node, Deno, Bun. */
export interface Broker {
  /** Its name among others. */
  readonly id: string
  /**
   * Publishes as the broker itself, whom nobody refuses. Resolves when it is accepted: where somebody who may be offline
   * waits for it at QoS 1 or 2, it is stored then. Rejects with BrokerError `invalid-topic`, `quota-exceeded`,
   * `storage-failed`, or `shutting-down`; RangeError for options that make no sense.
   */
  publish(topic: string, payload: Payload, options?: PublishOptions): Promise<void>
  /** Subscribes within the process: `for await (const message of broker.subscribe('a/#'))`. Throws BrokerError `invalid-filter`, or `unavailable` where `from` asks for what no history keeps. */
  subscribe(filter: string, options?: SubscribeOptions): Subscription
  /** Calls back with every event of this name. Returns how to stop it. */
  on<K extends keyof EventMap>(name: K, listener: (event: EventMap[K]) => void): () => void
  /** The other end of a new connection to this broker, in memory: whoever speaks MQTT over it is a client. */
  connect(): Connection
  /**
   * A WebSocket that leads to this broker and to nothing else, whatever its URL: for programs that take a function which
   * makes one, as MQTT.js does (`createWebsocket`). May be handed on by itself.
   */
  createWebSocket(url: string | URL, protocols?: string | readonly string[]): WebSocket
  /**
   * Makes WebSockets to these hosts, as `broker.localhost`, lead to this broker, for programs of this page that cannot be
   * changed; all others stay the platform's. Returns how to undo it.
   */
  installWebSocket(options: { readonly hosts: readonly string[] }): () => void
  /** Serves MQTT on a connection that somebody else has accepted. Never throws. */
  serve(connection: Connection): void
  /**
   * Links this broker to another: what matches its `topics` waits in the log until the other has it, from the moment this
   * resolves, and after a restart from the beginning. One of the same name must be closed first. Rejects with BrokerError
   * `invalid-filter` for a topic that cannot be read.
   */
  bridge(name: string, options: BridgeTo): Promise<Bridge>
  /** To be called when hooks would answer differently than before: what was allowed is asked for again. */
  policyChanged(): void
  /** The last retained message of each topic. */
  readonly retained: Retained
  /** Everything else: sessions, bans, limits, counters, history. */
  readonly kernel: KernelBroker
  /** Ends every connection, bridge and subscription, writes what is unwritten, closes the storage. Idempotent. */
  close(): Promise<void>
}
