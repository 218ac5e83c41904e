import type { Header, Message, Qos } from './message.ts'
import { readUtf8, utf8Length, writeUtf8 } from './utf8.ts'

// One byte of format, one of flags, one of presence bits; then the fields in order. Strings and bytes carry a 32-bit length.
const format = 1
const present = {
  key: 1,
  headers: 2,
  contentType: 4,
  responseTopic: 8,
  correlationData: 16,
  expiresAt: 32,
  recipient: 64,
  dueAt: 128,
}

/** A message as bytes, to be kept by a storage. Complete: decoding gives an equal message. */
export function encodeMessage(message: Message): Uint8Array {
  const bytes = new Uint8Array(encodedLength(message))
  const view = new DataView(bytes.buffer)
  let at = 3
  let fields = 0
  const text = (value: string): void => {
    const end = writeUtf8(value, bytes, at + 4)
    view.setUint32(at, end - at - 4)
    at = end
  }
  const binary = (value: Uint8Array): void => {
    view.setUint32(at, value.length)
    bytes.set(value, at + 4)
    at += 4 + value.length
  }
  const optional = (bit: number, value: string | undefined): void => {
    if (value === undefined) return
    fields |= bit
    text(value)
  }
  view.setFloat64(at, message.timestamp)
  at += 8
  text(message.topic)
  text(message.publisher)
  binary(message.payload)
  optional(present.key, message.key)
  if (message.headers !== undefined) {
    fields |= present.headers
    view.setUint32(at, message.headers.length)
    at += 4
    for (const [name, value] of message.headers) {
      text(name)
      text(value)
    }
  }
  optional(present.contentType, message.contentType)
  optional(present.responseTopic, message.responseTopic)
  if (message.correlationData !== undefined) {
    fields |= present.correlationData
    binary(message.correlationData)
  }
  if (message.expiresAt !== undefined) {
    fields |= present.expiresAt
    view.setFloat64(at, message.expiresAt)
    at += 8
  }
  optional(present.recipient, message.recipient)
  if (message.dueAt !== undefined) {
    fields |= present.dueAt
    view.setFloat64(at, message.dueAt)
  }
  bytes[0] = format
  bytes[1] = message.qos | (message.retain ? 4 : 0) | (message.utf8 === undefined ? 0 : message.utf8 ? 8 : 16)
  bytes[2] = fields
  return bytes
}

function textLength(value: string | undefined): number {
  return value === undefined ? 0 : 4 + utf8Length(value)
}

function encodedLength(message: Message): number {
  const text = textLength
  let length = 3 + 8 + text(message.topic) + text(message.publisher) + 4 + message.payload.length
  length += text(message.key) + text(message.contentType) + text(message.responseTopic) + text(message.recipient)
  if (message.headers !== undefined) {
    length += 4
    for (const [name, value] of message.headers) length += text(name) + text(value)
  }
  if (message.correlationData !== undefined) length += 4 + message.correlationData.length
  if (message.expiresAt !== undefined) length += 8
  if (message.dueAt !== undefined) length += 8
  return length
}

/**
 * The message that `encodeMessage` made these bytes of; what follows it does not matter. Its payload is a view into them.
 * Where its topic or publisher reads as that of `like` does, it is the same string: messages of one log often agree.
 * Throws RangeError when they are not such bytes.
 */
export function decodeMessage(bytes: Uint8Array, like?: Message): Message {
  const reader = new Reader(bytes)
  const { flags, fields } = reader
  const has = (bit: number): boolean => (fields & bit) !== 0
  const timestamp = reader.float()
  const topic = reader.text(like?.topic)
  const publisher = reader.text(like?.publisher)
  const payload = reader.binary()
  return {
    topic,
    payload,
    qos: (flags & 3) as Qos,
    retain: (flags & 4) !== 0,
    key: has(present.key) ? reader.text() : undefined,
    headers: has(present.headers) ? reader.headers() : undefined,
    contentType: has(present.contentType) ? reader.text() : undefined,
    responseTopic: has(present.responseTopic) ? reader.text() : undefined,
    correlationData: has(present.correlationData) ? reader.binary() : undefined,
    utf8: (flags & 24) === 0 ? undefined : (flags & 8) !== 0,
    publisher,
    timestamp,
    expiresAt: has(present.expiresAt) ? reader.float() : undefined,
    recipient: has(present.recipient) ? reader.text() : undefined,
    dueAt: has(present.dueAt) ? reader.float() : undefined,
  }
}

