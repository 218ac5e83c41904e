import type { Batch, Storage } from '@isomq/kernel'
import { memoryStorage } from '@isomq/storage-memory'
import { describe, expect, it } from 'vitest'
import { type OutgoingPacket, PacketType } from '../src/codec/packet.ts'
import { type Bench, bench, connectPacket, publishPacket, request, type TestClient, text } from './harness.ts'

const durable = { cleanStart: false, properties: { sessionExpiryInterval: 1000 } }

/** A disk on whose word the broker waits in vain once it is stuck: before a commit is made, or after. */
interface Disk {
  readonly storage: Storage
  stuck: 'before' | 'after' | undefined
  /** Every commit that was made. */
  readonly batches: Batch[]
  /** What a broker finds that is started now. */
  restart(): Promise<Bench>
}

function createDisk(): Disk {
  const inner = memoryStorage()
  const never = new Promise<never>(() => {})
  const disk: Disk = {
    stuck: undefined,
    batches: [],
    restart: () => bench({ storage: inner }),
    storage: {
      log: (name) => inner.log(name),
      table: (name) => inner.table(name),
      close: () => inner.close(),
      async commit(batch) {
        if (disk.stuck === 'before') return await never
        await inner.commit(batch)
        disk.batches.push(batch)
        if (disk.stuck === 'after') await never
      },
    },
  }
  return disk
}

/** A broker with the durable subscriber `sub` of topic t at QoS 2, and the durable publisher `pub`. */
async function onDisk(version: 4 | 5 = 5): Promise<{ b: Bench; disk: Disk; sub: TestClient; pub: TestClient }> {
  const disk = createDisk()
  const b = await bench({ storage: disk.storage })
  const sub = await b.connect({ ...durable, version, clientId: 'sub' })
  await sub.subscribe('t', { qos: 2 })
  const pub = await b.connect({ ...durable, version, clientId: 'pub' })
  return { b, disk, sub, pub }
}

/** Tables and logs that a batch changes. */
function touched({ appends, writes }: Batch): string[] {
  const changed = writes.filter(({ changes }) => changes.length > 0)
  return [...appends.map(({ log }) => log), ...changed.map(({ table }) => table)]
}

describe.each([4, 5] as const)('version %i: while a commit is not durable', (version) => {
  it.each<[string, OutgoingPacket]>([
    ['PUBACK', publishPacket('t', 'x', { qos: 1, packetId: 5 })],
    ['PUBACK of a retained message for nobody', publishPacket('u', 'x', { qos: 1, packetId: 5, retain: true })],
    ['PUBACK of a delayed message', publishPacket('$delayed/9/t', 'x', { qos: 1, packetId: 5 })],
    ['PUBREC', publishPacket('t', 'x', { qos: 2, packetId: 5 })],
    ['PUBREC, though nobody is subscribed', publishPacket('u', 'x', { qos: 2, packetId: 5 })],
    ['PUBCOMP', { type: PacketType.Pubrel, packetId: 9, reasonCode: 0 }],
    ['SUBACK', { type: PacketType.Subscribe, packetId: 5, filters: [request('x')] }],
    ['UNSUBACK', { type: PacketType.Unsubscribe, packetId: 5, filters: ['was'] }],
  ])('there is no %s', async (_, packet) => {
    const { b, disk, pub } = await onDisk(version)
    await pub.subscribe('was')
    await pub.publish('t', 'y', { qos: 2, packetId: 9 })
    pub.expect(PacketType.Pubrec)
    disk.stuck = 'before'
    await pub.send(packet)
    await b.host.advance(60_000)
    pub.expectNothing()
  })

  it('there is no CONNACK for a session that is kept', async () => {
    const { b, disk } = await onDisk(version)
    disk.stuck = 'before'
    const client = b.dial(version)
    await client.send(connectPacket({ ...durable, version, clientId: 'c' }))
    await b.host.advance(5000)
    expect(client.chunks).toEqual([])
  })

  it('there is no PUBREL, and after a crash the message comes again', async () => {
    const { b, disk, sub, pub } = await onDisk(version)
    await pub.publish('t', 'x', { qos: 2 })
    const { packetId } = sub.expect(PacketType.Publish)
    disk.stuck = 'before'
    await sub.ack(PacketType.Pubrec, packetId)
    await b.host.advance(60_000)
    sub.expectNothing()
    const again = await (await disk.restart()).connect({ ...durable, version, clientId: 'sub' })
    expect(again.expect(PacketType.Publish)).toMatchObject({ packetId, dup: true })
    again.expectNothing()
  })
})

