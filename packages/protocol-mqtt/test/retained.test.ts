import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { type Bench, bench, guardOf, request, type TestClient, text } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

async function withRetained(qos: 0 | 1 | 2 = 1, payload = 'kept'): Promise<{ b: Bench; pub: TestClient }> {
  const b = await bench()
  const pub = await b.connect({ clientId: 'p' })
  await pub.publish('t', payload, { retain: true, qos })
  if (qos === 2) await pub.ack(PacketType.Pubrel, pub.expect(PacketType.Pubrec).packetId)
  pub.received.length = 0
  return { b, pub }
}

describe.each(versions)('retained messages, version %i', (version) => {
  it('[MQTT-3.3.1-5] [MQTT-3.3.1-6 of 3.1.1] [MQTT-3.3.1-8 of 3.1.1] the last of a topic comes with a new subscription, RETAIN 1, behind the SUBACK', async () => {
    const { b, pub } = await withRetained()
    await pub.publish('t', 'newer', { retain: true })
    const sub = await b.connect({ version, clientId: 's' })
    await sub.send({ type: PacketType.Subscribe, packetId: 1, filters: [request('#', { qos: 1 })] })
    sub.expect(PacketType.Suback)
    const got = await sub.take('newer')
    expect([got.retain, got.dup, got.topic]).toEqual([true, false, 't'])
    sub.expectNothing()
  })

  it('[MQTT-3.3.1-12] [MQTT-3.3.1-9 of 3.1.1] it comes live with RETAIN 0', async () => {
    const b = await bench()
    const sub = await b.connect({ version, clientId: 's' })
    await sub.subscribe('t')
    const pub = await b.connect()
    await pub.publish('t', 'x', { retain: true })
    expect((await sub.take('x')).retain).toBe(false)
  })

  it('[MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.3.1-10 of 3.1.1] [MQTT-3.3.1-11 of 3.1.1] an empty one is delivered and clears', async () => {
    const { b } = await withRetained()
    const live = await b.connect({ clientId: 'l' })
    await live.subscribe('t')
    live.received.length = 0
    const pub = await b.connect({ version, clientId: 'q' })
    await pub.publish('t', '', { retain: true })
    expect((await live.take('')).retain).toBe(false)
    expect(b.broker.retained.size).toBe(0)
    const sub = await b.connect({ version, clientId: 's' })
    await sub.subscribe('t')
    sub.expectNothing()
  })

  it('[MQTT-3.3.1-8] [MQTT-3.3.1-12 of 3.1.1] one without RETAIN neither replaces nor clears', async () => {
    const { b } = await withRetained()
    const pub = await b.connect({ version, clientId: 'q' })
    await pub.publish('t', 'other')
    await pub.publish('t', '')
    const sub = await b.connect({ clientId: 's' })
    await sub.subscribe('t')
    await sub.take('kept')
  })

  it.each([
    [0, 2, 0],
    [1, 2, 1],
    [2, 2, 2],
    [2, 1, 1],
    [2, 0, 0],
  ] as const)('[MQTT-3.8.4-8] of QoS %i with a grant of %i it comes with %i', async (own, granted, delivered) => {
    const { b } = await withRetained(own)
    const sub = await b.connect({ version, clientId: 's' })
    await sub.subscribe('t', { qos: granted })
    expect((await sub.take('kept')).qos).toBe(delivered)
    sub.expectNothing()
  })
})

