import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../../src/codec/packet.ts'
import { hex } from '../codec/frames.ts'
import { type Bench, bench, publishPacket, request, type TestClient, text } from '../harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

/** One fault of each kind, and the reason 5.0 is told. */
const faults: readonly (readonly [what: string, bytes: string, reason: number, versions: string])[] = [
  ['reserved flags', 'c1 00', 0x81, '345'],
  ['a length of five bytes', '30 ffffffff01', 0x81, '345'],
  ['text that is not UTF-8', '30 03 0001 ff', 0x81, '34'],
  ['text that is not UTF-8', '30 04 0001 ff 00', 0x81, '5'],
  ['a property that has no place there', '30 07 0001 74 03 21 0001', 0x81, '5'],
  ['a second CONNECT', '10 0d 0004 4d515454 04 02 0000 0001 63', 0x82, '345'],
  ['a packet only servers send', '90 03 0001 00', 0x82, '345'],
  ['a wildcard in a topic', '30 03 0001 23', 0x90, '34'],
  ['a wildcard in a topic', '30 04 0001 23 00', 0x90, '5'],
  ['an alias that is too high', '30 07 0001 74 03 23 ffff', 0x94, '5'],
  ['a packet that is too large', '30 ffffff7f', 0x95, '345'],
  ['a DISCONNECT of a reason it may not have', 'e0 01 8b', 0x82, '5'],
  ['a DISCONNECT with a body', 'e0 01 00', 0x82, '34'],
  ['a DISCONNECT with a session expiry', 'e0 07 00 05 11 00000001', 0x82, '5'],
]

async function doomed(b: Bench, version: ProtocolVersion): Promise<TestClient> {
  const will = { topic: 'will', payload: Uint8Array.of(0x77), qos: 1, retain: true } as const
  return b.connect({ version, clientId: 'doomed', will })
}

describe.each(versions)('after a fault of a client of version %i', (version) => {
  const mine = faults.filter(([, , , where]) => where.includes(String(version)))

  it.each(mine)(
    '[MQTT-3.1.2-8] [MQTT-4.13.1-1] [MQTT-3.1.2-8 of 3.1.1] [MQTT-4.8.0-1 of 3.1.1] the will is published: %s',
    async (_, bytes, reason) => {
      const b = await bench()
      const other = await b.connect({ clientId: 'other' })
      await other.subscribe('will', { qos: 1 })
      const client = await doomed(b, version)
      client.chunks.length = 0
      await client.raw(...hex(bytes))
      if (version === 5) expect(client.expect(PacketType.Disconnect).reasonCode).toBe(reason)
      else expect(client.chunks).toEqual([])
      client.expectNothing()
      expect(client.closed).toBe(true)
      expect((await other.take('w')).topic).toBe('will')
      expect(b.broker.retained.size).toBe(1)
    },
  )

  it.each(mine)('[MQTT-4.13.2-1] nothing behind it in the same chunk is done: %s', async (_, bytes) => {
    const b = await bench()
    const heard: string[] = []
    b.broker.tap('#', (m) => heard.push(m.topic))
    const client = await b.connect({ version, clientId: 'c' })
    const none = version === 5 ? '00' : ''
    const length = version === 5 ? '04' : '03'
    const before = `30${length} 0001 61 ${none}`
    const after = `30${length} 0001 62 ${none} 3203 0001 62 c000 82 06 0001 0001 61 00`
    await client.raw(...hex(before + bytes + after))
    expect([heard, client.closed]).toEqual([['a'], true])
    expect(client.received.filter((p) => p.type !== PacketType.Disconnect)).toEqual([])
  })

  it.each(mine)('others go on as if nothing had been, in the middle of an exchange: %s', async (_, bytes) => {
    const b = await bench()
    const sub = await b.connect({ clientId: 'sub' })
    await sub.subscribe('t', { qos: 2 })
    const pub = await b.connect({ clientId: 'pub' })
    const client = await b.connect({ version, clientId: 'c' })
    await client.subscribe('t', { qos: 2 })
    await pub.publish('t', 'x', { qos: 2, packetId: 1 })
    client.expect(PacketType.Publish)
    await client.raw(...hex(bytes))
    expect(client.closed).toBe(true)
    pub.expect(PacketType.Pubrec)
    await pub.ack(PacketType.Pubrel, 1)
    pub.expect(PacketType.Pubcomp)
    await sub.take('x')
    await pub.publish('t', 'y', { qos: 1 })
    await sub.take('y')
    pub.expect(PacketType.Puback)
    for (const one of [sub, pub]) one.expectNothing()
  })
})

describe('what was kept of a client that broke the protocol', () => {
  it.each([4, 5] as const)(
    '[MQTT-4.1.0-1] [MQTT-4.1.0-1 of 3.1.1] its session is as it was, version %i',
    async (version) => {
      const b = await bench()
      const durable = { version, clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
      const first = await b.connect(durable)
      await first.subscribe('t', { qos: 1 })
      const pub = await b.connect()
      await pub.publish('t', 'unacknowledged', { qos: 1 })
      first.expect(PacketType.Publish)
      await first.raw(0xc1, 0)
      expect(first.closed).toBe(true)
      await pub.publish('t', 'missed', { qos: 1 })
      const second = await b.connect(durable)
      expect(second.connack.sessionPresent).toBe(true)
      expect((await second.take('unacknowledged')).dup).toBe(true)
      await second.take('missed')
      second.expectNothing()
    },
  )

  it('what it published before the fault stays published, and nothing of a packet that is half right', async () => {
    const b = await bench()
    const heard: string[] = []
    b.broker.tap('#', (m) => heard.push(m.topic))
    const client = await b.connect({ version: 4, clientId: 'c' })
    // The first filter is good, the second has reserved bits: none is subscribed to.
    client.write(publishPacket('before', ''))
    await client.raw(0x82, 10, 0, 1, 0, 1, 0x61, 0, 0, 1, 0x62, 0xff)
    expect([heard, client.closed]).toEqual([['before'], true])
    const again = await b.connect({ version: 4, clientId: 'c', cleanStart: false })
    expect(again.connack.sessionPresent).toBe(false)
  })

  it('a refused CONNECT leaves the session of its client id and its connection alone', async () => {
    const b = await bench()
    const first = await b.connect({ version: 4, clientId: 'c', cleanStart: false })
    await first.subscribe('t')
    // The same client id, and a will of QoS 3.
    const bad = b.dial(4)
    await bad.raw(...hex('10 13 0004 4d515454 04 1e 0000 0001 63 0001 77 0001 70'))
    expect([bad.closed, bad.chunks.length, first.closed]).toEqual([true, 0, false])
    await first.send({ type: PacketType.Subscribe, packetId: 9, filters: [request('u')] })
    first.expect(PacketType.Suback)
    const pub = await b.connect()
    await pub.publish('t', 'x')
    expect(text(first.expect(PacketType.Publish))).toBe('x')
  })
})
