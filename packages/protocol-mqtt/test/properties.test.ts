import { describe, expect, it } from 'vitest'
import type { PublishProperties } from '../src/codec/packet-properties.ts'
import { PacketType } from '../src/codec/packet.ts'
import { bench } from './harness.ts'

const all = {
  payloadFormatIndicator: true,
  contentType: 'application/json; x=é',
  responseTopic: 'answers/42',
  correlationData: Uint8Array.of(0, 1, 254, 255),
  userProperties: [
    ['b', '2'],
    ['a', '1'],
    ['b', '2'],
    ['', ''],
    ['__proto__', 'x'],
  ],
} satisfies PublishProperties

describe('the properties of a message', () => {
  const ways = [
    ['as it comes', {}],
    ['with a subscription identifier', { identifier: 7 }],
  ] as const
  for (const [way, subscription] of ways) {
    it.each([0, 1, 2] as const)(
      `[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] pass through unchanged and in order, QoS %i, ${way}`,
      async (qos) => {
        const b = await bench()
        const sub = await b.connect({ properties: { topicAliasMaximum: 'identifier' in subscription ? 1 : 0 } })
        await sub.subscribe('t', { qos: 2, ...subscription })
        const pub = await b.connect()
        await pub.publish('t', 'x', { qos, properties: all })
        const { properties } = await sub.take('x')
        const added = 'identifier' in subscription ? { subscriptionIdentifiers: [7], topicAlias: 1 } : {}
        expect(properties).toEqual({ ...all, ...added })
      },
    )
  }

  it.each([
    [{ payloadFormatIndicator: false }],
    [{ contentType: '' }],
    [{ correlationData: new Uint8Array(0) }],
    [undefined],
  ])('[MQTT-3.3.2-4] %j stays what it is', async (properties) => {
    const b = await bench()
    const subs = [await b.connect(), await b.connect({ properties: { topicAliasMaximum: 1 } })]
    for (const sub of subs) await sub.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    await pub.publish('t', 'x', { qos: 1, properties })
    expect((await subs[0]!.take('x')).properties).toEqual(properties)
    expect((await subs[1]!.take('x')).properties).toEqual({ ...properties, topicAlias: 1 })
  })

  it('are kept for a session that is away, over a restart too', async () => {
    const b = await bench()
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.subscribe('t', { qos: 1, identifier: 3 })
    await first.drop()
    const pub = await b.connect()
    await pub.publish('t', 'x', { qos: 1, properties: all })
    const again = await b.restart()
    const second = await again.connect(connect)
    expect((await second.take('x')).properties).toEqual({ ...all, subscriptionIdentifiers: [3] })
  })

  it('are left out for 3.x, and have no part in what it publishes', async () => {
    const b = await bench()
    const [old, five] = [await b.connect({ version: 4 }), await b.connect()]
    for (const sub of [old, five]) await sub.subscribe('t')
    await five.publish('t', 'x', { properties: all })
    expect((await old.take('x')).properties).toBeUndefined()
    expect((await five.take('x')).properties).toEqual(all)
    await old.publish('t', 'y')
    expect((await five.take('y')).properties).toBeUndefined()
  })

  it('[MQTT-3.3.4-6] a subscription identifier from a client is a protocol error', async () => {
    const b = await bench()
    const client = await b.connect()
    await client.raw(0x30, 6, 0, 1, 0x74, 2, 0x0b, 1)
    expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x82)
  })
})

describe('message expiry', () => {
  const durable = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 1000 } }

  it('[MQTT-3.3.2-6] is passed on as it came when nothing waits', async () => {
    const b = await bench()
    const sub = await b.connect()
    await sub.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    for (const qos of [0, 1] as const) {
      await pub.publish('t', 'x', { qos, properties: { messageExpiryInterval: 4_294_967_295 } })
      expect((await sub.take('x')).properties).toEqual({ messageExpiryInterval: 4_294_967_295 })
    }
  })

  it.each([
    [0, 10],
    [1, 10],
    [1000, 9],
    [9000, 1],
    [9999, 1],
  ])('[MQTT-3.3.2-6] after %i ms of 10 s says %i', async (waited, left) => {
    const b = await bench()
    const first = await b.connect(durable)
    await first.subscribe('t', { qos: 1 })
    await first.drop()
    const pub = await b.connect()
    await pub.publish('t', 'x', { qos: 1, properties: { messageExpiryInterval: 10 } })
    await b.host.advance(waited)
    const second = await b.connect(durable)
    expect((await second.take('x')).properties).toEqual({ messageExpiryInterval: left })
  })

  it('[MQTT-3.3.2-5] what has expired is not delivered', async () => {
    const b = await bench()
    const dropped: string[] = []
    b.broker.watch((e) => e.type === 'dropped' && dropped.push(e.reason))
    const first = await b.connect(durable)
    await first.subscribe('t', { qos: 2 })
    await first.drop()
    const pub = await b.connect()
    await pub.publish('t', 'short', { qos: 1, properties: { messageExpiryInterval: 10 } })
    await pub.publish('t', 'long', { qos: 2, properties: { messageExpiryInterval: 11 } })
    await b.host.advance(10_000)
    const second = await b.connect(durable)
    await second.take('long')
    second.expectNothing()
    expect(dropped).toEqual(['expired'])
  })

  it('[MQTT-3.3.2-5] nor what expires behind a full window', async () => {
    const b = await bench()
    const sub = await b.connect({ properties: { receiveMaximum: 1 } })
    await sub.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    await pub.publish('t', 'one', { qos: 1 })
    await pub.publish('t', 'two', { qos: 1, properties: { messageExpiryInterval: 5 } })
    await pub.publish('t', 'three', { qos: 1 })
    await b.host.advance(5000)
    await sub.take('one')
    await sub.take('three')
  })

  it('[MQTT-3.3.2-6] says to each what is left when it is sent to him', async () => {
    const b = await bench()
    const [now, later] = [await b.connect(), await b.connect({ properties: { receiveMaximum: 1 } })]
    for (const sub of [now, later]) await sub.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    await pub.publish('t', 'one', { qos: 1 })
    await now.take('one')
    await pub.publish('t', 'two', { qos: 1, properties: { messageExpiryInterval: 10 } })
    expect((await now.take('two')).properties).toEqual({ messageExpiryInterval: 10 })
    await b.host.advance(4000)
    await later.take('one')
    expect((await later.take('two')).properties).toEqual({ messageExpiryInterval: 6 })
  })

  it('[MQTT-4.3.3-7] [MQTT-4.3.3-13] a QoS 2 exchange that has begun goes on though the message expired', async () => {
    const b = await bench()
    const first = await b.connect(durable)
    await first.subscribe('t', { qos: 2 })
    const pub = await b.connect()
    await pub.publish('t', 'x', { qos: 2, packetId: 5, properties: { messageExpiryInterval: 5 } })
    pub.expect(PacketType.Pubrec)
    const { packetId } = first.expect(PacketType.Publish)
    await b.host.advance(6000)
    await pub.ack(PacketType.Pubrel, 5)
    expect(pub.expect(PacketType.Pubcomp).reasonCode).toBe(0)
    await first.drop()
    const second = await b.connect(durable)
    expect(second.expect(PacketType.Publish)).toMatchObject({ packetId, dup: true })
    await second.ack(PacketType.Pubrec, packetId)
    expect(second.expect(PacketType.Pubrel).reasonCode).toBe(0)
    await second.ack(PacketType.Pubcomp, packetId)
    second.expectNothing()
  })
})
