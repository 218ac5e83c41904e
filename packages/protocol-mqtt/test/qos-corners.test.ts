// Counterexamples of the model (qos-model.test.ts), one by one: what it once found, in the fewest steps that show it.
import { memoryStorage } from '@isomq/storage-memory'
import { fakeClock, fakeHost } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { PacketType } from '../src/codec/packet.ts'
import {
  ackPacket,
  type Bench,
  bench,
  type BenchOptions,
  connectPacket,
  publishPacket,
  request,
  text,
} from './harness.ts'
import { type Disk, disk } from './model/disk.ts'

const shared = '$share/g/g/+'

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

describe('a first delivery', () => {
  it('[MQTT-4.3.2-2] is not marked as repeated because the broker was killed while its receiver was away', async () => {
    const first = await setting()
    const away = await first.b.connect(lasting('r'))
    await away.subscribe('t', { qos: 1 })
    await away.drop()
    const pub = await first.b.connect(lasting('p'))
    await pub.publish('t', 'x', { qos: 1 })
    const { b } = await first.crash()
    const back = await b.connect(lasting('r'))
    expect(back.expect(PacketType.Publish).dup).toBe(false)
  })

  it('nor because it had to wait for the disk when the broker was stopped', async () => {
    const { b, d, restart } = await setting()
    const member = await b.connect(lasting('m'))
    await member.subscribe(shared, { qos: 2 })
    await member.subscribe('t', { qos: 1 })
    const pub = await b.connect(lasting('p'))
    d.hold(true)
    pub.write(publishPacket('g/1', 'chosen', { qos: 2, packetId: 1 }), publishPacket('t', 'x', { qos: 1, packetId: 2 }))
    await b.host.settle()
    d.proceed()
    await b.host.settle()
    member.expectNothing()
    const back = await (await restart()).b.connect(lasting('m'))
    const got = [back.expect(PacketType.Publish), back.expect(PacketType.Publish)]
    expect(got.map((p) => [text(p), p.dup])).toEqual([
      ['x', false],
      ['chosen', false],
    ])
  })

  it('[MQTT-3.3.2-5] is not made when the message has expired while its row was written', async () => {
    const { b, d } = await setting()
    const member = await b.connect(lasting('m'))
    await member.subscribe(shared, { qos: 2 })
    const pub = await b.connect(lasting('p'))
    d.hold(true)
    pub.write(publishPacket('g/1', 'x', { qos: 2, packetId: 1, properties: { messageExpiryInterval: 2 } }))
    await b.host.settle()
    d.proceed()
    await b.host.advance(3000)
    d.hold(false)
    await b.host.settle()
    member.expectNothing()
    expect(b.broker.sessions.get('m')?.outbound.inflight.length).toBe(0)
  })
})

describe('what a killed broker may have sent', () => {
  it('[MQTT-3.3.1-1] is marked as repeated, however much was sent since the place was saved', async () => {
    const { b, crash } = await setting({ limits: { inflight: 2 } })
    const reader = await b.connect(lasting('r'))
    await reader.subscribe('t', { qos: 1 })
    await b.host.advance(1100)
    const pub = await b.connect(lasting('p'))
    for (const payload of ['1', '2', '3']) await pub.publish('t', payload, { qos: 1 })
    await reader.take('1')
    await reader.take('2')
    expect(text(reader.expect(PacketType.Publish))).toBe('3')
    const back = await (await crash()).b.connect(lasting('r'))
    expect((await back.take('1')).dup).toBe(true)
    expect((await back.take('2')).dup).toBe(true)
    expect((await back.take('3')).dup).toBe(true)
  })

  it('also after a second start that its receiver did not see', async () => {
    const first = await setting()
    const reader = await first.b.connect(lasting('r'))
    await reader.subscribe('t', { qos: 1 })
    const pub = await first.b.connect(lasting('p'))
    await pub.publish('t', 'x', { qos: 1 })
    const second = await first.crash()
    await second.b.host.advance(1100)
    const back = await (await second.restart()).b.connect(lasting('r'))
    expect((await back.take('x')).dup).toBe(true)
  })
})