/** What an encoded message says of itself without being decoded. Throws RangeError as `decodeMessage` does. */
export function peekMessage(bytes: Uint8Array): { readonly payloadLength: number; readonly expires: boolean } {
  const reader = new Reader(bytes)
  reader.float()
  reader.skip()
  reader.skip()
  return { payloadLength: reader.skip(), expires: (reader.fields & present.expiresAt) !== 0 }
}

/** Goes through an encoded message field by field. */
class Reader {
  readonly flags: number
  /** Bits of what is present. */
  readonly fields: number
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 3

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (this.#view.getUint8(0) !== format) throw new RangeError(`message format ${this.#view.getUint8(0)} is not known`)
    this.flags = this.#view.getUint8(1)
    this.fields = this.#view.getUint8(2)
  }

  float(): number {
    this.#at += 8
    return this.#view.getFloat64(this.#at - 8)
  }

  /** Goes past a text or bytes, and says how many they are. */
  skip(): number {
    const length = this.#view.getUint32(this.#at)
    this.#at += 4 + length
    if (this.#at > this.#bytes.length) throw new RangeError('message is cut short')
    return length
  }

  binary(): Uint8Array {
    const length = this.skip()
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  text(like?: string): string {
    const length = this.skip()
    const start = this.#at - length
    if (like !== undefined && isText(like, this.#bytes, start, length)) return like
    const decoded = readUtf8(this.#bytes, start, this.#at)
    if (decoded === undefined) throw new RangeError('message text is not UTF-8')
    return decoded
  }

  headers(): Header[] {
    const count = this.#view.getUint32(this.#at)
    this.#at += 4
    const list: Header[] = []
    for (let i = 0; i < count; i++) list.push([this.text(), this.text()])
    return list
  }
}

/** Whether these bytes are an ASCII text. */
// oxlint-disable-next-line max-params -- called for every record of a log: an object for its arguments would cost more
function isText(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false
  // What differs in one text and the next most often differs at the end.
  for (let i = length - 1; i >= 0; i--) {
    const byte = bytes[start + i]!
    if (byte > 0x7f || byte !== text.charCodeAt(i)) return false
  }
  return true
}

/** Bytes of the payload. */
export function payloadLength(message: Message): number {
  return message.payloadLength ?? message.payload.length
}

/** The message as it may be kept until it is delivered: a small payload must not pin the chunk it came with. */
export function kept(message: Message): Message {
  if (message.keep === undefined) return ownBytes(message)
  message.keep()
  return message
}

/**
 * The same message with bytes of its own, unless it already owns most of the buffer they lie in. For what is kept
 * beyond the turn it arrived in: a small payload must not pin the chunk it came with. What comes back is plain data: a
 * protocol's own kind of message, which may compute its fields from what it received, ends here.
 */
export function ownBytes(message: Message): Message {
  const { payload, correlationData } = message
  const owned = payload.buffer.byteLength <= 2 * payload.byteLength + 256
  if (owned && correlationData === undefined && Object.hasOwn(message, 'payload')) return message
  return {
    topic: message.topic,
    // Not by `slice`: who publishes from Node may give us a Buffer.
    payload: owned ? payload : new Uint8Array(payload),
    qos: message.qos,
    retain: message.retain,
    key: message.key,
    headers: message.headers,
    contentType: message.contentType,
    responseTopic: message.responseTopic,
    correlationData: correlationData && new Uint8Array(correlationData),
    utf8: message.utf8,
    publisher: message.publisher,
    timestamp: message.timestamp,
    expiresAt: message.expiresAt,
    recipient: message.recipient,
    dueAt: message.dueAt,
  }
}
