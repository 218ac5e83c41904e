/** Bounds the kernel keeps whatever a client asks for. All counts are per broker unless said. */
export interface Limits {
  /** Levels a topic or filter may have. */
  readonly topicLevels: number
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
}

/** What applies where nothing else is configured. */
export const defaultLimits: Limits = {
  topicLevels: 128,
  subscriptions: 1000,
  maxQueued: 100_000,
  queuedBytes: 4 * 1024 * 1024,
  inflight: 64,
  sessionExpiry: Infinity,
  sessions: Infinity,
  retained: 1_000_000,
  retainedBytes: 512 * 1024 * 1024,
  delayed: 100_000,
  delayedBytes: 512 * 1024 * 1024,
  logBytes: 1024 * 1024 * 1024,
}
