import { encodeUtf8, readUtf8 } from './utf8.ts'

/** Tables a broker keeps, and what their keys are. */
export const table = {
  /** session → [expiry or -1 for never, when it lost its connection or -1, username or null, next offset, unsettled offsets, the QoS of each, records before this one may have been sent though they are owed] */
  sessions: 'sessions',
  /** session, group or '', filter, 'exclusive' if it is → [qos, flags, first offset, identifier or 0] */
  subscriptions: 'subscriptions',
  /** session, tag → nothing: a QoS 2 message received and not yet released */
  inbound: 'inbound',
  /** session, tag → [offset, qos, accepted, group key or ''] */
  inflight: 'inflight',
  /** session → [delay, expiry or -1, due time or -1], encoded message */
  wills: 'wills',
  /** group, filter → [next offset, unsettled offsets below it] */
  groups: 'groups',
  /** topic → encoded message */
  retained: 'retained',
  /** time due and sequence → length of [client id, username or null] or null, that, encoded message */
  delayed: 'delayed',
  /** kind, match, value → [reason, since when, until when or -1 for ever] */
  bans: 'bans',
  /** '' → nothing: written to see whether the storage works again */
  probe: 'probe',
} as const

/** The log of all messages owed to durable sessions. */
export const sessionLog = '$sessions'

/** Sets a row, or deletes it when the value is undefined. */
export type RowWriter = (table: string, key: string, value: Uint8Array | undefined) => void

/** State that is written as rows, as it is when its commit begins. */
export interface Saved {
  saveRows(write: RowWriter): void
}

/** A key of several parts, none of which contains U+0000. */
export function joinKey(...parts: readonly string[]): string {
  return parts.join('\u0000')
}

/** The parts that `joinKey` joined. */
export function splitKey(key: string): string[] {
  return key.split('\u0000')
}

/** A value of the JSON kind as a row. */
export function encodeRow(value: unknown): Uint8Array {
  return encodeUtf8(JSON.stringify(value))
}

/** The value that `encodeRow` made a row of. Throws SyntaxError when it is damaged. */
export function decodeRow<T>(row: Uint8Array): T {
  return JSON.parse(readUtf8(row, 0, row.length) ?? '') as T
}
