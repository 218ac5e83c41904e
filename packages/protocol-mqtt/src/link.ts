import type { Broker, ErrorCode, Principal, Session } from '@isomq/kernel'
import type { ControlPacket, ProtocolVersion } from './codec/packet.ts'
import type { FrameCache } from './frame-cache.ts'
import type { MqttOptions } from './options.ts'
import type { Outgoing } from './outgoing.ts'
import type { Replies } from './replies.ts'

/** What the handlers of a client's packets may use once it is logged in. */
export interface Link {
  readonly broker: Broker
  readonly options: MqttOptions
  readonly version: ProtocolVersion
  readonly session: Session
  readonly principal: Principal
  readonly outgoing: Outgoing
  readonly cache: FrameCache
  readonly replies: Replies
  /** Topics by their alias on this connection [MQTT-3.3.2-7]. */
  readonly aliases: Map<number, string>
  /** Messages of QoS 1 and 2 received on this connection and not yet answered to the end [MQTT-3.3.4-7]. */
  readonly receiving: Receiving
  /** Time at which the bytes being handled arrived. */
  readonly now: number
  /** The connection is over: there is no session any more. To be asked after every wait. */
  readonly closed: boolean
  /** Sends a packet with this turn's output. One that is larger than the client takes ends the connection. */
  send(packet: ControlPacket): void
  /** Sends the four bytes of a successful acknowledgement. */
  acknowledge(type: 4 | 5 | 6 | 7, packetId: number): void
  /** Says why, where the protocol has words for it, and closes. The will is published. */
  fail(reason: number, detail: string): void
  /** The same for a refusal of the broker. */
  failWith(code: ErrorCode, detail: string): void
  /** Closes. With `forgetWill` the client has said farewell. */
  leave(forgetWill: boolean, expiry: number | undefined): void
  /** The storage is behind: reads no more of this client until this is settled. */
  holdFor(wait: Promise<void>): void
}

/** Counts what a client has under way towards the broker. */
export class Receiving {
  readonly #exact = new Set<number>()
  #once = 0

  /** Messages under way. */
  get size(): number {
    return this.#once + this.#exact.size
  }

  /** A QoS 1 message came in. */
  beginOnce(): void {
    this.#once++
  }

  /** It was answered. */
  endOnce(): void {
    this.#once--
  }

  /** A QoS 2 message came in under this id. */
  begin(packetId: number): void {
    this.#exact.add(packetId)
  }

  /** Its exchange is over. */
  end(packetId: number): void {
    this.#exact.delete(packetId)
  }
}
