import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { bench, text } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

describe.each(versions)('delivery in version %i', (version) => {
  it.each([4095, 16_383, 16_384, 70_000])(
    'a payload of %i bytes reaches several at every QoS, and again',
    async (size) => {
      const b = await bench()
      const session = version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}
      const kept = { version, clientId: 'kept', cleanStart: false, ...session }
      const sub = await b.connect(kept)
      const other = await b.connect({ clientId: 'other' })
      const pub = await b.connect({ version, clientId: 'pub' })
      await sub.subscribe('#', { qos: 2 })
      await other.subscribe('#', { qos: 2, ...(version === 5 ? { identifier: 9 } : {}) })
      const payload = Array.from({ length: size }, (_, i) => String.fromCharCode(97 + (i % 26))).join('')
      for (const qos of [0, 1, 2] as const) await pub.publish(`q/${qos}`, payload, { qos })
      for (const qos of [0, 1, 2]) {
        for (const client of [sub, other]) {
          const got = client.expect(PacketType.Publish)
          expect([got.topic, got.qos, got.dup, text(got) === payload]).toEqual([`q/${qos}`, qos, false, true])
        }
      }
      sub.expectNothing()
      await sub.drop()
      const again = await b.connect(kept)
      for (const qos of [1, 2]) {
        const got = again.expect(PacketType.Publish)
        expect([got.topic, got.qos, got.dup, text(got) === payload]).toEqual([`q/${qos}`, qos, true, true])
      }
    },
  )

  it('QoS 0 reaches a subscriber', async () => {
    const b = await bench()
    const sub = await b.connect({ version, clientId: 'sub' })
    const pub = await b.connect({ version, clientId: 'pub' })
    expect(await sub.subscribe('a/+')).toBe(0)
    await pub.publish('a/b', 'hello')
    expect(text(sub.expect(PacketType.Publish))).toBe('hello')
    pub.expectNothing()
  })

  it.each([1, 2] as const)('QoS %i reaches a subscriber once and is acknowledged', async (qos) => {
    const b = await bench()
    const sub = await b.connect({ version, clientId: 'sub' })
    const pub = await b.connect({ version, clientId: 'pub' })
    await sub.subscribe('#', { qos: 2 })
    await pub.publish('a/b', 'hello', { qos, packetId: 7 })
    if (qos === 1) expect(pub.expect(PacketType.Puback).packetId).toBe(7)
    else {
      expect(pub.expect(PacketType.Pubrec).packetId).toBe(7)
      await pub.send({ type: PacketType.Pubrel, packetId: 7, reasonCode: 0 })
      expect(pub.expect(PacketType.Pubcomp).packetId).toBe(7)
    }
    const got = sub.expect(PacketType.Publish)
    expect([text(got), got.qos, got.dup, got.retain]).toEqual(['hello', qos, false, false])
    if (qos === 1) await sub.send({ type: PacketType.Puback, packetId: got.packetId, reasonCode: 0 })
    else {
      await sub.send({ type: PacketType.Pubrec, packetId: got.packetId, reasonCode: 0 })
      expect(sub.expect(PacketType.Pubrel).packetId).toBe(got.packetId)
      await sub.send({ type: PacketType.Pubcomp, packetId: got.packetId, reasonCode: 0 })
    }
    sub.expectNothing()
    expect(b.broker.sessions.get('sub')?.outbound.inflight.length).toBe(0)
    expect(b.host.reports).toEqual([])
  })
})

describe('a durable session', () => {
  const durable = { clientId: 'd', cleanStart: false, properties: { sessionExpiryInterval: 3600 } }

  it('gets what was published while it was away, in order, after a restart of the broker too', async () => {
    let b = await bench()
    const first = await b.connect(durable)
    expect(first.connack.sessionPresent).toBe(false)
    await first.subscribe('t/#', { qos: 1 })
    await first.drop()
    const pub = await b.connect({ clientId: 'p' })
    for (let i = 0; i < 5; i++) {
      await pub.publish('t/x', `m${i}`, { qos: 1 })
      pub.expect(PacketType.Puback)
    }
    b = await b.restart()
    const second = await b.connect(durable)
    expect(second.connack.sessionPresent).toBe(true)
    for (let i = 0; i < 5; i++) {
      const got = second.expect(PacketType.Publish)
      expect(text(got)).toBe(`m${i}`)
      await second.send({ type: PacketType.Puback, packetId: got.packetId, reasonCode: 0 })
    }
    await b.host.advance(2000)
    b = await b.restart()
    const third = await b.connect(durable)
    third.expectNothing()
    expect(b.host.reports).toEqual([])
  })
})

describe('retained messages', () => {
  it('follow the SUBACK with RETAIN 1', async () => {
    const b = await bench()
    const pub = await b.connect({ clientId: 'p' })
    await pub.publish('r/1', 'one', { retain: true, qos: 1 })
    const sub = await b.connect({ clientId: 's' })
    await sub.subscribe('r/#', { qos: 1 })
    const got = sub.expect(PacketType.Publish)
    expect([text(got), got.retain, got.qos]).toEqual(['one', true, 1])
    expect(b.host.reports).toEqual([])
  })
})
