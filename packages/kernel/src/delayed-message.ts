import type { Principal } from './guard.ts'
import type { Message } from './message.ts'
import { decodeMessage, encodeMessage } from './message-codec.ts'
import { decodeRow, encodeRow } from './rows.ts'

/** A message that is to be published later. */
export interface DelayedMessage {
  /** Names it for `cancel`. Ids sort by the time due, then in the order the messages were accepted. */
  readonly id: string
  readonly message: Message
  /** When it is published, milliseconds since the epoch. */
  readonly dueAt: number
  /** Who sent it, and must still be allowed to when it is due; undefined for the broker itself. */
  readonly from: Principal | undefined
}

// As many as the digits of the largest whole number: ids sort as the numbers in them.
const digits = 16

/** The id of a message that is due then. Of those with one due time the sequence says which was first. */
export function idOf(dueAt: number, sequence: number): string {
  return `${String(dueAt).padStart(digits, '0')}-${String(sequence).padStart(digits, '0')}`
}

/** The sequence that `idOf` was given. */
export function sequenceOf(id: string): number {
  return Number(id.slice(digits + 1))
}

type Author = readonly [clientId: string, username: string | null]

/** As a row: the length of the author, the author, the message. */
export function encodeDelayed({ message, from }: DelayedMessage): Uint8Array {
  const author: Author | null = from === undefined ? null : [from.clientId, from.username ?? null]
  const [first, second] = [encodeRow(author), encodeMessage(message)]
  const row = new Uint8Array(4 + first.length + second.length)
  new DataView(row.buffer).setUint32(0, first.length)
  row.set(first, 4)
  row.set(second, 4 + first.length)
  return row
}

/** What `encodeDelayed` made this row of. Throws RangeError or SyntaxError when it is damaged. */
export function decodeDelayed(id: string, row: Uint8Array): DelayedMessage {
  const end = 4 + new DataView(row.buffer, row.byteOffset, row.byteLength).getUint32(0)
  const author = decodeRow<Author | null>(row.subarray(4, end))
  const message = decodeMessage(row.subarray(end))
  const from = author === null ? undefined : { clientId: author[0], username: author[1] ?? undefined }
  return { id, message, dueAt: message.dueAt ?? 0, from }
}