describe('a shared message of QoS 2', () => {
  it('[MQTT-4.8.2-4] goes to another member when the chosen one leaves before it was sent anything', async () => {
    const { b, d } = await setting()
    const one = await b.connect(lasting('m'))
    const two = await b.connect(lasting('n'))
    for (const member of [one, two]) await member.subscribe(shared, { qos: 2 })
    const pub = await b.connect(lasting('p'))
    d.hold(true)
    pub.write(publishPacket('g/1', 'x', { qos: 2, packetId: 1 }))
    await b.host.settle()
    d.proceed()
    await b.host.settle()
    await one.drop()
    d.hold(false)
    await b.host.settle()
    await two.take('x')
    const back = await b.connect(lasting('m'))
    back.expectNothing()
  })

  it('[MQTT-4.8.2-5] is for nobody else after a crash when it was sent to a member whose session has ended with it', async () => {
    const first = await setting()
    const away = await first.b.connect(lasting('n'))
    await away.subscribe(shared, { qos: 2 })
    await away.drop()
    const member = await first.b.connect(lasting('m', 0))
    await member.subscribe(shared, { qos: 2 })
    const pub = await first.b.connect(lasting('p'))
    await pub.publish('g/1', 'x', { qos: 2 })
    expect(text(member.expect(PacketType.Publish))).toBe('x')
    const second = await first.crash()
    const back = await second.b.connect(lasting('n'))
    back.expectNothing()
    const third = await (await second.restart()).b.connect(lasting('n'))
    third.expectNothing()
  })

  it('is kept for a group whose only member has asked for QoS 0 before', async () => {
    const first = await setting()
    const member = await first.b.connect(lasting('m'))
    await member.subscribe(shared, { qos: 0 })
    await member.subscribe(shared, { qos: 2 })
    await member.drop()
    const pub = await first.b.connect(lasting('p'))
    await pub.publish('g/1', 'x', { qos: 2 })
    await (await (await first.crash()).b.connect(lasting('m'))).take('x')
  })

  it('is not delivered anew by a later start because an older one is still owed', async () => {
    const first = await setting()
    const one = await first.b.connect(lasting('m'))
    const two = await first.b.connect(lasting('n'))
    for (const member of [one, two]) await member.subscribe(shared, { qos: 2 })
    const pub = await first.b.connect(lasting('p'))
    await pub.publish('g/1', '1', { qos: 1 })
    await pub.publish('g/1', '2', { qos: 2 })
    expect([text(one.expect(PacketType.Publish)), text(two.expect(PacketType.Publish))]).toEqual(['1', '2'])
    const second = await first.crash()
    await second.b.connect({ ...lasting('n'), cleanStart: true })
    const back = await (await second.restart()).b.connect(lasting('m'))
    await back.take('1')
    back.expectNothing()
  })
})

describe('a subscription that changes', () => {
  it('[MQTT-3.3.1-1] leaves a delivery as it began when another one is added, crash or not', async () => {
    const first = await setting()
    const reader = await first.b.connect(lasting('r'))
    await reader.subscribe('t/+', { qos: 1 })
    const pub = await first.b.connect(lasting('p'))
    await pub.publish('t/1', 'x', { qos: 2 })
    expect(reader.expect(PacketType.Publish).qos).toBe(1)
    await reader.subscribe('t/1', { qos: 2 })
    const back = await (await first.crash()).b.connect(lasting('r'))
    const { qos, dup } = back.expect(PacketType.Publish)
    expect([qos, dup]).toEqual([1, true])
  })

  it('does not lift the QoS of what was published before it', async () => {
    const { b, d } = await setting()
    const reader = await b.connect(lasting('r'))
    await reader.subscribe('t/+', { qos: 0 })
    const other = await b.connect(lasting('o'))
    await other.subscribe('t/+', { qos: 2 })
    const pub = await b.connect(lasting('p'))
    d.hold(true)
    pub.write(publishPacket('t/1', 'x', { qos: 2, packetId: 1 }))
    await b.host.settle()
    reader.write({ type: PacketType.Subscribe, packetId: 9, filters: [request('t/1', { qos: 1 })] })
    await b.host.settle()
    d.hold(false)
    await b.host.settle()
    expect(reader.expect(PacketType.Publish).qos).toBe(0)
    expect(reader.expect(PacketType.Suback).reasonCodes).toEqual([1])
    await pub.publish('t/1', 'y', { qos: 2, packetId: 2 })
    expect(reader.expect(PacketType.Publish).qos).toBe(1)
  })

  it('counts for what is delivered only when it is durable', async () => {
    const first = await setting()
    const reader = await first.b.connect(lasting('r'))
    await reader.subscribe('t', { qos: 2 })
    const pub = await first.b.connect(lasting('p'))
    first.d.hold(true)
    pub.write(publishPacket('t', 'x', { qos: 2, packetId: 1 }))
    await first.b.host.settle()
    reader.write({ type: PacketType.Subscribe, packetId: 9, filters: [request('t', { qos: 1 })] })
    await first.b.host.settle()
    first.d.proceed()
    await first.b.host.settle()
    reader.expectNothing()
    const back = await (await first.crash()).b.connect(lasting('r'))
    expect(back.expect(PacketType.Publish).qos).toBe(2)
  })

  it.each([1, 2] as const)(
    '[MQTT-3.10.4-3] leaves a delivery of QoS %i to be completed when it goes before the log was read again',
    async (qos) => {
      const first = await setting()
      const reader = await first.b.connect(lasting('r'))
      await reader.subscribe('t', { qos })
      const pub = await first.b.connect(lasting('p'))
      await pub.publish('t', 'x', { qos })
      const { packetId } = reader.expect(PacketType.Publish)
      const { b, d } = await first.restart()
      d.failReads(1)
      const back = await b.connect(lasting('r'))
      await back.send({ type: PacketType.Unsubscribe, packetId: 1, filters: ['t'] })
      back.expect(PacketType.Unsuback)
      await b.host.advance(1000)
      expect((await back.take('x')).packetId).toBe(packetId)
    },
  )

  it('[MQTT-4.6.0-5] to QoS 0 lets nothing overtake what waits', async () => {
    const { b } = await setting({ limits: { inflight: 1 } })
    const reader = await b.connect(lasting('r'))
    await reader.subscribe('t', { qos: 1 })
    const pub = await b.connect(lasting('p'))
    for (const payload of ['1', '2']) await pub.publish('t', payload, { qos: 1 })
    const { packetId } = reader.expect(PacketType.Publish)
    await reader.subscribe('t', { qos: 0 })
    await pub.publish('t', '3', { qos: 1 })
    reader.expectNothing()
    await reader.ack(PacketType.Puback, packetId)
    await reader.take('2')
    await reader.take('3')
    await pub.publish('t', '4', { qos: 1 })
    await reader.take('4')
  })

  it('goes from the storage also when its session is to end with the connection now', async () => {
    const { b } = await setting()
    const first = await b.connect(lasting('c'))
    await first.subscribe('t', { qos: 1 })
    const second = await b.connect(lasting('c', 0))
    await second.send({ type: PacketType.Unsubscribe, packetId: 1, filters: ['t'] })
    await second.disconnect()
    await b.host.advance(1100)
    const rows: string[] = []
    for await (const [key] of b.storage.table('subscriptions').scan('')) rows.push(key)
    expect(rows).toEqual([])
  })
})

