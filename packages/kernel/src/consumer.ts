import type { ErrorCode } from './errors.ts'
import type { Grant } from './grant.ts'
import type { Message } from './message.ts'

/** How loaded the way to a consumer is: 0 free, 1 its publishers should slow down, 2 no more fits. */
export type Load = 0 | 1 | 2

/** The connected end of a session: what a protocol gives the kernel to deliver through. Its methods never throw and never call back. */
export interface Consumer {
  readonly load: Load
  /** Unacknowledged messages the peer takes at once, at least 1. */
  readonly credit: number
  /**
   * Hands over one message. `tag` (1–65535) names it in `ack` and the like, 0 when nothing will be acknowledged.
   * `flags` are those of `Delivery`. False: it can never be delivered to this peer, and is dropped.
   */
  deliver(message: Message, grant: Grant, tag: number, flags: number): boolean
  /** Asks the peer to complete a QoS 2 delivery it has already accepted. */
  confirm(tag: number): void
  /** The session is no longer this connection's: tell the peer why, and close. `detach` need not be called. */
  end(reason: ErrorCode): void
}

/** Bits of a delivery's flags. The two lowest hold the QoS it is delivered with. */
export const DeliveryFlag = {
  qos: 3,
  /** Sent because it is the retained message of its topic, not because it was just published. */
  retained: 4,
  /** May have been sent to this session before. */
  redelivered: 8,
} as const
