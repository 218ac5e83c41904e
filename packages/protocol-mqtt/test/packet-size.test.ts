import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { bench, connectPacket, request, text } from './harness.ts'

describe('packets that are too large for the broker', () => {
  it.each([3, 4, 5] as ProtocolVersion[])(
    '[MQTT-3.2.2-15] end the connection before they are here, version %i',
    async (version) => {
      const b = await bench({ mqtt: { maxPacketSize: 1000 } })
      const client = await b.connect({ version, clientId: 'c' })
      // The fixed header announces 999 bytes: 1002 in all.
      await client.raw(0x30, 0xe7, 7)
      if (version === 5) expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x95)
      client.expectNothing()
      expect(client.closed).toBe(true)
    },
  )

  it('what is just small enough is taken', async () => {
    const b = await bench({ mqtt: { maxPacketSize: 1000 } })
    const client = await b.connect({ version: 4 })
    const sub = await b.connect()
    await sub.subscribe('t')
    // 3 bytes of fixed header, 3 of topic.
    await client.publish('t', 'x'.repeat(994))
    expect(text(sub.expect(PacketType.Publish)).length).toBe(994)
    await client.publish('t', 'x'.repeat(995))
    expect(client.closed).toBe(true)
  })
})

describe('packets that are too large for a client', () => {
  it('[MQTT-3.1.2-24] [MQTT-3.1.2-25] a message is dropped for it alone, as if it had been delivered', async () => {
    const b = await bench()
    const dropped: unknown[] = []
    b.broker.watch((e) => e.type === 'dropped' && dropped.push([e.session, e.reason, e.topic]))
    const small = await b.connect({ clientId: 'small', properties: { maximumPacketSize: 100, receiveMaximum: 1 } })
    const large = await b.connect({ clientId: 'large' })
    for (const client of [small, large]) await client.subscribe('t', { qos: 2 })
    const pub = await b.connect()
    for (const qos of [0, 1, 2] as const) await pub.publish('t', 'x'.repeat(100), { qos })
    for (let i = 0; i < 3; i++) await large.take('x'.repeat(100))
    small.expectNothing()
    // It took no place of the receive maximum.
    await pub.publish('t', 'ok', { qos: 1 })
    await small.take('ok')
    expect(dropped).toEqual(Array.from({ length: 3 }, () => ['small', 'too-large', 't']))
  })

  it.each([0, 1])('[MQTT-3.1.2-24] the limit is exact (%i bytes beyond it)', async (beyond) => {
    const b = await bench()
    const sub = await b.connect({ properties: { maximumPacketSize: 100 } })
    await sub.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    // 2 bytes of header, 3 of topic, 2 of packet identifier, 1 of properties.
    await pub.publish('t', 'x'.repeat(92 + beyond), { qos: 1 })
    expect(sub.received.length).toBe(1 - beyond)
  })

  it('[MQTT-3.1.2-25] retained and queued ones are dropped too', async () => {
    const b = await bench()
    const connect = {
      clientId: 'c',
      cleanStart: false,
      properties: { sessionExpiryInterval: 100, maximumPacketSize: 50 },
    }
    const first = await b.connect(connect)
    await first.subscribe('t', { qos: 1 })
    await first.drop()
    const pub = await b.connect()
    for (const payload of ['x'.repeat(50), 'ok']) await pub.publish('t', payload, { qos: 1, retain: payload !== 'ok' })
    const second = await b.connect(connect)
    await second.take('ok')
    await second.subscribe('t', { qos: 1 })
    second.expectNothing()
    expect(b.broker.sessions.get('c')?.outbound.inflight.length).toBe(0)
  })

  it('[MQTT-3.1.2-24] an answer that cannot be given ends the connection instead', async () => {
    const b = await bench()
    const client = await b.connect({ clientId: 'c', properties: { maximumPacketSize: 30 } })
    const filters = Array.from({ length: 30 }, (_, i) => request(`t${i}`))
    await client.send({ type: PacketType.Subscribe, packetId: 1, filters })
    client.expectNothing()
    expect([client.closed, b.broker.sessions.size]).toEqual([true, 0])
  })

  it('[MQTT-3.14.2-3] a DISCONNECT has no reason string where that makes it too large', async () => {
    const b = await bench()
    const client = await b.connect({ clientId: 'c', properties: { maximumPacketSize: 20 } })
    await client.raw(0x00, 0)
    expect(client.expect(PacketType.Disconnect)).toEqual({ type: PacketType.Disconnect, reasonCode: 0x81 })
    const other = await b.connect({ clientId: 'd' })
    await other.raw(0x00, 0)
    expect(other.expect(PacketType.Disconnect).properties?.reasonString).toContain('packet type 0')
  })

  it('[MQTT-3.1.2-24] a refusal that is too large is not sent', async () => {
    const b = await bench()
    const client = b.dial()
    await client.send(connectPacket({ properties: { authenticationMethod: 'x', maximumPacketSize: 4 } }))
    expect([client.chunks.length, client.closed]).toEqual([0, true])
  })
})

describe('a message no version has a form for', () => {
  it('is dropped for the client it cannot be encoded for, and reaches the others', async () => {
    const b = await bench()
    const dropped: unknown[] = []
    b.broker.watch((e) => e.type === 'dropped' && dropped.push([e.session, e.reason]))
    const old = await b.connect({ version: 4, clientId: 'old' })
    const five = await b.connect({ clientId: 'five' })
    for (const client of [five, old]) await client.subscribe('t', { qos: 1 })
    const message = {
      topic: 't',
      payload: Uint8Array.of(120),
      retain: false,
      publisher: '',
      timestamp: b.host.clock.now(),
      headers: [['name', '\0']] as const,
    }
    for (const qos of [0, 1] as const) await b.broker.publish({ ...message, qos })
    await b.host.settle()
    five.expectNothing()
    await old.take('x')
    await old.take('x')
    expect([five.closed, dropped]).toEqual([
      false,
      [
        ['five', 'too-large'],
        ['five', 'too-large'],
      ],
    ])
  })
})
