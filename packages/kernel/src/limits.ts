import { levels } from './topic.ts'
import { utf8Length } from './utf8.ts'

/** Bounds the kernel keeps whatever a client asks for. All counts are per broker unless said. */
export interface Limits {
  /** Levels a topic or filter may have. */
  readonly topicLevels: number
  /** UTF-8 bytes a topic or filter may have. */
  readonly topicLength: number
  /** Subscriptions one session may hold. */
  readonly subscriptions: number
  /** Messages (QoS 1 and 2) that may wait for one session; beyond it the oldest is dropped and counted. */
  readonly maxQueued: number
  /** Bytes of waiting messages one session may hold in memory; beyond it they are read back from the log, or dropped where no log has them. */
  readonly queuedBytes: number
  /** Unacknowledged messages towards one session, whatever its peer allows. */
  readonly inflight: number
  /** Longest time a session may outlive its connection, milliseconds. */
  readonly sessionExpiry: number
  /** Sessions, connected or not. */
  readonly sessions: number
  /** Retained messages. */
  readonly retained: number
  /** Payload bytes of all retained messages. */
  readonly retainedBytes: number
  /** Messages kept to be published later. */
  readonly delayed: number
  /** Payload bytes of all of them. */
  readonly delayedBytes: number
  /** Payload bytes the session log may hold; beyond it the oldest records are dropped from every session that waits for them. */
  readonly logBytes: number
  /** Longest time a record may wait in the session log, milliseconds; older ones are dropped in the same way. */
  readonly logAge: number
  /** Bans kept. */
  readonly bans: number
  /** Connections let in, over all listeners and protocols, logged in or not; as many again may be there to be told that they are too many. */
  readonly connections: number
  /** The same from one address; an IPv6 address counts as its /64. */
  readonly connectionsPerAddress: number
  /** Logins a second, and a second's worth at once. */
  readonly connectRate: number
  /** Messages a second one client may publish, and a second's worth at once. Kept by protocols, where they read. */
  readonly publishRate: number
  /** The same in bytes, as its packets have them. */
  readonly publishByteRate: number
  /** Bytes of memory in use, where that is known: from there on nobody new is let in, QoS 0 and new retained messages are refused, and publishers are slowed down. */
  readonly memory: number
}

/** What applies where nothing else is configured. */
export const defaultLimits: Limits = {
  topicLevels: 128,
  topicLength: 65_535,
  subscriptions: 1000,
  maxQueued: 100_000,
  queuedBytes: 4 * 1024 * 1024,
  inflight: 512,
  sessionExpiry: Infinity,
  sessions: Infinity,
  retained: 1_000_000,
  retainedBytes: 512 * 1024 * 1024,
  delayed: 100_000,
  delayedBytes: 512 * 1024 * 1024,
  logBytes: 1024 * 1024 * 1024,
  logAge: Infinity,
  bans: 100_000,
  connections: Infinity,
  connectionsPerAddress: Infinity,
  connectRate: Infinity,
  publishRate: Infinity,
  publishByteRate: Infinity,
  memory: Infinity,
}

/** Whether a topic or filter has no more levels and bytes than one may have. O(length). */
export function fitsLimits(topic: string, { topicLevels, topicLength }: Limits): boolean {
  // Short ones need no count: a level takes a slash, and no UTF-16 unit more than three bytes.
  if (topic.length < topicLevels && topic.length * 3 <= topicLength) return true
  return levels(topic) <= topicLevels && utf8Length(topic) <= topicLength
}
