import { memoryStorage } from '@isomq/storage-memory'
import { delayOn, fakeHost, slowStorage } from '@isomq/testkit'
import type { Message } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { type Connect, PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import type { PublishProperties } from '../src/codec/packet-properties.ts'
import { type Bench, bench, guardOf, publishPacket, type TestClient, text, connectPacket } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]
const durable = { cleanStart: false, properties: { sessionExpiryInterval: 1000 } }

async function reader(b: Bench, filter: string = 't/#'): Promise<TestClient> {
  const client = await b.connect({ ...durable, clientId: 'reader' })
  await client.subscribe(filter, { qos: 2, retainAsPublished: true })
  return client
}

function tapped(b: Bench): Message[] {
  const heard: Message[] = []
  b.broker.tap('#', (message) => heard.push(message))
  return heard
}

describe.each(versions)('a message to $delayed/…, version %i', (version) => {
  it.each([
    [0, undefined],
    [1, PacketType.Puback],
    [2, PacketType.Pubrec],
  ] as const)('of QoS %i reaches its topic after that many seconds', async (qos, answer) => {
    const b = await bench()
    const sub = await reader(b)
    const client = await b.connect({ version, clientId: 'c' })
    await client.publish('$delayed/5/t/a', 'x', { qos, retain: true, packetId: qos === 0 ? 0 : 7 })
    if (answer === undefined) client.expectNothing()
    else expect(client.expect(answer)).toMatchObject({ packetId: 7, reasonCode: 0 })
    await b.host.advance(4999)
    sub.expectNothing()
    expect(b.broker.retained.size).toBe(0)
    await b.host.advance(1)
    const got = await sub.take('x')
    expect([got.topic, got.qos, got.retain, b.broker.retained.get('t/a')?.topic]).toEqual(['t/a', qos, true, 't/a'])
    sub.expectNothing()
  })

  it.each([
    ['1', 1],
    ['007', 7],
    ['4294967', 4_294_967],
  ] as const)('takes %s seconds', async (digits, seconds) => {
    const b = await bench()
    const heard = tapped(b)
    const client = await b.connect({ version, clientId: 'c' })
    await client.publish(`$delayed/${digits}//a/`, '')
    await b.host.advance(seconds * 1000 - 1)
    expect(heard).toEqual([])
    await b.host.advance(1)
    expect(heard.map(({ topic }) => topic)).toEqual(['/a/'])
  })

  it.each(['0', '0000000'])('takes %s seconds: it is published at once', async (digits) => {
    const b = await bench()
    const heard = tapped(b)
    const client = await b.connect({ version, clientId: 'c' })
    await client.publish(`$delayed/${digits}/t`, '')
    await b.host.advance(0)
    expect(heard.map(({ topic }) => topic)).toEqual(['t'])
  })

  it.each([
    '$delayed',
    '$delayed/',
    '$delayed/5',
    '$delayed/5/',
    '$delayed//t',
    '$delayed/4294968/t',
    '$delayed/00000005/t',
    '$delayed/-1/t',
    '$delayed/ 1/t',
    '$delayed/1.5/t',
    '$delayed/1e3/t',
    '$delayed/0x5/t',
    '$delayed/٣/t',
    '$delayed/5s/t',
    '$delayed/5/$delayed/5/t',
    '$delayed/5/$delayed',
    '$delayed/5/a/b/c/d/e',
  ])('is refused as %j', async (topic) => {
    const b = await bench({ limits: { topicLevels: 4 } })
    const heard = tapped(b)
    const client = await b.connect({ version, clientId: 'c' })
    await client.publish(topic, 'x')
    client.expectNothing()
    expect(client.closed).toBe(false)
    for (const [qos, type] of [
      [1, PacketType.Puback],
      [2, PacketType.Pubrec],
    ] as const) {
      const one = version === 5 ? client : await b.connect({ version, clientId: `c${qos}` })
      one.chunks.length = 0
      await one.publish(topic, 'x', { qos, packetId: 7 })
      if (version === 5) expect(one.expect(type)).toMatchObject({ packetId: 7, reasonCode: 0x90 })
      else expect([one.chunks, one.closed]).toEqual([[], true])
    }
    await b.host.advance(10_000)
    expect([heard, b.broker.delayed.size, b.broker.counters.received]).toEqual([[], 0, 0])
    expect(b.broker.sessions.get('c')?.inbound.size ?? 0).toBe(0)
  })

  it('is refused where that is switched off', async () => {
    const b = await bench({ mqtt: { delayedPublish: false } })
    const heard = tapped(b)
    const client = await b.connect({ version, clientId: 'c' })
    await client.publish('$delayed/0/t', 'x')
    client.chunks.length = 0
    await client.publish('$delayed/0/t', 'x', { qos: 1 })
    if (version === 5) expect(client.expect(PacketType.Puback).reasonCode).toBe(0x90)
    else expect([client.chunks, client.closed]).toEqual([[], true])
    await b.host.advance(10_000)
    expect(heard).toEqual([])
  })

  it.each(['$delayed/1/$SYS', '$delayed/1/$SYS/broker/version'])('cannot reach %s', async (topic) => {
    const b = await bench()
    const heard: string[] = []
    b.broker.tap('$SYS/#', (message) => heard.push(message.topic))
    const client = await b.connect({ version, clientId: 'c' })
    const code = version === 5 ? 0x87 : 0
    await client.publish(topic, 'x', { retain: true })
    await client.publish(topic, 'x', { retain: true, qos: 1 })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(code)
    await client.publish(topic, 'x', { retain: true, qos: 2, packetId: 7 })
    expect(client.expect(PacketType.Pubrec).reasonCode).toBe(code)
    await b.host.advance(10_000)
    expect([heard, b.broker.delayed.size, b.broker.retained.size]).toEqual([[], 0, 0])
  })

  it('is one too many beyond the limit', async () => {
    const b = await bench({ limits: { delayed: 1 } })
    const client = await b.connect({ version, clientId: 'c' })
    await client.publish('$delayed/5/t', 'x', { qos: 1 })
    client.expect(PacketType.Puback)
    await client.publish('$delayed/5/t', 'x')
    client.chunks.length = 0
    await client.publish('$delayed/5/t', 'x', { qos: 1, packetId: 7 })
    if (version === 5) {
      expect(client.expect(PacketType.Puback)).toMatchObject({ packetId: 7, reasonCode: 0x97 })
      await client.publish('$delayed/5/t', 'x', { qos: 2, packetId: 7 })
      expect(client.expect(PacketType.Pubrec)).toMatchObject({ packetId: 7, reasonCode: 0x97 })
    } else expect([client.chunks, client.closed]).toEqual([[], true])
    expect(b.broker.delayed.size).toBe(1)
  })
})