describe('a session its client was never told of', () => {
  it.each(['the connection was lost', 'another took it over', 'the broker was stopped', 'the storage failed'])(
    '[MQTT-3.2.2-3] is not resumed: %s before CONNACK',
    async (how) => {
      let { b, d, ...rest } = await setting()
      d.hold(true)
      const first = b.dial()
      first.write(connectPacket(lasting('c')))
      await b.host.settle()
      if (how === 'the connection was lost') await first.drop()
      if (how === 'the broker was stopped') b = (await rest.restart()).b
      if (how === 'the storage failed') d.failChanges(1)
      const second = how === 'another took it over' ? b.dial() : undefined
      second?.write(connectPacket(lasting('c')))
      d.hold(false)
      await b.host.settle()
      const connack = second?.expect(PacketType.Connack) ?? (await b.connect(lasting('c'))).connack
      expect([connack.reasonCode, connack.sessionPresent]).toEqual([0, false])
    },
  )
})

describe('[MQTT-3.1.2-4] a clean start', () => {
  it('is answered when what was there is gone for good', async () => {
    const { b, d, crash } = await setting()
    const old = await b.connect(lasting('c'))
    await old.subscribe('t', { qos: 1 })
    await old.drop()
    d.hold(true)
    const fresh = b.dial()
    fresh.write(connectPacket({ clientId: 'c', cleanStart: true }))
    await b.host.settle()
    fresh.expectNothing()
    // Nor does it help to ask twice.
    await fresh.drop()
    const again = b.dial()
    again.write(connectPacket({ clientId: 'c', cleanStart: true }))
    await b.host.settle()
    again.expectNothing()
    d.hold(false)
    await b.host.settle()
    expect(again.expect(PacketType.Connack).reasonCode).toBe(0)
    expect((await (await crash()).b.connect(lasting('c'))).connack.sessionPresent).toBe(false)
  })
})

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

describe('a place', () => {
  it('is not saved before the log has been read to its end, however long that takes', async () => {
    const platter = memoryStorage()
    const first = await setting({}, platter)
    const reader = await first.b.connect(lasting('r'))
    await reader.subscribe('t', { qos: 1 })
    const pub = await first.b.connect(lasting('p'))
    await pub.publish('t', 'x', { qos: 1 })
    first.d.cut(false)
    // The records come late, and then the power goes again.
    const d = disk(platter)
    const host = fakeHost()
    const slow = { ...d.storage, log: (name: string) => lateLog(d.storage.log(name)) }
    let release = (): void => {}
    function lateLog(log: ReturnType<typeof d.storage.log>): typeof log {
      const late = new Promise<void>((resolve) => (release = resolve))
      return { ...log, read: (from, options) => late.then(() => log.read(from, options)) }
    }
    const starting = bench({ storage: slow, host })
    await host.advance(1500)
    release()
    await starting
    d.cut(false)
    const last = await setting({}, platter)
    await (await last.b.connect(lasting('r'))).take('x')
  })
})
