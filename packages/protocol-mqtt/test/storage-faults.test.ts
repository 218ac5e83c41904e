import { memoryStorage } from '@isomq/storage-memory'
import { failingStorage } from '@isomq/testkit'
import type { ErrorCode } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { type Bench, bench, publishPacket, request, type TestClient } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]
const durable = { cleanStart: false, properties: { sessionExpiryInterval: 1000 } }

interface Disk {
  /** What every change of the storage fails with, if anything. */
  fault: ErrorCode | undefined
}

async function onDisk(): Promise<{ b: Bench; disk: Disk; sub: TestClient }> {
  const disk: Disk = { fault: undefined }
  const storage = failingStorage(memoryStorage(), { failCommit: () => disk.fault })
  const b = await bench({ storage })
  const sub = await b.connect({ ...durable, clientId: 'sub' })
  await sub.subscribe('t', { qos: 2 })
  return { b, disk, sub }
}

describe.each(versions)('a storage that fails, version %i', (version) => {
  it.each([
    [1, PacketType.Puback],
    [2, PacketType.Pubrec],
  ] as const)(
    'a QoS %i message is refused, or the connection ended; it reaches nobody, and the broker lives on',
    async (qos, type) => {
      const { b, disk, sub } = await onDisk()
      const client = await b.connect({ version, clientId: 'c' })
      disk.fault = 'storage-failed'
      client.chunks.length = 0
      await client.publish('t', 'lost', { qos, packetId: 5 })
      if (version === 5) expect(client.expect(type)).toMatchObject({ packetId: 5, reasonCode: 0x80 })
      // 3.x has no word for it: not acknowledged, it will come again.
      else expect(client.chunks).toEqual([])
      client.expectNothing()
      expect(client.closed).toBe(version !== 5)
      sub.expectNothing()
      disk.fault = undefined
      const again = client.closed ? await b.connect({ version, clientId: 'c' }) : client
      // [MQTT-4.3.3-9]: the identifier is that of a new message.
      await again.publish('t', 'kept', { qos, packetId: 5 })
      expect(again.expect(type)).toMatchObject({ packetId: 5, reasonCode: 0 })
      await sub.take('kept')
      sub.expectNothing()
    },
  )

  it('a CONNECT that must be remembered is refused', async () => {
    const { b, disk } = await onDisk()
    disk.fault = 'storage-failed'
    const heard: string[] = []
    b.broker.tap('w', (m) => heard.push(m.topic))
    const client = b.dial(version)
    const will = { topic: 'w', payload: new Uint8Array(0), qos: 0, retain: false } as const
    const connack = await client.login({ ...durable, clientId: 'c', will })
    expect([connack.reasonCode, connack.sessionPresent, client.closed]).toEqual([version === 5 ? 0x80 : 3, false, true])
    expect(b.broker.sessions.get('c')?.consumer).toBeUndefined()
    const passing = await b.connect({ version, clientId: 'd', cleanStart: true })
    expect(passing.connack.reasonCode).toBe(0)
    // Who was never let in has no will.
    await b.host.advance(10_000)
    expect(heard).toEqual([])
  })

  it('a subscription that must be remembered is refused in the SUBACK, and there is none', async () => {
    const { b, disk } = await onDisk()
    const client = await b.connect({ ...durable, version, clientId: 'c' })
    await client.subscribe('old')
    disk.fault = 'quota-exceeded'
    const filters = [request('x', { qos: 1 }), request('old'), request('y')]
    await client.send({ type: PacketType.Subscribe, packetId: 1, filters })
    const full = version === 5 ? 0x97 : 0x80
    expect(client.expect(PacketType.Suback).reasonCodes).toEqual([full, full, full])
    const filtersNow = Array.from(b.broker.sessions.get('c')!.subscriptions.values(), (each) => each.filter)
    expect([filtersNow, client.closed]).toEqual([['old'], false])
    disk.fault = undefined
    expect(await client.subscribe('x')).toBe(0)
    await b.host.advance(2000)
    const rows: string[] = []
    for await (const [key] of b.storage.table('subscriptions').scan('c\0')) rows.push(key)
    expect(rows.map((key) => key.split('\0')[2])).toEqual(['old', 'x'])
  })

  it('an UNSUBSCRIBE that must be remembered ends the connection without UNSUBACK', async () => {
    const { b, disk } = await onDisk()
    const client = await b.connect({ ...durable, version, clientId: 'c' })
    await client.subscribe('x')
    disk.fault = 'storage-failed'
    client.chunks.length = 0
    await client.send({ type: PacketType.Unsubscribe, packetId: 1, filters: ['x'] })
    if (version === 5) expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x80)
    else expect(client.chunks).toEqual([])
    expect(client.closed).toBe(true)
  })

  it('PUBREL and PUBREC that must be remembered end the connection unanswered', async () => {
    const { b, disk, sub } = await onDisk()
    const client = await b.connect({ ...durable, version, clientId: 'c' })
    await client.publish('t', 'x', { qos: 2, packetId: 5 })
    client.expect(PacketType.Pubrec)
    const { packetId } = sub.expect(PacketType.Publish)
    disk.fault = 'storage-failed'
    await client.ack(PacketType.Pubrel, 5)
    await sub.ack(PacketType.Pubrec, packetId)
    // After a few failures the storage is asked less often.
    await b.host.advance(1000)
    for (const one of [client, sub]) {
      expect(one.received.filter((p) => p.type !== PacketType.Disconnect)).toEqual([])
      expect(one.closed).toBe(true)
    }
    disk.fault = undefined
    await b.host.advance(1000)
    const again = await b.connect({ ...durable, clientId: 'sub' })
    expect(again.received.length).toBe(1)
  })

  it('everything of one turn that fails together ends in order, whatever it was', async () => {
    const { b, disk } = await onDisk()
    const client = await b.connect({ ...durable, version, clientId: 'c' })
    await client.publish('t', 'x', { qos: 2, packetId: 5 })
    client.expect(PacketType.Pubrec)
    disk.fault = 'storage-failed'
    client.write(
      { type: PacketType.Pubrel, packetId: 5, reasonCode: 0 },
      publishPacket('t', 'y', { qos: 2, packetId: 6 }),
      publishPacket('t', 'z', { qos: 1, packetId: 7 }),
      { type: PacketType.Subscribe, packetId: 8, filters: [request('x')] },
      { type: PacketType.Pingreq },
    )
    await b.host.settle()
    expect(client.received.filter((p) => p.type !== PacketType.Disconnect)).toEqual([])
    expect(client.closed).toBe(true)
    disk.fault = undefined
    const again = await b.connect({ ...durable, version, clientId: 'c' })
    await again.publish('t', 'y', { qos: 2, packetId: 6 })
    expect(again.expect(PacketType.Pubrec).reasonCode).toBe(0)
  })
})

