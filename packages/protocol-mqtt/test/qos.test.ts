import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { type Bench, bench, publishPacket, type TestClient, text } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

async function heardBy(b: Bench): Promise<string[]> {
  const heard: string[] = []
  b.broker.tap('#', (m) => heard.push(new TextDecoder().decode(m.payload)))
  return heard
}

describe.each(versions)('messages from a client of version %i', (version) => {
  it('[MQTT-3.3.4-1] [MQTT-2.2.1-5] are answered as their QoS asks', async () => {
    const b = await bench()
    const client = await b.connect({ version })
    await client.publish('t', '0')
    client.expectNothing()
    await client.publish('t', '1', { qos: 1, packetId: 65535 })
    expect(client.expect(PacketType.Puback).packetId).toBe(65535)
    await client.publish('t', '2', { qos: 2, packetId: 1 })
    expect(client.expect(PacketType.Pubrec).packetId).toBe(1)
    await client.ack(PacketType.Pubrel, 1)
    expect(client.expect(PacketType.Pubcomp).packetId).toBe(1)
    client.expectNothing()
  })

  it('[MQTT-4.3.3-10] a QoS 2 message that comes again before PUBREL is acknowledged and delivered once', async () => {
    const b = await bench()
    const heard = await heardBy(b)
    const client = await b.connect({ version })
    for (const dup of [false, true, true]) {
      await client.publish('t', 'x', { qos: 2, packetId: 9, dup })
      expect(client.expect(PacketType.Pubrec)).toMatchObject({ packetId: 9, reasonCode: 0 })
    }
    expect(heard).toEqual(['x'])
  })

  it('[MQTT-4.3.3-11] [MQTT-4.3.3-12] after PUBCOMP the same identifier is a new message, DUP or not', async () => {
    const b = await bench()
    const heard = await heardBy(b)
    const client = await b.connect({ version })
    for (const dup of [false, true]) {
      await client.publish('t', `dup ${dup}`, { qos: 2, packetId: 9, dup })
      client.expect(PacketType.Pubrec)
      await client.ack(PacketType.Pubrel, 9)
      expect(client.expect(PacketType.Pubcomp)).toMatchObject({ packetId: 9, reasonCode: 0 })
    }
    expect(heard).toEqual(['dup false', 'dup true'])
  })

  it('[MQTT-4.3.2-5] after PUBACK the same identifier is a new message', async () => {
    const b = await bench()
    const heard = await heardBy(b)
    const client = await b.connect({ version })
    for (const payload of ['a', 'b']) {
      await client.publish('t', payload, { qos: 1, packetId: 3, dup: payload === 'b' })
      client.expect(PacketType.Puback)
    }
    expect(heard).toEqual(['a', 'b'])
  })

  it('[MQTT-4.4.0-1] a QoS 2 message repeated over a new connection is delivered once', async () => {
    const b = await bench()
    const heard = await heardBy(b)
    const connect = { version, clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.publish('t', 'x', { qos: 2, packetId: 9 })
    await first.drop()
    const second = await b.connect(connect)
    await second.publish('t', 'x', { qos: 2, packetId: 9, dup: true })
    expect(second.expect(PacketType.Pubrec).reasonCode).toBe(0)
    await second.ack(PacketType.Pubrel, 9)
    expect(second.expect(PacketType.Pubcomp).reasonCode).toBe(0)
    expect(heard).toEqual(['x'])
  })

  it('a clean session forgets which QoS 2 messages it has seen', async () => {
    const b = await bench()
    const heard = await heardBy(b)
    const connect = { version, clientId: 'c', cleanStart: true }
    const first = await b.connect(connect)
    await first.publish('t', 'old', { qos: 2, packetId: 9 })
    await first.drop()
    const second = await b.connect(connect)
    await second.publish('t', 'new', { qos: 2, packetId: 9 })
    expect(heard).toEqual(['old', 'new'])
  })

  it('PUBREL for an identifier nobody knows is answered by PUBCOMP, in 5.0 with 0x92', async () => {
    const b = await bench()
    const client = await b.connect({ version })
    await client.ack(PacketType.Pubrel, 77)
    expect(client.expect(PacketType.Pubcomp)).toMatchObject({ packetId: 77, reasonCode: version === 5 ? 0x92 : 0 })
    expect(client.closed).toBe(false)
  })

  it('PUBREL is answered as if known when the PUBCOMP may have been lost with the connection before', async () => {
    const b = await bench()
    const durable = { version, clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(durable)
    await first.publish('t', 'x', { qos: 2, packetId: 5 })
    first.expect(PacketType.Pubrec)
    await first.ack(PacketType.Pubrel, 5)
    await first.drop()
    const second = await b.connect(durable)
    await second.ack(PacketType.Pubrel, 5)
    expect(second.expect(PacketType.Pubcomp)).toMatchObject({ packetId: 5, reasonCode: 0 })
  })

  it('PUBREC for an identifier nobody knows is answered by PUBREL, in 5.0 with 0x92', async () => {
    const b = await bench()
    const client = await b.connect({ version })
    await client.ack(PacketType.Pubrec, 77)
    expect(client.expect(PacketType.Pubrel)).toMatchObject({ packetId: 77, reasonCode: version === 5 ? 0x92 : 0 })
    expect(client.closed).toBe(false)
  })

  it('PUBACK and PUBCOMP for an identifier nobody knows are ignored', async () => {
    const b = await bench()
    const client = await b.connect({ version })
    await client.ack(PacketType.Puback, 77)
    await client.ack(PacketType.Pubcomp, 77)
    client.expectNothing()
    expect(client.closed).toBe(false)
  })
})

async function receiver(b: Bench, version: ProtocolVersion, qos: 1 | 2): Promise<TestClient> {
  const client = await b.connect({
    version,
    clientId: 'r',
    cleanStart: false,
    properties: { sessionExpiryInterval: 100 },
  })
  if (!client.connack.sessionPresent && client.received.length === 0) await client.subscribe('t', { qos })
  return client
}

describe.each(versions)('messages to a client of version %i', (version) => {
  it('[MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.2-2] [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-2.3.1-4 of 3.1.1] have identifiers of their own, none zero, DUP clear', async () => {
    const b = await bench()
    const sub = await b.connect({ version, clientId: 's' })
    await sub.subscribe('#', { qos: 2 })
    const pub = await b.connect()
    for (const qos of [1, 2, 1, 2] as const) await pub.publish('t', 'x', { qos })
    const got = [1, 2, 3, 4].map(() => sub.expect(PacketType.Publish))
    expect(new Set(got.map((p) => p.packetId)).size).toBe(4)
    expect(got.every((p) => p.packetId > 0 && !p.dup)).toBe(true)
  })

  it('[MQTT-4.3.2-3] [MQTT-3.3.1-1] [MQTT-4.4.0-1] [MQTT-2.3.1-3 of 3.1.1] QoS 1 without PUBACK comes again with DUP and the same identifier', async () => {
    const b = await bench()
    const first = await receiver(b, version, 1)
    const pub = await b.connect({ clientId: 'p' })
    await pub.publish('t', 'one', { qos: 1 })
    const { packetId } = first.expect(PacketType.Publish)
    // Only then: time alone brings nothing back.
    await b.host.advance(100_000)
    first.expectNothing()
    await first.drop()
    const second = await receiver(b, version, 1)
    const again = second.expect(PacketType.Publish)
    expect([text(again), again.dup, again.packetId]).toEqual(['one', true, packetId])
    await second.ack(PacketType.Puback, packetId)
    await second.drop()
    const third = await receiver(b, version, 1)
    third.expectNothing()
  })

  it('[MQTT-4.3.3-3] [MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT-4.3.3-6] QoS 2 goes on where it was', async () => {
    const b = await bench()
    const first = await receiver(b, version, 2)
    const pub = await b.connect({ clientId: 'p' })
    await pub.publish('t', 'one', { qos: 2 })
    const { packetId } = first.expect(PacketType.Publish)
    await first.drop()
    const second = await receiver(b, version, 2)
    expect(second.expect(PacketType.Publish)).toMatchObject({ packetId, dup: true })
    await second.ack(PacketType.Pubrec, packetId)
    expect(second.expect(PacketType.Pubrel)).toMatchObject({ packetId, reasonCode: 0 })
    await second.drop()
    const third = await receiver(b, version, 2)
    // [MQTT-4.3.3-6]: no PUBLISH any more
    expect(third.expect(PacketType.Pubrel)).toMatchObject({ packetId, reasonCode: 0 })
    third.expectNothing()
    await third.ack(PacketType.Pubcomp, packetId)
    await third.drop()
    const fourth = await receiver(b, version, 2)
    fourth.expectNothing()
  })

  it('a second PUBREC is answered by a second PUBREL', async () => {
    const b = await bench()
    const client = await receiver(b, version, 2)
    const pub = await b.connect({ clientId: 'p' })
    await pub.publish('t', 'one', { qos: 2 })
    const { packetId } = client.expect(PacketType.Publish)
    for (let i = 0; i < 2; i++) {
      await client.ack(PacketType.Pubrec, packetId)
      expect(client.expect(PacketType.Pubrel)).toMatchObject({ packetId, reasonCode: 0 })
    }
  })
})

describe('refusals of a 5.0 client', () => {
  it.each([
    [1, PacketType.Puback],
    [2, PacketType.Pubrec],
  ] as const)('[MQTT-4.4.0-2] after a failing answer to QoS %i nothing is sent again', async (qos, type) => {
    const b = await bench()
    const dropped: string[] = []
    b.broker.watch((e) => e.type === 'dropped' && dropped.push(`${e.reason} ${e.topic}`))
    const first = await receiver(b, 5, qos)
    const pub = await b.connect({ clientId: 'p' })
    await pub.publish('t', 'one', { qos })
    await first.ack(type, first.expect(PacketType.Publish).packetId, 0x83)
    expect(dropped).toEqual(['rejected t'])
    first.expectNothing()
    await first.drop()
    const second = await receiver(b, 5, qos)
    second.expectNothing()
    expect(b.broker.sessions.get('r')?.outbound.inflight.length).toBe(0)
  })

  it('a success that says there was nobody is a success', async () => {
    const b = await bench()
    const client = await receiver(b, 5, 2)
    const pub = await b.connect({ clientId: 'p' })
    await pub.publish('t', 'one', { qos: 2 })
    const { packetId } = client.expect(PacketType.Publish)
    await client.ack(PacketType.Pubrec, packetId, 0x10)
    expect(client.expect(PacketType.Pubrel)).toMatchObject({ packetId, reasonCode: 0 })
  })

  it('PUBREC for a QoS 1 delivery is no answer to it', async () => {
    const b = await bench()
    const client = await receiver(b, 5, 1)
    const pub = await b.connect({ clientId: 'p' })
    await pub.publish('t', 'one', { qos: 1 })
    const { packetId } = client.expect(PacketType.Publish)
    await client.ack(PacketType.Pubrec, packetId)
    expect(client.expect(PacketType.Pubrel).reasonCode).toBe(0x92)
    expect(b.broker.sessions.get('r')?.outbound.inflight.length).toBe(1)
  })
})

describe('order', () => {
  it.each([0, 1, 2] as const)(
    '[MQTT-4.6.0-5] [MQTT-4.6.0-6] [MQTT-4.5.0-1] messages of QoS %i reach everybody as they came',
    async (qos) => {
      const b = await bench()
      const subs = [await receiver(b, 5, 2), await b.connect({ version: 4 })]
      await subs[1]!.subscribe('t', { qos: 2 })
      const pub = await b.connect({ clientId: 'p' })
      const sent = Array.from({ length: 50 }, (_, i) => `m${i}`)
      pub.write(...sent.map((payload, i) => publishPacket('t', payload, { qos, packetId: qos === 0 ? 0 : i + 1 })))
      await b.host.settle()
      for (const sub of subs) for (const payload of sent) expect(text(sub.expect(PacketType.Publish))).toBe(payload)
      const answers = pub.received.map((p) => ('packetId' in p ? p.packetId : 0))
      expect(answers).toEqual(qos === 0 ? [] : sent.map((_, i) => i + 1))
    },
  )
})
