// Counterexamples of the model (qos-model.test.ts), one by one: what it once found, in the fewest steps that show it.
import { memoryStorage } from '@isomq/storage-memory'
import { fakeClock, fakeHost } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { PacketType } from '../src/codec/packet.ts'
import { ackPacket, type Bench, bench, type BenchOptions, publishPacket, request } from './harness.ts'
import { type Disk, disk } from './model/disk.ts'

interface Setting {
  readonly b: Bench
  readonly d: Disk
  /** The power goes and comes back: what waits for the disk is not written. */
  crash(): Promise<Setting>
  /** The broker is stopped in order and started again. */
  restart(): Promise<Setting>
}

async function setting(options: BenchOptions = {}, platter = memoryStorage(), now?: number): Promise<Setting> {
  const d = disk(platter)
  const b = await bench({ ...options, storage: d.storage, host: fakeHost(fakeClock(now)) })
  const again = (): Promise<Setting> => setting(options, platter, b.host.clock.now())
  return {
    b,
    d,
    crash() {
      d.cut(false)
      return again()
    },
    async restart() {
      const closed = b.broker.close()
      d.hold(false)
      await b.host.settle()
      await closed
      return again()
    },
  }
}

function lasting(clientId: string, expiry: number = 1000): Parameters<Bench['connect']>[0] {
  return { clientId, cleanStart: false, properties: { sessionExpiryInterval: expiry } }
}

describe('a repeated PUBLISH of QoS 2', () => {
  it('[MQTT-4.3.3-10] is acknowledged though the storage refuses something else meanwhile', async () => {
    const { b, d } = await setting()
    const first = await b.connect(lasting('p'))
    await first.publish('t', 'x', { qos: 2, packetId: 1 })
    expect(first.expect(PacketType.Pubrec).reasonCode).toBe(0)
    await first.drop()
    const second = await b.connect(lasting('p'))
    const other = await b.connect(lasting('o'))
    d.failChanges(1)
    other.write({ type: PacketType.Subscribe, packetId: 1, filters: [request('t')] })
    second.write(publishPacket('t', 'x', { qos: 2, packetId: 1, dup: true }))
    await b.host.settle()
    expect(other.closed).toBe(true)
    expect(second.expect(PacketType.Pubrec).reasonCode).toBe(0)
  })
})

describe('a repeated PUBLISH of QoS 2 from a 3.1.1 client', () => {
  it('is acknowledged though its PUBREL comes while the disk is slow', async () => {
    const { b, d } = await setting()
    const pub = await b.connect({ version: 4, clientId: 'p', cleanStart: false })
    const other = await b.connect(lasting('o'))
    await pub.publish('t', 'x', { qos: 2, packetId: 1 })
    expect(pub.expect(PacketType.Pubrec).packetId).toBe(1)
    d.hold(true)
    other.write({ type: PacketType.Subscribe, packetId: 1, filters: [request('t')] })
    pub.write(publishPacket('t', 'x', { qos: 2, packetId: 1, dup: true }), ackPacket(PacketType.Pubrel, 1))
    await b.host.settle()
    d.hold(false)
    await b.host.settle()
    expect([pub.expect(PacketType.Pubrec).packetId, pub.expect(PacketType.Pubcomp).packetId]).toEqual([1, 1])
    expect(pub.closed).toBe(false)
  })
})