describe('a storage that is full', () => {
  it('says so: 0x97', async () => {
    const { b, disk } = await onDisk()
    const client = await b.connect()
    disk.fault = 'quota-exceeded'
    await client.publish('t', 'x', { qos: 1 })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0x97)
    await client.publish('t', 'x', { qos: 2, packetId: 9 })
    expect(client.expect(PacketType.Pubrec).reasonCode).toBe(0x97)
    expect((await b.dial().login({ ...durable, clientId: 'new' })).reasonCode).toBe(0x97)
  })

  it('does not matter to what need not be kept', async () => {
    const { b, disk } = await onDisk()
    disk.fault = 'quota-exceeded'
    const [client, other] = [await b.connect(), await b.connect()]
    expect(await other.subscribe('u', { qos: 2 })).toBe(2)
    for (const qos of [0, 1, 2] as const) {
      await client.publish('u', 'x', { qos })
      await other.take('x')
    }
    expect(client.received.map((p) => 'reasonCode' in p && p.reasonCode)).toEqual([0, 0])
  })

  it('lets a client back to what takes the room, but none that leaves a will, and none anew', async () => {
    const { b, disk, sub } = await onDisk()
    await sub.hangUp()
    const pub = await b.connect()
    await pub.publish('t', 'kept', { qos: 1 })
    disk.fault = 'quota-exceeded'
    const will = { topic: 'w', payload: new Uint8Array(0), qos: 0, retain: false } as const
    const back = { ...durable, clientId: 'sub' }
    expect((await b.dial().login({ ...back, will })).reasonCode).toBe(0x97)
    expect((await b.dial().login({ ...back, cleanStart: true })).reasonCode).toBe(0x97)
    // What was known of the session is still known.
    disk.fault = undefined
    await b.host.advance(2000)
    const anew = await b.connect(back)
    await anew.subscribe('t', { qos: 2 })
    await anew.hangUp()
    await pub.publish('t', 'kept too', { qos: 1 })
    disk.fault = 'quota-exceeded'
    const again = await b.connect(back)
    expect([again.connack.reasonCode, again.connack.sessionPresent]).toEqual([0, true])
    await again.take('kept too')
    // What is there already need not be stored; what is not is refused.
    expect(await again.subscribe('t', { qos: 2 })).toBe(2)
    expect(await again.subscribe('more', { qos: 2 })).toBe(0x97)
    disk.fault = undefined
    await b.host.advance(5000)
    expect(b.takeReports()).toEqual([])
  })

  it('keeps the retained message there was', async () => {
    const { b, disk } = await onDisk()
    const client = await b.connect()
    await client.publish('r', 'old', { qos: 1, retain: true })
    disk.fault = 'quota-exceeded'
    await client.publish('r', 'new', { qos: 1, retain: true })
    expect(client.received.map((p) => 'reasonCode' in p && p.reasonCode)).toEqual([0, 0x97])
    const sub = await b.connect()
    await sub.subscribe('r')
    await sub.take('old')
  })
})

