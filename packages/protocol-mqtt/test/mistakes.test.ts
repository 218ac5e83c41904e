import { describe, expect, it } from 'vitest'
import { type Connect, PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { type Bench, bench, guardOf, publishPacket, request, type TestClient, text } from './harness.ts'

// What other brokers get wrong, one test each, in every version that knows of it.

const versions: ProtocolVersion[] = [3, 4, 5]
const levels = [0, 1, 2] as const

const will: NonNullable<Connect['will']> = { topic: 'will', payload: Uint8Array.of(0x77), qos: 0, retain: false }

async function listener(b: Bench, version: ProtocolVersion, ...filters: string[]): Promise<TestClient> {
  const client = await b.connect({ version, clientId: 'listener' })
  for (const filter of filters) await client.subscribe(filter, { qos: 2 })
  return client
}

describe.each(versions)('mistakes of others, version %i', (version) => {
  it('[MQTT-3.8.4-8] [MQTT-3.8.4-6 of 3.1.1] delivered QoS is the lower of published and granted', async () => {
    const b = await bench()
    const pub = await b.connect({ version, clientId: 'p' })
    for (const granted of levels) {
      const sub = await b.connect({ version, clientId: 's' })
      await sub.subscribe('t', { qos: granted })
      for (const published of levels) {
        await pub.publish('t', `${published}`, { qos: published })
        expect((await sub.take(`${published}`)).qos).toBe(Math.min(published, granted))
      }
    }
  })

  it('[MQTT-3.1.4-3] [MQTT-3.1.4-2 of 3.1.1] a take-over closes the old connection, in 5.0 with 0x8E', async () => {
    const b = await bench()
    const old = await b.connect({ version, clientId: 'c' })
    old.chunks.length = 0
    const young = await b.connect({ version, clientId: 'c' })
    if (version === 5) expect(old.expect(PacketType.Disconnect).reasonCode).toBe(0x8e)
    else expect(old.chunks).toEqual([])
    expect([old.closed, young.closed]).toEqual([true, false])
  })

  it('[MQTT-3.14.4-3] [MQTT-3.14.4-3 of 3.1.1] [MQTT-3.1.2-10 of 3.1.1] a normal DISCONNECT drops the will', async () => {
    const b = await bench()
    const sub = await listener(b, version, '#')
    const client = await b.connect({ version, clientId: 'c', will })
    await client.disconnect()
    await b.host.advance(1_000_000)
    sub.expectNothing()
  })

  it('[MQTT-3.1.2-8] [MQTT-3.1.2-8 of 3.1.1] a connection that is gone without DISCONNECT fires it at once', async () => {
    const b = await bench()
    const sub = await listener(b, version, '#')
    for (const lose of ['drop', 'hangUp'] as const) {
      const client = await b.connect({ version, clientId: 'c', will })
      await client[lose]()
      await sub.take('w')
    }
    sub.expectNothing()
  })

  it('[MQTT-3.3.1-8 of 3.1.1] a retained message comes with RETAIN 1 and its own QoS, and never expires by itself', async () => {
    const b = await bench()
    const pub = await b.connect({ version, clientId: 'p' })
    for (const qos of levels) await pub.publish(`kept/${qos}`, `${qos}`, { qos, retain: true })
    await b.host.advance(10 * 365 * 24 * 3_600_000)
    const sub = await b.connect({ version, clientId: 's' })
    for (const qos of levels) {
      await sub.subscribe(`kept/${qos}`, { qos: 2 })
      const got = await sub.take(`${qos}`)
      expect([got.qos, got.retain, got.dup]).toEqual([qos, true, false])
    }
  })

  it('a/# matches a', async () => {
    const b = await bench()
    const sub = await listener(b, version, 'a/#')
    const pub = await b.connect()
    for (const topic of ['a', 'a/', 'a/b', 'a/b/c', 'ab', '/a']) await pub.publish(topic, topic)
    for (const topic of ['a', 'a/', 'a/b', 'a/b/c']) await sub.take(topic)
    sub.expectNothing()
  })

  it('+ matches an empty level', async () => {
    const b = await bench()
    const sub = await listener(b, version, 'a/+/b', '+')
    const pub = await b.connect()
    for (const topic of ['a//b', 'a/b', '/', 'x', 'a///b']) await pub.publish(topic, topic)
    for (const topic of ['a//b', 'x']) await sub.take(topic)
    sub.expectNothing()
    await sub.subscribe('+/+')
    await pub.publish('/', '/')
    await sub.take('/')
    sub.expectNothing()
  })

  it('[MQTT-4.7.2-1] [MQTT-4.7.2-1 of 3.1.1] nothing wild matches $… at the first level, live or retained', async () => {
    const b = await bench()
    const pub = await b.connect()
    await pub.publish('$house/x', 'retained', { retain: true })
    const sub = await listener(b, version, '#', '+/#', '+/x', '+/+')
    await pub.publish('$house/x', 'live')
    sub.expectNothing()
    await sub.subscribe('$house/+')
    await sub.take('retained')
    await pub.publish('$house/x', 'again')
    await sub.take('again')
    await pub.publish('house/$x', 'elsewhere')
    await sub.take('elsewhere')
    sub.expectNothing()
  })

  it('a new subscriber gets no history', async () => {
    const b = await bench()
    const sleeper = await b.connect({ clientId: 'z', cleanStart: false, properties: { sessionExpiryInterval: 1000 } })
    await sleeper.subscribe('t', { qos: 2 })
    await sleeper.drop()
    const pub = await b.connect({ version, clientId: 'p' })
    // Somebody waits for these: they are in the log.
    for (const qos of levels) await pub.publish('t', 'old', { qos })
    const sub = await listener(b, version, 't')
    sub.expectNothing()
    await pub.publish('t', 'new', { qos: 1 })
    await sub.take('new')
    sub.expectNothing()
  })

  it.each(levels)(
    '[MQTT-4.6.0-5] [MQTT-4.6.0-6 of 3.1.1] order holds per publisher, topic and QoS (%i)',
    async (qos) => {
      const b = await bench()
      const sub = await listener(b, version, 't')
      const pubs = [await b.connect({ version, clientId: 'p0' }), await b.connect({ version, clientId: 'p1' })]
      for (let i = 0; i < 30; i++) {
        for (const [p, pub] of pubs.entries())
          pub.write(publishPacket('t', `${p} ${i}`, { qos, packetId: qos === 0 ? 0 : i + 1 }))
      }
      await b.host.settle()
      const seen: string[][] = [[], []]
      while (sub.received.length > 0) {
        const got = text(sub.expect(PacketType.Publish)).split(' ')
        seen[Number(got[0])]!.push(got[1]!)
      }
      const sent = Array.from({ length: 30 }, (_, i) => `${i}`)
      expect(seen).toEqual([sent, sent])
    },
  )

  it('[MQTT-3.8.4-6] [MQTT-3.8.4-5 of 3.1.1] SUBACK has one code per filter, and UNSUBACK too where it has codes', async () => {
    const b = await bench({ guard: guardOf({ authorize: (_, __, topic) => topic !== 'shut' }) })
    const client = await b.connect({ version, clientId: 'c' })
    const filters = ['a', 'shut', 'b', 'a', '$share/x/c'].map((filter, i) =>
      request(filter, { qos: (i % 3) as 0 | 1 | 2 }),
    )
    await client.send({ type: PacketType.Subscribe, packetId: 5, filters })
    const denied = version === 5 ? 0x87 : 0x80
    expect(client.expect(PacketType.Suback)).toMatchObject({ packetId: 5, reasonCodes: [0, denied, 2, 0, 1] })
    await client.send({ type: PacketType.Unsubscribe, packetId: 6, filters: ['a', 'x', 'b'] })
    const codes = version === 5 ? [0, 0x11, 0] : []
    expect(client.expect(PacketType.Unsuback)).toMatchObject({ packetId: 6, reasonCodes: codes })
  })

  it('[MQTT-3.1.3-5] [MQTT-3.1.3-5 of 3.1.1] client ids may be longer than 23 bytes', async () => {
    const b = await bench()
    for (const length of [1, 23, 24, 65, 1000, 65_000]) {
      const { connack } = await b.connect({ version, clientId: 'x'.repeat(length) })
      expect([length, connack.reasonCode]).toEqual([length, 0])
    }
  })

  it('[MQTT-3.1.2-22] [MQTT-3.1.2-24 of 3.1.1] keep alive is one and a half times what was asked, to the millisecond', async () => {
    for (const keepAlive of [1, 7, 65_535]) {
      const b = await bench()
      const client = await b.connect({ version, clientId: 'c', keepAlive })
      await b.host.advance(keepAlive * 1500 - 1)
      expect([keepAlive, client.closed]).toEqual([keepAlive, false])
      await b.host.advance(1)
      expect([keepAlive, client.closed]).toEqual([keepAlive, true])
    }
    const b = await bench()
    const client = await b.connect({ version, clientId: 'c', keepAlive: 0 })
    await b.host.advance(365 * 24 * 3_600_000)
    expect(client.closed).toBe(false)
  })

  it('a QoS 0 message that is refused gets no answer', async () => {
    const b = await bench({ guard: guardOf({ authorize: () => false }), limits: { topicLevels: 3 } })
    const client = await b.connect({ version, clientId: 'c' })
    client.chunks.length = 0
    await client.publish('shut', 'x')
    await client.publish('too/many/levels/here', 'x')
    expect([client.chunks, client.closed]).toEqual([[], false])
  })
})

describe.each([3, 4] as const)('to a client of version %i', (version) => {
  const ends: readonly (readonly [how: string, end: (client: TestClient, b: Bench) => Promise<unknown>])[] = [
    ['a take-over', (_, b) => b.connect({ version, clientId: 'c' })],
    ['a malformed packet', (client) => client.raw(0xc1, 0)],
    ['a protocol error', (client) => client.raw(0xd0, 0)],
    ['a second CONNECT', (client) => client.raw(0x10, 0)],
    ['a packet that is too large', (client) => client.raw(0x30, 0xff, 0xff, 0xff, 0x7f)],
    ['silence', (_, b) => b.host.advance(15_000)],
    ['an administrator', async (_, b) => b.broker.sessions.end(b.broker.sessions.get('c')!, 'banned')],
    ['a shutdown', (_, b) => b.broker.close()],
    ['its own DISCONNECT', (client) => client.disconnect()],
  ]
  it.each(ends)('no DISCONNECT is ever sent: %s', async (_, end) => {
    const b = await bench()
    const client = await b.connect({ version, clientId: 'c', keepAlive: 10 })
    client.chunks.length = 0
    await end(client, b)
    await b.host.settle()
    expect([client.chunks, client.closed]).toEqual([[], true])
  })
})

describe('mistakes of others that only 5.0 can make', () => {
  it('[MQTT-3.1.2-8] a will waits for its delay', async () => {
    const b = await bench()
    const sub = await listener(b, 5, '#')
    const client = await b.connect({
      clientId: 'c',
      properties: { sessionExpiryInterval: 100 },
      will: { ...will, properties: { willDelayInterval: 7 } },
    })
    await client.drop()
    await b.host.advance(6999)
    sub.expectNothing()
    await b.host.advance(1)
    await sub.take('w')
  })

  it('[MQTT-3.3.2-17] a retained message comes with all its properties, and with what is left of its life', async () => {
    const b = await bench()
    const pub = await b.connect()
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'r',
      correlationData: Uint8Array.of(0),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '1'],
      ] as const,
    }
    await pub.publish('t', 'x', { qos: 1, retain: true, properties: { ...properties, messageExpiryInterval: 60 } })
    await b.host.advance(20_000)
    const sub = await b.connect()
    await sub.subscribe('t', { qos: 1 })
    expect((await sub.take('x')).properties).toEqual({ ...properties, messageExpiryInterval: 40 })
  })

  it('[MQTT-3.3.2-6] what is left of an expiry interval is sent on', async () => {
    const b = await bench()
    const durable = { clientId: 's', cleanStart: false, properties: { sessionExpiryInterval: 1000 } }
    const first = await b.connect(durable)
    await first.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    await pub.publish('t', 'now', { qos: 1, properties: { messageExpiryInterval: 60 } })
    expect((await first.take('now')).properties?.messageExpiryInterval).toBe(60)
    await first.drop()
    await pub.publish('t', 'later', { qos: 1, properties: { messageExpiryInterval: 60 } })
    await pub.publish('t', 'never', { qos: 1, properties: { messageExpiryInterval: 10 } })
    await b.host.advance(25_000)
    const second = await b.connect(durable)
    expect((await second.take('later')).properties?.messageExpiryInterval).toBe(35)
    second.expectNothing()
  })

  it('Request Problem Information is 1 where nothing is said: a fault is explained', async () => {
    const b = await bench()
    for (const properties of [undefined, { requestProblemInformation: true }]) {
      const client = await b.connect({ clientId: 'c', properties })
      await client.raw(0xc1, 0)
      expect(client.expect(PacketType.Disconnect).properties?.reasonString).toContain('PINGREQ')
    }
  })
})
