import type { Connection } from '@isomq/kernel'

/** What a link shows to be let in. */
export interface Login {
  readonly username?: string | undefined
  readonly password?: string | Uint8Array | undefined
}

/** How a broker is linked to another. Times in milliseconds. */
export interface BridgeOptions {
  /** Connects to the other broker; called for every attempt, with the subprotocol that a WebSocket is to ask for. */
  readonly dial: () => Promise<Connection>
  /** What is passed on, in the words of mosquitto: `orders/# out 1`, `prices/# in 0`, `chat/# both 1 "" room7/`. */
  readonly topics: readonly string[]
  /** Asked for every attempt, so that a token is never old. A rejection is a failed attempt. */
  readonly auth?: (() => Login | Promise<Login>) | undefined
  /** Client id at the other broker, which must be nobody else's there. Default: a random one, kept with the link's place. */
  readonly clientId?: string | undefined
  /** Version of MQTT to begin with. Default 5; a broker that does not know it is spoken to in 3.1.1. */
  readonly protocolVersion?: 4 | 5 | undefined
  /** Time between two signs of life; without an answer until the next the link is lost. Default 30,000; at least 1,000. */
  readonly keepAlive?: number | undefined
  /** How long the other broker may take to let it in. Default 10,000. */
  readonly connectTimeout?: number | undefined
  /** Attempts wait a random time, up to a bound that doubles from `min` to `max`. Default 1,000 and 60,000. */
  readonly backoff?: { readonly min?: number | undefined; readonly max?: number | undefined } | undefined
  /** What may wait to be sent: what is older than `ttl` is not sent any more, and beyond `maxBytes` of payload the oldest goes. Default: what the log may hold. */
  readonly outbox?: { readonly maxBytes?: number | undefined; readonly ttl?: number | undefined } | undefined
  /** What the other broker refuses for good is published here, below this topic, with the reason. Default `$dead-letter/<name>`. */
  readonly deadLetter?: string | undefined
  /** Chance, from 0 to below 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}
