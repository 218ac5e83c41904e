import { describe, expect, it } from 'vitest'
import { PacketType } from '../src/codec/packet.ts'
import { bench, guardOf, publishPacket, text } from './harness.ts'

describe('topic aliases of a client', () => {
  it('[MQTT-3.3.2-12] from 1 to the maximum stand for the topic they came with last', async () => {
    const b = await bench({ mqtt: { topicAliasMaximum: 2 } })
    const client = await b.connect()
    const heard: string[] = []
    b.broker.tap('#', (m) => heard.push(m.topic))
    await client.publish('one', '', { properties: { topicAlias: 1 } })
    await client.publish('two', '', { properties: { topicAlias: 2 }, qos: 1 })
    await client.publish('', '', { properties: { topicAlias: 1 }, qos: 2 })
    await client.publish('', '', { properties: { topicAlias: 2 } })
    await client.publish('three', '', { properties: { topicAlias: 1 } })
    await client.publish('', '', { properties: { topicAlias: 1 } })
    expect(heard).toEqual(['one', 'two', 'one', 'two', 'three', 'three'])
  })

  it('[MQTT-3.3.2-9] above the maximum are answered by 0x94', async () => {
    const b = await bench({ mqtt: { topicAliasMaximum: 2 } })
    const client = await b.connect()
    await client.publish('t', '', { properties: { topicAlias: 3 } })
    expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x94)
    expect(client.closed).toBe(true)
  })

  it('[MQTT-3.3.2-8] of 0 are answered by 0x94', async () => {
    const b = await bench()
    const client = await b.connect()
    await client.raw(0x30, 7, 0, 1, 0x74, 3, 0x23, 0, 0)
    expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x94)
  })

  it('any at all is too high where none is announced', async () => {
    const b = await bench({ mqtt: { topicAliasMaximum: 0 } })
    const client = await b.connect()
    await client.publish('t', '', { properties: { topicAlias: 1 } })
    expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x94)
  })

  it('that stand for nothing are a protocol error', async () => {
    const b = await bench()
    const client = await b.connect()
    await client.publish('', '', { properties: { topicAlias: 1 } })
    expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x82)
  })

  it('[MQTT-3.3.2-7] do not outlive the connection', async () => {
    const b = await bench()
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.publish('t', '', { properties: { topicAlias: 1 } })
    await first.drop()
    const second = await b.connect(connect)
    await second.publish('', '', { properties: { topicAlias: 1 } })
    expect(second.expect(PacketType.Disconnect).reasonCode).toBe(0x82)
  })

  it('are not handed on to others', async () => {
    const b = await bench()
    const sub = await b.connect()
    await sub.subscribe('#', { qos: 1 })
    const pub = await b.connect()
    await pub.publish('t', 'x', { properties: { topicAlias: 1 } })
    await pub.publish('', 'y', { properties: { topicAlias: 1 } })
    for (const payload of ['x', 'y']) {
      const got = await sub.take(payload)
      expect([got.topic, got.properties]).toEqual(['t', undefined])
    }
  })

  it('are learned from a message that is refused, and what they stand for is refused too', async () => {
    const asked: string[] = []
    const guard = guardOf({
      authorize(_, __, topic) {
        asked.push(topic)
        return topic !== 'secret'
      },
    })
    const b = await bench({ guard })
    const client = await b.connect()
    await client.publish('secret', '', { qos: 1, properties: { topicAlias: 1 } })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0x87)
    await client.publish('', '', { qos: 1, properties: { topicAlias: 1 } })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0x87)
    // The second answer is the one that was kept of the first.
    expect(asked).toEqual(['secret'])
  })
})

async function linked(properties: { topicAliasMaximum: number | undefined; maximumPacketSize?: number }, most = 16) {
  const b = await bench({ mqtt: { topicAliasMaximum: most } })
  const sub = await b.connect({ properties })
  await sub.subscribe('#', { qos: 1 })
  const pub = await b.connect()
  return { b, sub, pub }
}

describe('topic aliases towards a client', () => {
  it.each([undefined, 0])('[MQTT-3.1.2-27] there are none with a maximum of %s', async (maximum) => {
    const { sub, pub } = await linked({ topicAliasMaximum: maximum })
    for (let i = 0; i < 3; i++) {
      await pub.publish('t', `m${i}`)
      expect((await sub.take(`m${i}`)).properties?.topicAlias).toBeUndefined()
    }
  })

  it('[MQTT-3.1.2-26] [MQTT-3.3.2-11] stay within the maximum, and the name is left out from the second time on', async () => {
    const { sub, pub } = await linked({ topicAliasMaximum: 2 })
    const seen = []
    for (const topic of ['a', 'b', 'c', 'a', 'b', 'c']) {
      await pub.publish(topic, 'x', { qos: 1 })
      const got = await sub.take('x')
      seen.push([got.topic, got.properties?.topicAlias])
    }
    expect(seen).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', undefined],
      ['', 1],
      ['', 2],
      ['c', undefined],
    ])
  })

  it('stay within our own maximum too', async () => {
    const { sub, pub } = await linked({ topicAliasMaximum: 65_535 }, 1)
    await pub.publish('a', 'x')
    await pub.publish('b', 'y')
    expect([(await sub.take('x')).properties?.topicAlias, (await sub.take('y')).properties]).toEqual([1, undefined])
  })

  it('[MQTT-3.3.2-7] begin anew with each connection', async () => {
    const b = await bench()
    const connect = {
      clientId: 'c',
      cleanStart: false,
      properties: { sessionExpiryInterval: 100, topicAliasMaximum: 5 },
    }
    const first = await b.connect(connect)
    await first.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    await pub.publish('t', 'one', { qos: 1 })
    await pub.publish('t', 'two', { qos: 1 })
    expect(first.received.map((p) => p.type === PacketType.Publish && p.topic)).toEqual(['t', ''])
    await first.drop()
    const second = await b.connect(connect)
    expect(second.received.map((p) => p.type === PacketType.Publish && [p.topic, text(p)])).toEqual([
      ['t', 'one'],
      ['', 'two'],
    ])
  })

  it('a message that is too large teaches none', async () => {
    const { sub, pub } = await linked({ topicAliasMaximum: 5, maximumPacketSize: 60 })
    await pub.publish('t', 'x'.repeat(100))
    await pub.publish('t', 'small')
    const got = await sub.take('small')
    expect([got.topic, got.properties?.topicAlias]).toEqual(['t', 1])
  })

  it('[MQTT-3.1.2-25] a message that fits without an alias is sent without one', async () => {
    const { sub, pub } = await linked({ topicAliasMaximum: 5, maximumPacketSize: 60 })
    // 2 bytes of header, 3 of topic, 1 of properties, 54 of payload: 60 in all, and an alias takes 3 more.
    const payload = 'x'.repeat(54)
    await pub.publish('t', payload)
    const got = await sub.take(payload)
    expect([got.topic, got.properties]).toEqual(['t', undefined])
    await pub.publish('t', `${payload}x`)
    sub.expectNothing()
  })

  it('others get the name', async () => {
    const { b, sub, pub } = await linked({ topicAliasMaximum: 5 })
    const plain = await b.connect()
    await plain.subscribe('t', { qos: 1 })
    pub.write(publishPacket('t', 'x'), publishPacket('t', 'y'))
    await b.host.settle()
    expect([(await sub.take('x')).topic, (await sub.take('y')).topic]).toEqual(['t', ''])
    expect([(await plain.take('x')).topic, (await plain.take('y')).topic]).toEqual(['t', 't'])
  })
})
