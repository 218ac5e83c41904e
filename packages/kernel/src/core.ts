import type { Committer } from './committer.ts'
import type { Counters } from './counters.ts'
import type { Entrance } from './entrance.ts'
import type { ErrorCode } from './errors.ts'
import type { BrokerEvent, DropReason } from './events.ts'
import type { Guard, Principal } from './guard.ts'
import type { StorageHealth } from './health.ts'
import type { Times } from './histogram.ts'
import type { Host } from './host.ts'
import type { Limits } from './limits.ts'
import type { Losses } from './losses.ts'
import type { Message } from './message.ts'
import type { Pressure } from './pressure.ts'
import type { RetainedMessages } from './retained.ts'
import type { Router } from './router.ts'
import type { Schedule } from './schedule.ts'
import type { Session } from './session.ts'
import type { Strategy } from './sharing.ts'
import type { SlowSubscriptions } from './slow-subscriptions.ts'
import type { Log } from './storage.ts'
import type { Subscription } from './subscription.ts'

/** The parts of one broker, as they know each other. */
export interface Core {
  readonly host: Host
  readonly limits: Limits
  readonly guard: Guard
  readonly entrance: Entrance
  readonly counters: Counters
  readonly timings: { readonly deliver: Times; readonly ack: Times; readonly commit: Times }
  readonly health: StorageHealth
  readonly router: Router
  readonly retained: RetainedMessages
  readonly committer: Committer
  readonly schedule: Schedule
  readonly pressure: Pressure
  /** How groups share. */
  readonly strategy: Strategy
  /** The exclusive subscription of each topic that has one. */
  readonly exclusives: Map<string, Subscription>
  /** The log of everything owed to durable sessions. */
  readonly log: Log
  /** What slow readers have lost in this turn. */
  readonly losses: Losses
  /** Undefined where deliveries are not timed, so that it costs nothing then. */
  readonly slow: SlowSubscriptions | undefined
  /** Undefined while nobody watches, so that events cost nothing then. */
  emit: ((event: BrokerEvent) => void) | undefined
  /** Ends the connection of a session, with `unavailable` unless said; the session lives on if it is durable. */
  cutOff(session: Session, reason?: ErrorCode): void
  publish(message: Message, from?: Principal): void | Promise<void>
}

/** Counts, and tells, that a message will not reach a session. */
export function drop(core: Core, session: string, reason: DropReason, topic: string): void {
  core.counters.dropped++
  core.counters.drops[reason]++
  if (core.emit === undefined) return
  // Readers that are too slow may lose every message of a flood: once a turn is told how many.
  if (reason === 'slow-consumer') core.losses.add(session, topic)
  else core.emit({ type: 'dropped', session, reason, topic, count: 1 })
}

/** Whether the message may no longer be delivered. */
export function expired(core: Core, message: Message): boolean {
  return message.expiresAt !== undefined && message.expiresAt <= core.host.clock.now()
}
