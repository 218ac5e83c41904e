import { memoryStorage } from '@isomq/storage-memory'
import { delayOn, failingStorage, fakeHost, slowStorage } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { type Connect, PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import type { MqttOptions } from '../src/options.ts'
import { type Bench, bench, connectPacket, publishPacket, request, type TestClient } from './harness.ts'

const durable = { cleanStart: false, properties: { sessionExpiryInterval: 1000 } }

interface Disk {
  /** True: every change takes 100 ms. */
  slow: boolean
  /** True: every change fails. */
  broken: boolean
}

async function onDisk(mqtt: Partial<MqttOptions> = {}): Promise<{ b: Bench; disk: Disk; sub: TestClient }> {
  const disk: Disk = { slow: false, broken: false }
  const host = fakeHost()
  const later = delayOn(host.clock, 100)
  const failing = failingStorage(memoryStorage(), { failCommit: () => (disk.broken ? 'storage-failed' : undefined) })
  const b = await bench({ host, mqtt, storage: slowStorage(failing, () => (disk.slow ? later() : Promise.resolve())) })
  const sub = await b.connect({ ...durable, clientId: 'sub' })
  await sub.subscribe('t', { qos: 2 })
  return { b, disk, sub }
}

describe('a storage that is slow', () => {
  it.each([
    [1, PacketType.Puback],
    [2, PacketType.Pubrec],
  ] as const)(
    '[MQTT-4.3.2-4] [MQTT-4.3.3-8] QoS %i is neither acknowledged nor delivered before it is kept',
    async (qos, type) => {
      const { b, disk, sub } = await onDisk()
      const client = await b.connect()
      disk.slow = true
      await client.publish('t', 'x', { qos, packetId: 5 })
      await b.host.advance(99)
      for (const one of [client, sub]) one.expectNothing()
      await b.host.advance(1)
      expect(client.expect(type)).toMatchObject({ packetId: 5, reasonCode: 0 })
      sub.expect(PacketType.Publish)
    },
  )

  it('answers keep the order of their requests', async () => {
    const { b, disk } = await onDisk()
    const client = await b.connect()
    disk.slow = true
    client.write(
      publishPacket('elsewhere', '', { qos: 1, packetId: 1 }),
      publishPacket('t', '', { qos: 1, packetId: 2 }),
      { type: PacketType.Pingreq },
      publishPacket('$SYS/x', '', { qos: 1, packetId: 3 }),
      publishPacket('elsewhere', '', { qos: 2, packetId: 4 }),
      { type: PacketType.Subscribe, packetId: 5, filters: [request('x')] },
    )
    await b.host.settle()
    expect(client.expect(PacketType.Puback).packetId).toBe(1)
    client.expectNothing()
    await client.send(publishPacket('t', '', { qos: 2, packetId: 6 }), { type: PacketType.Pingreq })
    await b.host.advance(100)
    expect(client.received.map((p) => ('packetId' in p ? p.packetId : 'ping'))).toEqual([2, 'ping', 3, 4, 5])
    await b.host.advance(100)
    expect(client.received.slice(5).map((p) => ('packetId' in p ? p.packetId : 'ping'))).toEqual([6, 'ping'])
  })

  it('QoS 1 beyond the receive maximum is no fault while it is our storage that keeps the answers back', async () => {
    const { b, disk, sub } = await onDisk({ receiveMaximum: 3 })
    const client = await b.connect()
    disk.slow = true
    for (let packetId = 1; packetId <= 9; packetId++) await client.publish('t', 'x', { qos: 1, packetId })
    client.expectNothing()
    await b.host.advance(1000)
    for (let packetId = 1; packetId <= 9; packetId++) expect(client.expect(PacketType.Puback).packetId).toBe(packetId)
    expect(client.closed).toBe(false)
    expect(sub.received.length).toBe(9)
  })

  it('PUBREL and PUBCOMP wait for what they say', async () => {
    const { b, disk, sub } = await onDisk()
    const client = await b.connect({ ...durable, clientId: 'c' })
    await client.publish('t', 'x', { qos: 2, packetId: 5 })
    client.expect(PacketType.Pubrec)
    disk.slow = true
    await client.ack(PacketType.Pubrel, 5)
    await sub.ack(PacketType.Pubrec, sub.expect(PacketType.Publish).packetId)
    await b.host.advance(99)
    for (const one of [client, sub]) one.expectNothing()
    await b.host.advance(101)
    client.expect(PacketType.Pubcomp)
    sub.expect(PacketType.Pubrel)
  })

  it('does not hold up QoS 0, nor those who need not wait', async () => {
    const { b, disk, sub } = await onDisk()
    const [client, other] = [await b.connect(), await b.connect()]
    disk.slow = true
    await client.publish('t', 'x', { qos: 1 })
    await other.publish('t', 'zero')
    await sub.take('zero')
    await other.send({ type: PacketType.Pingreq })
    other.expect(PacketType.Pingresp)
  })

  it('a publisher far ahead of it is not read until it has caught up', async () => {
    const { b, disk } = await onDisk()
    const client = await b.connect({ version: 4, clientId: 'c' })
    disk.slow = true
    const payload = 'x'.repeat(500_000)
    for (let i = 1; i <= 20; i++) await client.publish('t', payload, { qos: 1, packetId: i })
    expect(b.broker.backlog).toBeGreaterThan(4 * 1024 * 1024)
    expect(b.broker.backlog).toBeLessThan(5 * 1024 * 1024)
    await b.host.advance(1000)
    expect(client.received.map((p) => p.type === PacketType.Puback && p.packetId)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
  })

  it('a client with many answers to wait for is not read until some have gone out', async () => {
    const { b, disk } = await onDisk()
    const client = await b.connect({ version: 4, clientId: 'c' })
    disk.slow = true
    await client.publish('t', '', { qos: 1, packetId: 1 })
    const read: number[] = []
    const fetched = (): number => b.broker.counters.received
    for (let i = 0; i < 10; i++) {
      client.write(
        ...Array.from({ length: 300 }, (): ReturnType<typeof publishPacket> =>
          publishPacket('u', '', { qos: 1, packetId: 2 }),
        ),
      )
      await b.host.settle()
      read.push(fetched())
    }
    // 1000 answers wait, and what came in the chunk that brought them there.
    expect(read.at(-1)).toBeLessThan(1000 + 300 + 2)
    await b.host.advance(5000)
    expect(client.received.filter((p) => p.type === PacketType.Puback).length).toBe(3001)
    // From then on it may ask as it likes, though something waits.
    await client.publish('t', '', { qos: 1, packetId: 1 })
    await client.publish('u', '', { qos: 1, packetId: 2 })
    expect(fetched()).toBe(3003)
  })

  it('a repetition of a QoS 2 message waits with the first', async () => {
    const { b, disk, sub } = await onDisk()
    const client = await b.connect()
    disk.slow = true
    client.write(
      publishPacket('t', 'x', { qos: 2, packetId: 5 }),
      publishPacket('t', 'x', { qos: 2, packetId: 5, dup: true }),
    )
    await b.host.advance(99)
    client.expectNothing()
    await b.host.advance(1)
    expect(client.received.map((p) => p.type === PacketType.Pubrec && p.reasonCode)).toEqual([0, 0])
    disk.slow = false
    await sub.take('x')
    sub.expectNothing()
  })

  it('and is refused with it', async () => {
    const { b, disk, sub } = await onDisk()
    const client = await b.connect()
    disk.slow = true
    disk.broken = true
    client.write(
      publishPacket('t', 'x', { qos: 2, packetId: 5 }),
      publishPacket('t', 'x', { qos: 2, packetId: 5, dup: true }),
    )
    await b.host.advance(100)
    expect(client.received.map((p) => p.type === PacketType.Pubrec && p.reasonCode)).toEqual([0x80, 0x80])
    sub.expectNothing()
  })
})

describe('before the CONNACK of a session that is being stored', () => {
  async function pending(version: ProtocolVersion = 5, connect: Partial<Connect> = {}) {
    const { b, disk, sub } = await onDisk()
    disk.slow = true
    const client = b.dial(version)
    await client.send(connectPacket({ ...durable, version, clientId: 'c', ...connect }))
    expect([client.chunks.length, b.broker.sessions.get('c')?.consumer !== undefined]).toEqual([0, true])
    return { b, disk, sub, client }
  }

  it('[MQTT-3.2.0-1] nothing is sent, and everything after it', async () => {
    const { b, client } = await pending()
    await client.send(
      { type: PacketType.Pingreq },
      { type: PacketType.Subscribe, packetId: 1, filters: [request('u', { qos: 1 })] },
    )
    const pub = await b.connect()
    await pub.publish('u', 'x')
    expect(client.chunks.length).toBe(0)
    await b.host.advance(300)
    expect(client.received.map((p) => p.type)).toEqual([PacketType.Connack, PacketType.Pingresp, PacketType.Suback])
  })

  it.each([
    ['a malformed packet', [0x00, 0], 0x81],
    ['a packet that must not be sent', [0xd0, 0], 0x82],
    ['an alias that is too high', [0x30, 7, 0, 1, 0x74, 3, 0x23, 0, 99], 0x80],
  ])('[MQTT-3.14.0-1] [MQTT-3.2.2-8] %s is answered by CONNACK, not by DISCONNECT', async (_, bytes, reason) => {
    const { b, client } = await pending()
    await client.raw(...bytes)
    expect([client.expect(PacketType.Connack).reasonCode, client.closed]).toEqual([reason, true])
    await b.host.advance(1000)
    client.expectNothing()
  })

  it('[MQTT-3.14.0-1] a take-over is too', async () => {
    const { b, client } = await pending()
    const fresh = b.dial()
    await fresh.send(connectPacket({ ...durable, clientId: 'c' }))
    expect([client.expect(PacketType.Connack).reasonCode, client.closed]).toEqual([0x80, true])
    await b.host.advance(1000)
    expect(fresh.expect(PacketType.Connack).reasonCode).toBe(0)
    client.expectNothing()
    expect(b.broker.sessions.connected).toBe(2)
  })

  it('a shutdown is too', async () => {
    const { b, client } = await pending()
    const closing = b.broker.close()
    await b.host.advance(1000)
    await closing
    expect([client.expect(PacketType.Connack).reasonCode, client.closed]).toEqual([0x88, true])
  })

  it('a take-over ends a 3.1.1 client with a return code', async () => {
    const { b, client } = await pending(4)
    b.dial().write(connectPacket({ ...durable, clientId: 'c' }))
    await b.host.settle()
    expect([client.expect(PacketType.Connack).reasonCode, client.closed]).toEqual([3, true])
    await b.host.advance(1000)
  })

  it('what the client asked meanwhile is not answered when the session could not be stored', async () => {
    const { b, disk, client } = await pending()
    disk.broken = true
    await client.send(publishPacket('t', 'x', { qos: 2, packetId: 5 }), { type: PacketType.Pingreq })
    await b.host.advance(1000)
    expect([client.expect(PacketType.Connack).reasonCode, client.closed]).toEqual([0x80, true])
    client.expectNothing()
  })

  it('a client that hangs up leaves nothing behind: it was never told that it has a session', async () => {
    const { b, client } = await pending(5, { keepAlive: 10 })
    await client.drop()
    await b.host.advance(1000)
    expect([b.broker.sessions.connected, b.broker.sessions.get('c')]).toEqual([1, undefined])
  })
})

describe('a subscription that could not be kept', () => {
  it('stays when it was asked for again meanwhile', async () => {
    const { b, disk } = await onDisk()
    const client = await b.connect({ ...durable, clientId: 'c' })
    disk.slow = true
    disk.broken = true
    for (const packetId of [1, 2]) {
      client.write({ type: PacketType.Subscribe, packetId, filters: [request('x')] })
      await b.host.settle()
    }
    await b.host.advance(100)
    expect(client.expect(PacketType.Suback)).toMatchObject({ packetId: 1, reasonCodes: [0x80] })
    disk.broken = false
    await b.host.advance(100)
    expect(client.expect(PacketType.Suback)).toMatchObject({ packetId: 2, reasonCodes: [0] })
    const { subscriptions } = b.broker.sessions.get('c')!
    expect(Array.from(subscriptions.values(), ({ filter }) => filter)).toEqual(['x'])
  })
})