describe('a delayed message', () => {
  it('keeps all its properties, and what is left of its expiry is handed on', async () => {
    const b = await bench()
    const sub = await reader(b)
    const client = await b.connect()
    const properties: PublishProperties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Uint8Array.of(1, 2, 3),
      userProperties: [
        ['a', '1'],
        ['a', '2'],
      ],
    }
    await client.publish('$delayed/45/t/a', 'x', { qos: 1, properties })
    await b.host.advance(45_000)
    const got = await sub.take('x')
    expect(got.properties).toEqual({ ...properties, messageExpiryInterval: 15 })
  })

  it('that expires before it is due is not delivered', async () => {
    const b = await bench()
    const sub = await reader(b)
    const client = await b.connect()
    const { dropped } = b.broker.counters
    for (const messageExpiryInterval of [4, 5, 6]) {
      const text = String(messageExpiryInterval)
      await client.publish('$delayed/5/t', text, { qos: 1, properties: { messageExpiryInterval } })
    }
    await b.host.advance(5000)
    expect((await sub.take('6')).properties).toEqual({ messageExpiryInterval: 1 })
    sub.expectNothing()
    expect(b.broker.counters.dropped - dropped).toBe(2)
  })

  it('may be sent under an alias that stands for the name with the delay, which counts anew each time', async () => {
    const b = await bench()
    const sub = await reader(b)
    const client = await b.connect()
    await client.publish('$delayed/5/t', 'one', { properties: { topicAlias: 1 } })
    await b.host.advance(2000)
    await client.publish('', 'two', { properties: { topicAlias: 1 }, qos: 1 })
    client.expect(PacketType.Puback)
    await b.host.advance(3000)
    expect((await sub.take('one')).topic).toBe('t')
    sub.expectNothing()
    await b.host.advance(2000)
    expect((await sub.take('two')).topic).toBe('t')
  })

  it('the guard is asked about its topic when it comes and again when it is due, never about $delayed', async () => {
    const asked: unknown[] = []
    let allowed = true
    const guard = guardOf({
      authorize({ clientId }, action, topic) {
        asked.push([clientId, action, topic])
        return allowed
      },
    })
    const b = await bench({ guard })
    const heard = tapped(b)
    const client = await b.connect({ clientId: 'c' })
    await client.publish('$delayed/5/t', 'one', { qos: 1 })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0)
    await client.drop()
    allowed = false
    await b.host.advance(5000)
    const again = await b.connect({ clientId: 'd' })
    await again.publish('$delayed/5/u', 'two', { qos: 1 })
    expect(again.expect(PacketType.Puback).reasonCode).toBe(0x87)
    await b.host.advance(5000)
    expect([asked, heard]).toEqual([
      [
        ['c', 'publish', 't'],
        ['c', 'publish', 't'],
        ['d', 'publish', 'u'],
      ],
      [],
    ])
  })

  it('survives a restart of the broker, for readers too', async () => {
    const b = await bench()
    await (await reader(b)).drop()
    const client = await b.connect()
    await client.publish('$delayed/5/t', 'x', { qos: 2 })
    client.expect(PacketType.Pubrec)
    await b.host.advance(3000)
    await b.broker.close()
    const again = await b.restart()
    await b.host.advance(1999)
    const sub = await again.connect({ ...durable, clientId: 'reader' })
    sub.expectNothing()
    await b.host.advance(1)
    await sub.take('x')
    sub.expectNothing()
  })

  it.each([
    [1, PacketType.Puback],
    [2, PacketType.Pubrec],
  ] as const)(
    '[MQTT-4.3.2-4] [MQTT-4.3.3-8] of QoS %i is not acknowledged before it is kept; a repetition of QoS 2 is not a second one',
    async (qos, type) => {
      const host = fakeHost()
      const later = delayOn(host.clock, 100)
      let slow = false
      const b = await bench({ host, storage: slowStorage(memoryStorage(), () => (slow ? later() : Promise.resolve())) })
      const heard = tapped(b)
      const client = await b.connect({ ...durable, clientId: 'c' })
      slow = true
      await client.publish('$delayed/5/t', 'x', { qos, packetId: 7 })
      await host.advance(99)
      client.expectNothing()
      await host.advance(1)
      expect(client.expect(type)).toMatchObject({ packetId: 7, reasonCode: 0 })
      slow = false
      if (qos === 2) {
        await client.drop()
        const again = await b.connect({ ...durable, clientId: 'c' })
        await again.publish('$delayed/5/t', 'x', { qos, packetId: 7, dup: true })
        expect(again.expect(type)).toMatchObject({ packetId: 7, reasonCode: 0 })
      }
      expect(b.broker.delayed.size).toBe(1)
      await host.advance(10_000)
      expect(heard.map((message) => new TextDecoder().decode(message.payload))).toEqual(['x'])
    },
  )

  it('of QoS 2 and its identifier are one commit', async () => {
    const storage = memoryStorage()
    const batches: string[][] = []
    const watched = {
      ...storage,
      log: (name: string) => storage.log(name),
      table: (name: string) => storage.table(name),
      commit: (batch: Parameters<typeof storage.commit>[0]) => {
        batches.push(batch.writes.map(({ table }) => table).sort())
        return storage.commit(batch)
      },
    }
    const b = await bench({ storage: watched })
    const client = await b.connect({ ...durable, clientId: 'c' })
    batches.length = 0
    await client.publish('$delayed/5/t', 'x', { qos: 2 })
    expect(batches).toEqual([['delayed', 'inbound']])
  })

  it('goes out in order, and a large one does not hold its chunk', async () => {
    const b = await bench()
    const heard = tapped(b)
    const client = await b.connect()
    client.write(...Array.from({ length: 10 }, (_, i) => publishPacket('$delayed/1/t', String(i), { qos: 1 })))
    await b.host.settle()
    for (const { message } of b.broker.delayed) expect(message.payload.buffer.byteLength).toBeLessThan(300)
    await b.host.advance(1000)
    expect(heard.map((message) => new TextDecoder().decode(message.payload)).join('')).toBe('0123456789')
  })
})