describe.each([4, 5] as const)('version %i: after a crash', (version) => {
  it('[MQTT-4.4.0-1] what was not acknowledged comes with the identifiers it had', async () => {
    const { disk, sub, pub } = await onDisk(version)
    for (const payload of ['1', '2', '3', '4', '5']) await pub.publish('t', payload, { qos: 1 })
    const sent = ['1', '2', '3', '4', '5'].map(() => sub.expect(PacketType.Publish))
    for (const { packetId } of sent.slice(0, 3)) await sub.ack(PacketType.Puback, packetId)
    await pub.publish('t', '6', { qos: 1 })
    sent.push(sub.expect(PacketType.Publish))
    const again = await (await disk.restart()).connect({ ...durable, version, clientId: 'sub' })
    const came = again.received.map((packet) => packet.type === PacketType.Publish && [text(packet), packet.packetId])
    const were = sent.map((packet) => [text(packet), packet.packetId])
    // Those that were acknowledged may come again: that they were need not be durable yet.
    expect(came.slice(-3)).toEqual(were.slice(-3))
    expect(were).toEqual(expect.arrayContaining(came))
  })

  it('[MQTT-4.3.3-10] a QoS 2 message whose PUBREC never left is known when it comes again', async () => {
    const { disk, pub } = await onDisk(version)
    disk.stuck = 'after'
    await pub.publish('t', 'x', { qos: 2, packetId: 5 })
    pub.expectNothing()
    const restarted = await disk.restart()
    const again = await restarted.connect({ ...durable, version, clientId: 'pub' })
    await again.publish('t', 'x', { qos: 2, packetId: 5, dup: true })
    expect(again.expect(PacketType.Pubrec).packetId).toBe(5)
    await again.ack(PacketType.Pubrel, 5)
    again.expect(PacketType.Pubcomp)
    const sub = await restarted.connect({ ...durable, version, clientId: 'sub' })
    await sub.take('x')
    sub.expectNothing()
  })

  it('[MQTT-4.3.3-12] an identifier whose PUBCOMP has left is that of a new message', async () => {
    const { disk, sub, pub } = await onDisk(version)
    await pub.publish('t', 'old', { qos: 2, packetId: 5 })
    await pub.ack(PacketType.Pubrel, 5)
    expect(pub.received.map(({ type }) => type)).toEqual([PacketType.Pubrec, PacketType.Pubcomp])
    await sub.take('old')
    const restarted = await disk.restart()
    const again = await restarted.connect({ ...durable, version, clientId: 'pub' })
    await again.publish('t', 'new', { qos: 2, packetId: 5 })
    const heard = (await restarted.connect({ ...durable, version, clientId: 'sub' })).received
    expect(heard.map((packet) => packet.type === PacketType.Publish && text(packet))).toContain('new')
  })

  it('[MQTT-4.3.3-6] a delivery whose PUBREL has left is only completed', async () => {
    const { disk, sub, pub } = await onDisk(version)
    await pub.publish('t', 'x', { qos: 2 })
    const { packetId } = sub.expect(PacketType.Publish)
    await sub.ack(PacketType.Pubrec, packetId)
    sub.expect(PacketType.Pubrel)
    const again = await (await disk.restart()).connect({ ...durable, version, clientId: 'sub' })
    expect(again.expect(PacketType.Pubrel).packetId).toBe(packetId)
    again.expectNothing()
  })

  it('[MQTT-3.2.2-3] a publisher that never subscribed has its session', async () => {
    const { disk, pub } = await onDisk(version)
    await pub.publish('t', 'x', { qos: 1 })
    const { connack } = await (await disk.restart()).connect({ ...durable, version, clientId: 'pub' })
    expect(connack.sessionPresent).toBe(true)
  })

  it('a publisher that has only connected has its session', async () => {
    const { disk } = await onDisk(version)
    const { connack } = await (await disk.restart()).connect({ ...durable, version, clientId: 'pub' })
    expect(connack.sessionPresent).toBe(true)
  })
})

describe('in one commit', () => {
  it('are a QoS 2 message and its identifier', async () => {
    const { disk, pub } = await onDisk()
    const before = disk.batches.length
    await pub.publish('t', 'x', { qos: 2, packetId: 5 })
    const [first] = disk.batches.slice(before)
    expect(touched(first!)).toEqual(expect.arrayContaining(['$sessions', 'inbound']))
  })

  it('are a message and that it is retained', async () => {
    const { disk, pub } = await onDisk()
    const before = disk.batches.length
    await pub.publish('t', 'x', { qos: 1, retain: true })
    const [first] = disk.batches.slice(before)
    expect(touched(first!)).toEqual(expect.arrayContaining(['$sessions', 'retained']))
  })

  it('are the end of a QoS 2 delivery and the place of its session', async () => {
    const { b, disk, sub, pub } = await onDisk()
    await pub.publish('t', 'x', { qos: 2 })
    const { packetId } = sub.expect(PacketType.Publish)
    await sub.ack(PacketType.Pubrec, packetId)
    const before = disk.batches.length
    await sub.ack(PacketType.Pubcomp, packetId)
    await b.host.advance(1000)
    const removals = disk.batches.slice(before).filter((batch) => touched(batch).includes('inflight'))
    expect(removals.map((batch) => touched(batch).includes('sessions'))).toEqual([true])
  })

  it('are a subscription and, for a retained message it brings, the record', async () => {
    const { disk, pub } = await onDisk()
    await pub.publish('r', 'x', { qos: 1, retain: true })
    pub.expect(PacketType.Puback)
    const before = disk.batches.length
    await pub.subscribe('r', { qos: 1 })
    const [first] = disk.batches.slice(before)
    expect(touched(first!)).toEqual(expect.arrayContaining(['$sessions', 'subscriptions']))
  })
})
