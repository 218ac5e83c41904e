import type { Message } from './message.ts'
import { decodeMessage, encodeMessage } from './message-codec.ts'

/** What is published in a client's name when its connection is lost. */
export class Will {
  /** Timestamp and expiry are set when it is published, and its `dueAt` (if any) counts from then. */
  readonly message: Message
  /** How long after the loss it is published, milliseconds, if the session does not end or come back earlier. */
  readonly delay: number
  /** How long it may be delivered once published, milliseconds. */
  readonly expiry: number | undefined
  /** When it is due; undefined while the client is connected. */
  due: number | undefined

  constructor(message: Message, delay: number = 0, expiry?: number) {
    this.message = message
    this.delay = delay
    this.expiry = expiry
  }

  /** The message as it is published now. */
  at(now: number): Message {
    const expiresAt = this.expiry === undefined ? undefined : now + this.expiry
    const dueAt = this.message.dueAt === undefined ? undefined : now + this.message.dueAt
    return { ...this.message, timestamp: now, expiresAt, dueAt }
  }

  /** As a row. */
  encode(): Uint8Array {
    const message = encodeMessage(this.message)
    const row = new Uint8Array(24 + message.length)
    const view = new DataView(row.buffer)
    view.setFloat64(0, this.delay)
    view.setFloat64(8, this.expiry ?? -1)
    view.setFloat64(16, this.due ?? -1)
    row.set(message, 24)
    return row
  }
}

/** The will that `encode` made a row of. Throws RangeError when it is damaged. */
export function decodeWill(row: Uint8Array): Will {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength)
  const [delay, expiry, due] = [view.getFloat64(0), view.getFloat64(8), view.getFloat64(16)]
  const will = new Will(decodeMessage(row.subarray(24)), delay, expiry < 0 ? undefined : expiry)
  if (due >= 0) will.due = due
  return will
}
