import type { Broker, ErrorCode, Principal, Session, TagSet } from '@isomq/kernel'
import type { ControlPacket, ProtocolVersion } from './codec/packet.ts'
import type { FrameCache } from './frame-cache.ts'
import type { MqttCounters } from './mqtt-counters.ts'
import type { MqttOptions } from './options.ts'
import type { Outgoing } from './outgoing.ts'
import type { Replies } from './replies.ts'
import type { Rewrite } from './rewrite.ts'

/** What all clients of one `mqtt(…)` have in common. */
export interface Common {
  readonly options: MqttOptions
  readonly cache: FrameCache
  readonly counters: MqttCounters
  /** Undefined where no rules are configured. */
  readonly rewrite: Rewrite | undefined
}

/** What the handlers of a client's packets may use once it is logged in. */
export interface Link extends Common {
  readonly broker: Broker
  readonly version: ProtocolVersion
  readonly session: Session
  /** True: the session was there before this connection. */
  readonly resumed: boolean
  readonly principal: Principal
  readonly outgoing: Outgoing
  readonly replies: Replies
  /** Topics by their alias on this connection [MQTT-3.3.2-7]. */
  readonly aliases: Map<number, string>
  /**
   * Identifiers of QoS 2 messages received on this connection whose exchange is not finished [MQTT-3.3.4-7]. QoS 1 is not
   * counted: an answer that is missing there is missing because our own storage has not come to it.
   */
  readonly receiving: TagSet
  /** Time at which the bytes being handled arrived. */
  readonly now: number
  /** The connection is over: there is no session any more. To be asked after every wait. */
  readonly closed: boolean
  /**
   * Sends a packet with this turn's output. One that is larger than the client takes ends the connection. Answers have
   * neither a reason string nor user properties that would make them so; DISCONNECT alone explains itself: [MQTT-3.1.2-29]
   * [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3]
   * [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.15.2-2] [MQTT-3.15.2-3].
   */
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
