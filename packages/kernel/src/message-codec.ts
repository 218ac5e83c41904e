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
 * The message that `encodeMessage` made these bytes of. Its payload is a view into them.
 * Throws RangeError when they are not such bytes.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint8(0) !== format) throw new RangeError(`message format ${view.getUint8(0)} is not known`)
  const flags = view.getUint8(1)
  const fields = view.getUint8(2)
  let at = 3
  const float = (): number => {
    at += 8
    return view.getFloat64(at - 8)
  }
  const binary = (): Uint8Array => {
    const end = at + 4 + view.getUint32(at)
    if (end > bytes.length) throw new RangeError('message is cut short')
    const value = bytes.subarray(at + 4, end)
    at = end
    return value
  }
  const text = (): string => {
    const value = binary()
    const decoded = readUtf8(value, 0, value.length)
    if (decoded === undefined) throw new RangeError('message text is not UTF-8')
    return decoded
  }
  const headers = (): Header[] => {
    const count = view.getUint32(at)
    at += 4
    const list: Header[] = []
    for (let i = 0; i < count; i++) list.push([text(), text()])
    return list
  }
  const has = (bit: number): boolean => (fields & bit) !== 0
  const timestamp = float()
  const topic = text()
  const publisher = text()
  const payload = binary()
  return {
    topic,
    payload,
    qos: (flags & 3) as Qos,
    retain: (flags & 4) !== 0,
    key: has(present.key) ? text() : undefined,
    headers: has(present.headers) ? headers() : undefined,
    contentType: has(present.contentType) ? text() : undefined,
    responseTopic: has(present.responseTopic) ? text() : undefined,
    correlationData: has(present.correlationData) ? binary() : undefined,
    utf8: (flags & 24) === 0 ? undefined : (flags & 8) !== 0,
    publisher,
    timestamp,
    expiresAt: has(present.expiresAt) ? float() : undefined,
    recipient: has(present.recipient) ? text() : undefined,
    dueAt: has(present.dueAt) ? float() : undefined,
  }
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
    payload: owned ? payload : payload.slice(),
    qos: message.qos,
    retain: message.retain,
    key: message.key,
    headers: message.headers,
    contentType: message.contentType,
    responseTopic: message.responseTopic,
    correlationData: correlationData?.slice(),
    utf8: message.utf8,
    publisher: message.publisher,
    timestamp: message.timestamp,
    expiresAt: message.expiresAt,
    recipient: message.recipient,
    dueAt: message.dueAt,
  }
}
