import { describe, expect, it } from 'vitest'
import { publishLength, publishTemplate, writeAck, writePublish, writeUint16 } from '../../src/codec/encode-publish.ts'
import { encode } from '../../src/codec/encoder.ts'
import {
  type Connect,
  type OutgoingPacket,
  type OutgoingPublish,
  PacketType,
  type ProtocolVersion,
  packetName,
} from '../../src/codec/packet.ts'
import { drain, hex, plain, readerOf } from './frames.ts'

const payload = Uint8Array.of(1, 2, 3)
const publish: OutgoingPublish = { topic: 'a/b', payload, qos: 1, dup: false, retain: false, packetId: 7 }
const typed = (fields: Partial<OutgoingPublish> = {}): OutgoingPacket => ({ type: 3, ...publish, ...fields })
const connect: Connect = { type: 1, version: 4, cleanStart: true, keepAlive: 0, clientId: 'c' }
const filter = { filter: 'f', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
const decodeOne = (bytes: Uint8Array, version: ProtocolVersion): unknown =>
  plain(drain(readerOf({ from: 'client', packet: { type: 12 } }, version), bytes)[0]!)

describe('known bytes', () => {
  it.each<[string, OutgoingPacket, ProtocolVersion, string]>([
    ['3.1 CONNECT', { ...connect, version: 3 }, 3, '10 0f 0006 4d5149736470 03 02 0000 0001 63'],
    ['3.1.1 CONNECT', connect, 4, '10 0d 0004 4d515454 04 02 0000 0001 63'],
    ['5.0 CONNECT', { ...connect, version: 5 }, 5, '10 0e 0004 4d515454 05 02 0000 00 0001 63'],
    ['PUBLISH QoS 0', typed({ qos: 0, retain: true }), 4, '31 08 0003 612f62 010203'],
    ['PUBLISH QoS 1', typed({ dup: true }), 5, '3a 0b 0003 612f62 0007 00 010203'],
    ['[MQTT-3.3.1-2] no DUP with QoS 0', typed({ qos: 0, dup: true }), 4, '30 08 0003 612f62 010203'],
    ['PUBACK', { type: 4, packetId: 1, reasonCode: 0 }, 5, '40 02 0001'],
    ['PUBACK with a reason', { type: 4, packetId: 1, reasonCode: 0x87 }, 5, '40 03 0001 87'],
    ['a reason that 3.1.1 has no word for', { type: 4, packetId: 1, reasonCode: 0x87 }, 4, '40 02 0001'],
    ['PUBREL', { type: 6, packetId: 0x1234, reasonCode: 0 }, 4, '62 02 1234'],
    ['SUBACK', { type: 9, packetId: 1, reasonCodes: [1, 0x87] }, 5, '90 05 0001 00 01 87'],
    ['SUBACK with a failure in 3.1.1', { type: 9, packetId: 1, reasonCodes: [1, 0x87] }, 4, '90 04 0001 01 80'],
    ['UNSUBACK', { type: 11, packetId: 1, reasonCodes: [0] }, 5, 'b0 04 0001 00 00'],
    ['UNSUBACK in 3.1.1', { type: 11, packetId: 1, reasonCodes: [0] }, 4, 'b0 02 0001'],
    ['PINGREQ', { type: 12 }, 4, 'c0 00'],
    ['PINGRESP', { type: 13 }, 4, 'd0 00'],
    ['DISCONNECT', { type: 14, reasonCode: 0 }, 5, 'e0 00'],
    ['DISCONNECT with a reason', { type: 14, reasonCode: 0x8e }, 5, 'e0 01 8e'],
    ['[MQTT-3.2.2-6] CONNACK that refuses', { type: 2, sessionPresent: true, reasonCode: 5 }, 4, '20 02 00 05'],
    ['a lone surrogate', { ...connect, clientId: '\ud800' }, 4, '10 0f 0004 4d515454 04 02 0000 0003 efbfbd'],
  ])('%s', (_, packet, version, bytes) => {
    expect(encode(packet, version)).toEqual(hex(bytes))
  })
})

describe('what cannot be said', () => {
  const long = 'x'.repeat(0x10000)
  const v5 = (properties: object): OutgoingPacket => ({ ...connect, version: 5, properties })
  it.each<[string, OutgoingPacket, ProtocolVersion]>([
    ['[MQTT-4.7.3-3] a topic over 65535 bytes', typed({ topic: long }), 4],
    ['[MQTT-1.5.4-2] a topic with U+0000', typed({ topic: 'a\0' }), 4],
    ['[MQTT-4.7.3-1] an empty topic', typed({ topic: '' }), 4],
    ['an empty topic without an alias', typed({ topic: '' }), 5],
    ['[MQTT-2.2.1-3] packet identifier 0', typed({ packetId: 0 }), 4],
    ['a packet identifier of 17 bits', typed({ packetId: 0x10000 }), 4],
    ['[MQTT-3.3.1-4] QoS 3', typed({ qos: 3 as never }), 4],
    ['[MQTT-3.3.2-8] alias 0', typed({ properties: { topicAlias: 0 } }), 5],
    ['correlation data over 65535 bytes', typed({ properties: { correlationData: new Uint8Array(0x10000) } }), 5],
    ['a subscription identifier of 29 bits', typed({ properties: { subscriptionIdentifiers: [0x10000000] } }), 5],
    ['an empty response topic', typed({ properties: { responseTopic: '' } }), 5],
    ['a client id over 65535 bytes', { ...connect, clientId: long }, 4],
    ['a password without a user name', { ...connect, password: payload }, 4],
    ['keep alive over 65535', { ...connect, keepAlive: 65536 }, 4],
    ['keep alive of a half', { ...connect, keepAlive: 0.5 }, 4],
    ['receive maximum 0', v5({ receiveMaximum: 0 }), 5],
    ['session expiry over 32 bits', v5({ sessionExpiryInterval: 2 ** 32 }), 5],
    ['a negative session expiry', v5({ sessionExpiryInterval: -1 }), 5],
    ['a will without a topic', { ...connect, will: { topic: '', payload, qos: 0, retain: false } }, 4],
    ['a PUBACK for nothing', { type: 4, packetId: 0, reasonCode: 0 }, 4],
    ['a SUBSCRIBE for nothing', { type: 8, packetId: 1, filters: [] }, 4],
    ['an empty filter', { type: 8, packetId: 1, filters: [{ ...filter, filter: '' }] }, 4],
    ['an UNSUBSCRIBE for nothing', { type: 10, packetId: 1, filters: [] }, 4],
    ['a SUBACK for nothing', { type: 9, packetId: 1, reasonCodes: [] }, 4],
    ['a CONNACK of 5.0 in 3.1.1', { type: 2, sessionPresent: false, reasonCode: 0x87 }, 4],
    ['AUTH in 3.1.1', { type: 15, reasonCode: 0x18, properties: { authenticationMethod: 'm' } }, 4],
    ['AUTH without a method', { type: 15, reasonCode: 0x18 }, 5],
  ])('%s', (_, packet, version) => {
    expect(() => encode(packet, version)).toThrow(RangeError)
    // A failure leaves nothing behind for the next packet.
    expect(encode({ type: 12 }, version)).toEqual(hex('c0 00'))
  })
})

describe('writing into room of the caller', () => {
  it.each([3, 4, 5] as const)('PUBLISH, version %i', (version) => {
    for (const size of [0, 100, 127, 128, 16_400]) {
      const one = { ...publish, payload: new Uint8Array(size).fill(5), properties: { contentType: 't' } }
      const target = new Uint8Array(publishLength(one, version) + 9)
      expect(writePublish(target, 4, one, version)).toBe(target.length - 5)
      expect(target.subarray(4, -5)).toEqual(encode({ type: 3, ...one }, version))
      expect([...target.subarray(0, 4), ...target.subarray(-5)]).toEqual(Array.from({ length: 9 }, () => 0))
    }
  })

  it.each([4, 5, 6, 7] as const)('acknowledgement %i', (type) => {
    const target = new Uint8Array(6)
    expect(writeAck(target, 1, type, 0xfedc)).toBe(5)
    expect(target.subarray(1, 5)).toEqual(encode({ type, packetId: 0xfedc, reasonCode: 0 }, 5))
  })

  it('a template is stamped with packet identifier and alias', () => {
    for (const qos of [0, 1, 2] as const)
      for (const more of ['', 'é'.repeat(200)]) {
        const properties = { contentType: more, topicAlias: 1, userProperties: [['a', 'b']] as const }
        const one = { ...publish, topic: '', qos, packetId: 0, properties }
        const { bytes, packetIdAt, topicAliasAt } = publishTemplate(one, 5)
        const copy = bytes.slice()
        if (qos > 0) writeUint16(copy, packetIdAt, 0x1234)
        else expect(packetIdAt).toBe(0)
        writeUint16(copy, topicAliasAt, 0xabcd)
        const stamped = { ...one, packetId: qos > 0 ? 0x1234 : 0, properties: { ...properties, topicAlias: 0xabcd } }
        expect(decodeOne(copy, 5)).toEqual(plain({ type: 3, ...stamped }))
      }
  })

  it('a head and its payload are the whole', () => {
    for (const version of [3, 4, 5] as const)
      for (const qos of [0, 1, 2] as const)
        for (const size of [0, 1, 100_000]) {
          const one = { ...publish, qos, packetId: 0, payload: new Uint8Array(size).fill(7) }
          const [head, whole] = [publishTemplate(one, version, 'head'), publishTemplate(one, version)]
          expect(Buffer.compare(Buffer.concat([head.bytes, one.payload]), whole.bytes)).toBe(0)
          expect([head.packetIdAt, head.topicAliasAt]).toEqual([whole.packetIdAt, whole.topicAliasAt])
        }
  })

  it('templates do not touch each other', () => {
    const all = Array.from({ length: 500 }, (_, i) => {
      const one = { ...publish, payload: new Uint8Array(i * 7).fill(i) }
      return { one, template: publishTemplate(one, 4) }
    })
    for (const { one, template } of all) expect(template.bytes).toEqual(encode({ type: 3, ...one }, 4))
  })

  it('a template without an alias has no place for one', () => {
    for (const version of [3, 4, 5] as const) {
      const { bytes, packetIdAt, topicAliasAt } = publishTemplate({ ...publish, packetId: 0 }, version)
      expect(topicAliasAt).toBe(0)
      const copy = bytes.slice()
      writeUint16(copy, packetIdAt, 7)
      expect(decodeOne(copy, version)).toEqual(plain({ type: 3, ...publish }))
    }
  })
})

it('every type has its name, and nothing else has', () => {
  expect(packetName(PacketType.Pubcomp)).toBe('PUBCOMP')
  expect(Object.values(PacketType).map(packetName)).not.toContain('RESERVED')
  expect([packetName(0), packetName(16)]).toEqual(['RESERVED', 'RESERVED'])
})
