import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Message } from '../src/index.ts'
import { decodeMessage, encodeMessage, ownBytes, peekMessage } from '../src/message-codec.ts'

const text = fc.string({ unit: 'grapheme' })
const bytes = fc.uint8Array({ maxLength: 40 })
const time = fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e15, noNaN: true }))
const messages = fc.record<Message>({
  topic: text,
  payload: bytes,
  qos: fc.constantFrom(0, 1, 2),
  retain: fc.boolean(),
  key: fc.option(text, { nil: undefined }),
  headers: fc.option(fc.array(fc.tuple(text, text), { maxLength: 4 }), { nil: undefined }),
  contentType: fc.option(text, { nil: undefined }),
  responseTopic: fc.option(text, { nil: undefined }),
  correlationData: fc.option(bytes, { nil: undefined }),
  utf8: fc.constantFrom(true, false, undefined),
  publisher: text,
  timestamp: time,
  expiresAt: fc.option(time, { nil: undefined }),
  recipient: fc.option(text, { nil: undefined }),
  dueAt: fc.option(time, { nil: undefined }),
})

const plain = { payload: new Uint8Array(0), qos: 0, retain: false, timestamp: 0 } as const
const base: Message = { topic: 't', publisher: 'p', ...plain }

describe('a message as bytes', () => {
  it('is the same message again', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message)
      }),
      { numRuns: 500 },
    )
  })

  it('may lie anywhere in a buffer; its payload is a view', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const encoded = encodeMessage(message)
        const buffer = new Uint8Array(encoded.length + 8)
        buffer.set(encoded, 5)
        const decoded = decodeMessage(buffer.subarray(5, 5 + encoded.length))
        expect(decoded).toEqual(message)
        expect(decoded.payload.buffer).toBe(buffer.buffer)
      }),
    )
  })

  it('reads the same whatever it is read after, and whatever follows it', () => {
    fc.assert(
      fc.property(messages, messages, fc.boolean(), (message, other, same) => {
        const encoded = encodeMessage(message)
        const padded = new Uint8Array(encoded.length + 9).fill(0xff)
        padded.set(encoded)
        const like = same ? { ...other, topic: message.topic } : other
        expect(decodeMessage(padded, like)).toEqual(message)
      }),
    )
    // Bytes that are not ASCII are never taken for characters of the same numbers.
    const latin = { ...base, topic: '\u00c3\u00a9' }
    expect(decodeMessage(encodeMessage({ ...base, topic: '\u00e9' }), latin).topic).toBe('\u00e9')
  })

  it('tells how long its payload is and whether it expires', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const told = { payloadLength: message.payload.length, expires: message.expiresAt !== undefined }
        const encoded = encodeMessage(message)
        expect(peekMessage(encoded)).toEqual(told)
        const end = encodeMessage({ topic: message.topic, publisher: message.publisher, ...plain }).length
        expect(() => peekMessage(encoded.subarray(0, end - 1))).toThrow(RangeError)
        encoded[0] = 2
        expect(() => peekMessage(encoded)).toThrow('format 2')
      }),
    )
  })

  it('cut short it is refused, as is another format', () => {
    fc.assert(
      fc.property(messages, fc.double({ min: 0, max: 0.999, noNaN: true }), (message, part) => {
        const encoded = encodeMessage(message)
        expect(() => decodeMessage(encoded.subarray(0, Math.floor(encoded.length * part)))).toThrow(RangeError)
        encoded[0] = 2
        expect(() => decodeMessage(encoded)).toThrow('format 2')
      }),
    )
  })
})

describe('ownBytes', () => {
  const chunk = new Uint8Array(65_536)
  const base: Message = { topic: 't', payload: chunk, qos: 1, retain: false, publisher: 'p', timestamp: 1 }

  it('copies what would pin a chunk, and nothing else', () => {
    expect(ownBytes(base)).toBe(base)
    const small = { ...base, payload: chunk.subarray(7, 17) }
    expect(ownBytes(small).payload.buffer.byteLength).toBe(10)
    expect(ownBytes({ ...base, payload: new Uint8Array(3) }).payload.length).toBe(3)
    const correlated = ownBytes({ ...base, correlationData: chunk.subarray(0, 4) })
    expect([correlated.correlationData?.buffer.byteLength, correlated.payload]).toEqual([4, chunk])
  })

  it('leaves the message what it was', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(ownBytes(message)).toEqual(message)
      }),
    )
  })
})