describe('retain handling', () => {
  it('[MQTT-3.3.1-9] [MQTT-3.8.4-4] 0 sends them each time', async () => {
    const { b } = await withRetained()
    const sub = await b.connect()
    for (let i = 0; i < 2; i++) {
      await sub.subscribe('t', { retainHandling: 0 })
      await sub.take('kept')
    }
  })

  it('[MQTT-3.3.1-10] 1 sends them for a new subscription only', async () => {
    const { b } = await withRetained()
    const sub = await b.connect()
    await sub.subscribe('t', { retainHandling: 1 })
    await sub.take('kept')
    await sub.subscribe('t', { retainHandling: 1, qos: 2 })
    sub.expectNothing()
    await sub.send({ type: PacketType.Unsubscribe, packetId: 5, filters: ['t'] })
    sub.expect(PacketType.Unsuback)
    await sub.subscribe('t', { retainHandling: 1 })
    await sub.take('kept')
  })

  it('[MQTT-3.3.1-10] 1 sends nothing for a subscription of a session that comes back', async () => {
    const { b } = await withRetained()
    const connect = { clientId: 's', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.subscribe('t', { retainHandling: 1 })
    await first.drop()
    const second = await b.connect(connect)
    await second.subscribe('t', { retainHandling: 1 })
    second.expectNothing()
  })

  it('[MQTT-3.3.1-11] 2 sends none', async () => {
    const { b } = await withRetained()
    const sub = await b.connect()
    await sub.subscribe('t', { retainHandling: 2 })
    sub.expectNothing()
  })
})

describe('retained messages', () => {
  it('keep all their properties and get the identifier of the subscription that asked', async () => {
    const b = await bench()
    const pub = await b.connect()
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'answer',
      correlationData: Uint8Array.of(1, 2),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
      ] as const,
    }
    await pub.publish('t', 'x', { retain: true, properties })
    const sub = await b.connect()
    await sub.subscribe('#', { identifier: 1 })
    await sub.subscribe('t', { identifier: 2 })
    for (const id of [1, 2])
      expect((await sub.take('x')).properties).toEqual({ ...properties, subscriptionIdentifiers: [id] })
  })

  it('[MQTT-3.3.2-5] [MQTT-3.3.2-6] expire, and until then say how long they have left', async () => {
    const b = await bench()
    const pub = await b.connect()
    await pub.publish('t', 'x', { retain: true, properties: { messageExpiryInterval: 10 } })
    await b.host.advance(7000)
    const sub = await b.connect()
    await sub.subscribe('t')
    expect((await sub.take('x')).properties).toEqual({ messageExpiryInterval: 3 })
    await b.host.advance(3000)
    await sub.subscribe('t')
    sub.expectNothing()
    expect(b.broker.retained.size).toBe(0)
  })

  it('without an expiry are kept for good', async () => {
    const { b } = await withRetained()
    await b.host.advance(400 * 24 * 3600 * 1000)
    const sub = await b.connect()
    await sub.subscribe('t')
    await sub.take('kept')
  })

  it('come for each filter of a SUBSCRIBE, all behind its SUBACK', async () => {
    const { b, pub } = await withRetained()
    await pub.publish('u', 'other', { retain: true })
    const sub = await b.connect()
    await sub.send({ type: PacketType.Subscribe, packetId: 1, filters: [request('t'), request('u')] })
    sub.expect(PacketType.Suback)
    expect(sub.received.map((p) => p.type === PacketType.Publish && text(p))).toEqual(['kept', 'other'])
  })

  it('[MQTT-3.8.3-3] of the client itself are not sent to it with No Local', async () => {
    const b = await bench()
    const client = await b.connect({ clientId: 'c' })
    await client.publish('t', 'mine', { retain: true })
    await client.subscribe('t', { noLocal: true })
    client.expectNothing()
    await client.subscribe('#')
    await client.take('mine')
  })

  it('[MQTT-4.7.2-1] of topics that begin with $ are not sent for #', async () => {
    const b = await bench()
    const pub = await b.connect()
    await pub.publish('$internal/t', 'x', { retain: true })
    const sub = await b.connect()
    await sub.subscribe('#')
    await sub.subscribe('+/t')
    sub.expectNothing()
    await sub.subscribe('$internal/#')
    await sub.take('x')
  })

  it('that may not be received are not sent', async () => {
    const b = await bench({ guard: guardOf({ receives: (_, topic) => topic !== 'secret' }) })
    const pub = await b.connect()
    for (const topic of ['secret', 'open']) await pub.publish(topic, topic, { retain: true })
    const sub = await b.connect()
    await sub.subscribe('#')
    await sub.take('open')
    sub.expectNothing()
  })

  it('survive a restart', async () => {
    const { b } = await withRetained(1)
    const again = await b.restart()
    const sub = await again.connect()
    await sub.subscribe('t', { qos: 1 })
    expect((await sub.take('kept')).retain).toBe(true)
  })

  it('are refused over the quota with 0x97, and the old one stays', async () => {
    const b = await bench({ limits: { retained: 1 } })
    const pub = await b.connect()
    await pub.publish('a', 'x', { retain: true, qos: 1 })
    expect(pub.expect(PacketType.Puback).reasonCode).toBe(0)
    await pub.publish('b', 'y', { retain: true, qos: 1 })
    expect(pub.expect(PacketType.Puback).reasonCode).toBe(0x97)
    await pub.publish('b', 'y', { retain: true, qos: 2 })
    expect(pub.expect(PacketType.Pubrec).reasonCode).toBe(0x97)
    await pub.publish('a', 'z', { retain: true, qos: 1 })
    expect(pub.expect(PacketType.Puback).reasonCode).toBe(0)
  })

  it('where they are not available end the connection with 0x9A', async () => {
    const b = await bench({ mqtt: { retainAvailable: false } })
    const pub = await b.connect()
    await pub.publish('t', 'x', { retain: true })
    expect([pub.expect(PacketType.Disconnect).reasonCode, pub.closed]).toEqual([0x9a, true])
  })
})