describe('a will to $delayed/…', () => {
  const will = (topic: string, fields: object = {}): NonNullable<Connect['will']> => ({
    topic,
    payload: new TextEncoder().encode('gone'),
    qos: 1,
    retain: false,
    ...fields,
  })

  it.each(versions)('counts from when the will is published, version %i', async (version) => {
    const b = await bench()
    const sub = await reader(b)
    const properties = version === 5 ? { willDelayInterval: 0, messageExpiryInterval: 8 } : undefined
    const client = await b.connect({ version, clientId: 'c', will: will('$delayed/5/t', { properties }) })
    await b.host.advance(10_000)
    await client.drop()
    await b.host.advance(4999)
    sub.expectNothing()
    await b.host.advance(1)
    const got = await sub.take('gone')
    expect([got.topic, got.properties?.messageExpiryInterval]).toEqual(['t', version === 5 ? 3 : undefined])
  })

  it('and to $SYS is not published', async () => {
    const b = await bench()
    const heard: string[] = []
    b.broker.tap('$SYS/#', (message) => heard.push(message.topic))
    await (await b.connect({ clientId: 'c', will: will('$delayed/0/$SYS/x') })).drop()
    await b.host.advance(1000)
    expect([heard, b.broker.delayed.size]).toEqual([[], 0])
  })

  it.each(versions)('that is wrong, or switched off, is refused in version %i', async (version) => {
    for (const [topic, delayedPublish] of [
      ['$delayed/x/t', true],
      ['$delayed/5/', true],
      ['$delayed', true],
      ['$delayed/5/$delayed/5/t', true],
      ['$delayed/5/t', false],
    ] as const) {
      const b = await bench({ mqtt: { delayedPublish } })
      const client = b.dial(version)
      await client.send(connectPacket({ version, clientId: 'c', will: will(topic) }))
      // 3.x has no return code for it, and gets none [MQTT-3.2.2-6 of 3.1.1].
      if (version === 5) expect(client.expect(PacketType.Connack).reasonCode).toBe(0x90)
      client.expectNothing()
      expect(client.closed).toBe(true)
    }
  })
})

it('a subscription to $delayed hears nothing of what is delayed', async () => {
  const b = await bench()
  const sub = await b.connect()
  await sub.subscribe('$delayed/#')
  const client = await b.connect()
  await client.publish('$delayed/1/t', 'x')
  await b.host.advance(1000)
  sub.expectNothing()
  expect(sub.received.map((packet) => packet.type === PacketType.Publish && text(packet))).toEqual([])
})