describe('a storage that fails after the client is gone', () => {
  it('a QoS 2 message that was not kept is taken when it comes again', async () => {
    const { b, disk, sub } = await onDisk()
    const first = await b.connect({ ...durable, clientId: 'c' })
    disk.fault = 'storage-failed'
    first.write(publishPacket('t', 'x', { qos: 2, packetId: 5 }), { type: PacketType.Disconnect, reasonCode: 0 })
    await b.host.settle()
    expect(first.closed).toBe(true)
    disk.fault = undefined
    const second = await b.connect({ ...durable, clientId: 'c' })
    await second.publish('t', 'x', { qos: 2, packetId: 5, dup: true })
    expect(second.expect(PacketType.Pubrec).reasonCode).toBe(0)
    await sub.take('x')
    sub.expectNothing()
  })

  it('an identifier that was released is free after a restart too', async () => {
    const { b, disk } = await onDisk()
    const first = await b.connect({ ...durable, clientId: 'c' })
    await first.publish('t', 'x', { qos: 2, packetId: 5 })
    disk.fault = 'storage-failed'
    await first.ack(PacketType.Pubrel, 5)
    expect(first.closed).toBe(true)
    disk.fault = undefined
    const second = await b.connect({ ...durable, clientId: 'c' })
    await second.ack(PacketType.Pubrel, 5)
    expect(second.expect(PacketType.Pubcomp).packetId).toBe(5)
    await b.host.advance(2000)
    const again = await b.restart()
    const heard: string[] = []
    again.broker.tap('t', (m) => heard.push(new TextDecoder().decode(m.payload)))
    const third = await again.connect({ ...durable, clientId: 'c' })
    await third.publish('t', 'new', { qos: 2, packetId: 5 })
    expect(third.expect(PacketType.Pubrec).reasonCode).toBe(0)
    expect(heard).toEqual(['new'])
  })
})
