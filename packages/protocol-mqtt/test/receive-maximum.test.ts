import { describe, expect, it } from 'vitest'
import { PacketType } from '../src/codec/packet.ts'
import { bench, guardOf, text } from './harness.ts'

describe('the receive maximum of the broker', () => {
  it('[MQTT-3.3.4-7] [MQTT-4.9.0-1] one more QoS 2 message under way than announced is answered by 0x93', async () => {
    const b = await bench({ mqtt: { receiveMaximum: 2 } })
    const client = await b.connect()
    for (const packetId of [1, 2]) {
      await client.publish('t', 'x', { qos: 2, packetId })
      client.expect(PacketType.Pubrec)
    }
    await client.publish('t', 'x', { qos: 2, packetId: 3 })
    expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x93)
    expect(client.closed).toBe(true)
  })

  it('counts QoS 1 beside QoS 2, and neither a repetition nor QoS 0', async () => {
    const b = await bench({ mqtt: { receiveMaximum: 2 } })
    const client = await b.connect()
    await client.publish('t', 'x', { qos: 2, packetId: 1 })
    for (let i = 0; i < 5; i++) {
      await client.publish('t', 'x', { qos: 2, packetId: 1, dup: true })
      await client.publish('t', 'x', { qos: 1, packetId: 2 })
      await client.publish('t', 'x')
    }
    expect(client.closed).toBe(false)
  })

  it('is free again with PUBCOMP', async () => {
    const b = await bench({ mqtt: { receiveMaximum: 1 } })
    const client = await b.connect()
    for (let packetId = 1; packetId < 5; packetId++) {
      await client.publish('t', 'x', { qos: 2, packetId })
      client.expect(PacketType.Pubrec)
      await client.ack(PacketType.Pubrel, packetId)
      client.expect(PacketType.Pubcomp)
    }
    expect(client.closed).toBe(false)
  })

  it('is free again with a failing PUBREC or PUBACK', async () => {
    const b = await bench({ mqtt: { receiveMaximum: 1 }, guard: guardOf({ authorize: () => false }) })
    const client = await b.connect()
    for (let packetId = 1; packetId < 5; packetId++) {
      await client.publish('t', 'x', { qos: 2, packetId })
      expect(client.expect(PacketType.Pubrec).reasonCode).toBe(0x87)
      await client.publish('t', 'x', { qos: 1, packetId })
      expect(client.expect(PacketType.Puback).reasonCode).toBe(0x87)
    }
    expect(client.closed).toBe(false)
  })

  it('begins anew with each connection', async () => {
    const b = await bench({ mqtt: { receiveMaximum: 1 } })
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.publish('t', 'x', { qos: 2, packetId: 1 })
    await first.drop()
    const second = await b.connect(connect)
    await second.publish('t', 'x', { qos: 2, packetId: 2 })
    expect(second.expect(PacketType.Pubrec).packetId).toBe(2)
  })

  it('does not bind 3.1.1, which knows none', async () => {
    const b = await bench({ mqtt: { receiveMaximum: 1 } })
    const client = await b.connect({ version: 4 })
    for (let packetId = 1; packetId < 10; packetId++) {
      await client.publish('t', 'x', { qos: 2, packetId })
      client.expect(PacketType.Pubrec)
    }
  })
})

describe('the receive maximum of a client', () => {
  it.each([1, 2] as const)(
    '[MQTT-3.3.4-9] [MQTT-4.9.0-2] bounds QoS %i under way, and each end lets one more out',
    async (qos) => {
      const b = await bench()
      const sub = await b.connect({ properties: { receiveMaximum: 2 } })
      await sub.subscribe('t', { qos: 2 })
      const pub = await b.connect()
      for (let i = 0; i < 5; i++) await pub.publish('t', `m${i}`, { qos })
      expect(sub.received.length).toBe(2)
      for (let i = 0; i < 5; i++) {
        expect(sub.received.length).toBe(Math.min(2, 5 - i))
        const got = sub.expect(PacketType.Publish)
        expect(text(got)).toBe(`m${i}`)
        if (qos === 1) await sub.ack(PacketType.Puback, got.packetId)
        else {
          await sub.ack(PacketType.Pubrec, got.packetId)
          // PUBREC alone frees nothing.
          const at = sub.received.findIndex((p) => p.type === PacketType.Pubrel)
          expect([at, sub.received.length]).toEqual([sub.received.length - 1, Math.min(1, 4 - i) + 1])
          sub.received.splice(at, 1)
          await sub.ack(PacketType.Pubcomp, got.packetId)
        }
      }
    },
  )

  it('[MQTT-3.3.4-10] [MQTT-4.9.0-3] holds back neither QoS 0 nor any other packet', async () => {
    const b = await bench()
    const sub = await b.connect({ properties: { receiveMaximum: 1 } })
    await sub.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    for (let i = 0; i < 3; i++) await pub.publish('t', `m${i}`, { qos: 1 })
    expect(text(sub.expect(PacketType.Publish))).toBe('m0')
    await pub.publish('t', 'zero')
    expect(text(sub.expect(PacketType.Publish))).toBe('zero')
    await sub.send({ type: PacketType.Pingreq })
    sub.expect(PacketType.Pingresp)
    expect(await sub.subscribe('u')).toBe(0)
    await sub.publish('v', 'x', { qos: 1 })
    sub.expect(PacketType.Puback)
    sub.expectNothing()
  })

  it('a failing PUBREC frees a place', async () => {
    const b = await bench()
    const sub = await b.connect({ properties: { receiveMaximum: 1 } })
    await sub.subscribe('t', { qos: 2 })
    const pub = await b.connect()
    for (const payload of ['one', 'two']) await pub.publish('t', payload, { qos: 2 })
    await sub.ack(PacketType.Pubrec, sub.expect(PacketType.Publish).packetId, 0x80)
    expect(text(sub.expect(PacketType.Publish))).toBe('two')
  })

  it('bounds what is sent again too', async () => {
    const b = await bench()
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    for (let i = 0; i < 4; i++) await pub.publish('t', `m${i}`, { qos: 1 })
    expect(first.received.length).toBe(4)
    await first.drop()
    const second = await b.connect({ ...connect, properties: { ...connect.properties, receiveMaximum: 1 } })
    for (let i = 0; i < 4; i++) {
      expect(second.received.length).toBe(1)
      await second.take(`m${i}`)
    }
  })

  it('a window of PUBRELs left over is counted', async () => {
    const b = await bench()
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100, receiveMaximum: 1 } }
    const first = await b.connect(connect)
    await first.subscribe('t', { qos: 2 })
    const pub = await b.connect()
    for (const payload of ['one', 'two']) await pub.publish('t', payload, { qos: 2 })
    await first.ack(PacketType.Pubrec, first.expect(PacketType.Publish).packetId)
    await first.drop()
    const second = await b.connect(connect)
    const { packetId } = second.expect(PacketType.Pubrel)
    second.expectNothing()
    await second.ack(PacketType.Pubcomp, packetId)
    await second.take('two')
  })
})
