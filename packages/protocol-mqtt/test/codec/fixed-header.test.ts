import { describe, expect, it, vi } from 'vitest'
import { Decoder } from '../../src/codec/decoder.ts'
import { encode } from '../../src/codec/encoder.ts'
import { MalformedPacket } from '../../src/codec/malformed-packet.ts'
import { PacketType } from '../../src/codec/packet.ts'
import { drain, hello, hex } from './frames.ts'
import { outcomeOf, readerFor } from './strict.ts'

// Many runs each; a busy machine gets the time it needs.
vi.setConfig({ testTimeout: 30_000 })

describe('the fixed header alone', () => {
  it.each([
    ['no byte', 'S4', '', 'more'],
    ['one good byte', 'S4', '30', 'more'],
    ['[MQTT-3.1.0-1] one wrong byte before CONNECT', 'S', '30', 0x82],
    ['[MQTT-2.1.3-1] one byte with wrong flags', 'S4', '60', 0x81],
    ['one byte only servers send', 'S4', '20', 0x82],
    ['three bytes of length', 'S4', '30 808080', 'more'],
    ['a fourth byte that goes on', 'S4', '30 80808080', 0x81],
    ['a fourth byte that goes on, all ones', 'S4', '30 ffffffff', 0x81],
    ['[MQTT-1.5.5-1] 0 in two bytes', 'S5', 'c0 8000', 0x81],
    ['[MQTT-1.5.5-1] 127 in two bytes', 'S4', '30 ff00', 0x81],
    ['[MQTT-1.5.5-1] 0 in four bytes', 'S', '10 80808000', 0x81],
    ['too large by one', 'S4', '30 fe1f', 0x95],
    ['just not too large', 'S4', '30 fd1f', 'more'],
    ['as large as can be', 'S4', '30 ffffff7f', 0x95],
    ['too large before CONNECT', 'S', '10 ffffff7f', 0x95],
  ] as const)('%s', (_, reader, digits, outcome) => {
    expect(outcomeOf(readerFor(reader), hex(digits))).toBe(outcome)
    // The same when each byte comes by itself.
    const slow = readerFor(reader)
    const outcomes = [...hex(digits)].map((byte) => outcomeOf(slow, Uint8Array.of(byte)))
    expect(outcomes.at(-1) ?? 'more').toBe(outcome)
    expect(outcomes.slice(0, -1).every((one) => one === 'more')).toBe(true)
  })

  it('the largest frame may change between packets', () => {
    const decoder = readerFor('S4')
    decoder.push(hex('30 05 0003 616161 30 05 0003 616161'))
    decoder.maxPacketSize = 7
    expect(decoder.next()).toMatchObject({ topic: 'aaa' })
    decoder.maxPacketSize = 6
    expect(() => decoder.next()).toThrow('PUBLISH: 7 bytes are too many')
  })
})

describe('after a refusal', () => {
  it('the same error comes again whatever is pushed, and nothing is held', () => {
    const decoder = readerFor('S4')
    decoder.push(hex('c0 00 30 01'))
    expect(decoder.next()).toEqual({ type: PacketType.Pingreq })
    decoder.push(hex('00'))
    const refusals = [1, 2, 3].map(() => {
      decoder.push(hex('c0 00'))
      try {
        return decoder.next()
      } catch (error) {
        return error
      }
    })
    expect(refusals[0]).toBeInstanceOf(MalformedPacket)
    expect(refusals[0]).toMatchObject({
      name: 'MalformedPacket',
      reason: 0x81,
      version: 4,
      message: 'PUBLISH: topic is cut short',
    })
    expect(new Set(refusals).size).toBe(1)
    expect(decoder.reserved).toBe(0)
  })
})

describe('memory follows the bytes that are here, not the length announced', () => {
  it('200 MB announced and ten bytes sent reserve next to nothing', () => {
    for (const chunk of [10, 1]) {
      const decoder = new Decoder({ role: 'server', maxPacketSize: 0x10000000, version: 4 })
      const bytes = hex('30 80a2af5f 0001 61 6161')
      for (let at = 0; at < bytes.length; at += chunk) {
        decoder.push(bytes.slice(at, at + chunk))
        expect(decoder.next()).toBeUndefined()
      }
      expect(decoder.reserved).toBeLessThanOrEqual(256)
    }
  })

  it('never more than twice what has arrived', () => {
    const decoder = new Decoder({ role: 'server', maxPacketSize: 0x10000000, version: 4 })
    decoder.push(hex('30 80a2af5f 0001 61'))
    let sent = 8
    for (let i = 0; i < 200; i++) {
      expect(decoder.next()).toBeUndefined()
      expect(decoder.reserved).toBeLessThanOrEqual(Math.max(256, sent * 2))
      decoder.push(new Uint8Array(i * 37))
      sent += i * 37
    }
  })

  it('an announced length before CONNECT is bound by the largest frame', () => {
    const decoder = new Decoder({ role: 'server', maxPacketSize: 1000 })
    decoder.push(hex('10 80a2af5f'))
    expect(() => decoder.next()).toThrow('too many')
  })

  it('a packet of 1 MB in single bytes takes time in proportion to its length', () => {
    const payload = new Uint8Array(1_000_000).fill(1)
    const bytes = encode({ type: 3, topic: 't', payload, qos: 0, dup: false, retain: false, packetId: 0 }, 4)
    const decoder = new Decoder({ role: 'server', maxPacketSize: 0x10000000, version: 4 })
    const started = performance.now()
    let found: unknown
    for (let at = 0; at < bytes.length; at++) {
      decoder.push(bytes.subarray(at, at + 1))
      found = decoder.next()
    }
    expect(found).toMatchObject({ topic: 't', payload })
    expect(performance.now() - started).toBeLessThan(5000)
    expect(decoder.reserved).toBe(0)
  })

  it('a million packets pipelined in one chunk', () => {
    const decoder = new Decoder({ role: 'server', maxPacketSize: 1000 })
    expect(drain(decoder, hello(4))).toHaveLength(1)
    const chunk = new Uint8Array(2_000_000)
    for (let at = 0; at < chunk.length; at += 2) chunk[at] = 0xc0
    decoder.push(chunk)
    let count = 0
    while (decoder.next() !== undefined) count++
    expect(count).toBe(1_000_000)
  })

  it('65535 slashes are a topic like any other', () => {
    const topic = '/'.repeat(0xffff)
    const bytes = encode(
      { type: 3, topic, payload: new Uint8Array(0), qos: 0, dup: false, retain: false, packetId: 0 },
      4,
    )
    const decoder = new Decoder({ role: 'server', maxPacketSize: 0x10000000, version: 4 })
    expect(drain(decoder, bytes)).toMatchObject([{ topic }])
  })
})
