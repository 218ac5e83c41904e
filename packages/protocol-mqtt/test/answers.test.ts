import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { bench, connectPacket, guardOf, publishPacket, request, text } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

describe('answers', () => {
  it.each([true, false, undefined])(
    '[MQTT-3.1.2-29] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.2.2-20] [MQTT-3.14.2-4] explain themselves in DISCONNECT alone, with request problem information %s',
    async (requestProblemInformation) => {
      const b = await bench({ guard: guardOf({ authorize: () => false }) })
      const client = await b.connect({ clientId: 'c', properties: { requestProblemInformation } })
      expect(client.connack.properties).not.toMatchObject({ reasonString: expect.anything() })
      client.write(
        publishPacket('t', '', { qos: 1, packetId: 1 }),
        publishPacket('t', '', { qos: 2, packetId: 2 }),
        { type: PacketType.Pubrel, packetId: 3, reasonCode: 0 },
        { type: PacketType.Pubrec, packetId: 4, reasonCode: 0 },
        { type: PacketType.Subscribe, packetId: 5, filters: [request('t')] },
        { type: PacketType.Unsubscribe, packetId: 6, filters: ['#/#'] },
      )
      await b.host.settle()
      const { Puback, Pubrec, Pubcomp, Pubrel, Suback, Unsuback } = PacketType
      expect(client.received.map((p) => [p.type, 'properties' in p && p.properties])).toEqual(
        [Puback, Pubrec, Pubcomp, Pubrel, Suback, Unsuback].map((type) => [type, undefined]),
      )
      client.received.length = 0
      await client.raw(0xd0, 0)
      const { properties } = client.expect(PacketType.Disconnect)
      expect(Object.keys(properties ?? {})).toEqual(['reasonString'])
    },
  )

  it.each(versions)(
    '[MQTT-2.3.1-6 of 3.1.1] [MQTT-2.3.1-7 of 3.1.1] have the identifier they answer, version %i',
    async (version) => {
      const b = await bench()
      const client = await b.connect({ version, clientId: 'c' })
      for (const packetId of [1, 255, 256, 65_535]) {
        client.write(
          publishPacket('t', '', { qos: 1, packetId }),
          { type: PacketType.Subscribe, packetId, filters: [request('u')] },
          { type: PacketType.Unsubscribe, packetId, filters: ['u'] },
          publishPacket('t', '', { qos: 2, packetId }),
          { type: PacketType.Pubrel, packetId, reasonCode: 0 },
        )
        await b.host.settle()
        const ids = client.received.splice(0).map((p) => ('packetId' in p ? p.packetId : 0))
        expect(ids).toEqual(Array.from({ length: 5 }, () => packetId))
      }
    },
  )
})

describe('a PUBLISH to the byte', () => {
  it.each([
    [4, 0, [0x30, 4, 0, 1, 0x74, 0x78]],
    [5, 0, [0x30, 5, 0, 1, 0x74, 0, 0x78]],
    [3, 1, [0x32, 6, 0, 1, 0x74, 0, 1, 0x78]],
    [4, 2, [0x34, 6, 0, 1, 0x74, 0, 1, 0x78]],
    [5, 2, [0x34, 7, 0, 1, 0x74, 0, 1, 0, 0x78]],
  ] as const)(
    '[MQTT-2.2.1-2] [MQTT-2.2.2-1] [MQTT-2.3.1-5 of 3.1.1] [MQTT-3.3.1-2] version %i, QoS %i',
    async (version, qos, bytes) => {
      const b = await bench()
      const sub = await b.connect({ version, clientId: 's' })
      await sub.subscribe('t', { qos })
      sub.chunks.length = 0
      for (const from of versions) {
        const pub = await b.connect({ version: from, clientId: `p${from}` })
        await pub.publish('t', 'x', { qos })
      }
      const [first, ...others] = sub.chunks.map((chunk) => Array.from(chunk))
      expect(first).toEqual(bytes)
      expect(others.length).toBe(2)
      if (qos === 0) for (const other of others) expect(other).toEqual(bytes)
    },
  )

  it.each([0, 1, 2] as const)(
    '[MQTT-3.3.1-3] [MQTT-3.3.1-2] [MQTT-4.3.1-1] DUP of the publisher is not passed on, granted QoS %i',
    async (granted) => {
      const b = await bench()
      const sub = await b.connect()
      await sub.subscribe('t', { qos: granted })
      const pub = await b.connect()
      for (const qos of [1, 2] as const) {
        await pub.publish('t', 'x', { qos, dup: true })
        expect((await sub.take('x')).dup).toBe(false)
      }
    },
  )
})

describe('[MQTT-6.0.0-2] [MQTT-4.2-1] chunks mean nothing', () => {
  it.each([1, 3])('everything arrives in pieces of %i bytes', async (split) => {
    const b = await bench({ link: { split } })
    const client = b.dial()
    const properties = { topicAlias: 1, userProperties: [['a', 'b']] as const }
    client.write(
      connectPacket({ clientId: 'c', username: 'u' }),
      { type: PacketType.Subscribe, packetId: 1, filters: [request('#', { qos: 2 })] },
      publishPacket('t', 'one', { qos: 1, packetId: 2, properties }),
      publishPacket('', 'two', { qos: 2, packetId: 3, properties }),
      { type: PacketType.Pingreq },
    )
    await b.host.settle()
    client.expect(PacketType.Connack)
    const payloads = client.received.flatMap((p) => (p.type === PacketType.Publish ? [text(p)] : []))
    const others = client.received.flatMap((p) => (p.type === PacketType.Publish ? [] : [p.type]))
    expect(payloads).toEqual(['one', 'two'])
    expect(others).toEqual([PacketType.Suback, PacketType.Puback, PacketType.Pubrec, PacketType.Pingresp])
  })
})
