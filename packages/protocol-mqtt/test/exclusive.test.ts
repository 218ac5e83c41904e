import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { bench, guardOf, request } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

describe('exclusive subscriptions', () => {
  it.each(versions)('one client at a time; the topic is that without $exclusive, version %i', async (version) => {
    const b = await bench()
    const one = await b.connect({ version, clientId: 'one' })
    const two = await b.connect({ version, clientId: 'two' })
    const taken = version === 5 ? 0x97 : 0x80
    expect([
      await one.subscribe('$exclusive/a/b', { qos: 1 }),
      await two.subscribe('$exclusive/a/b'),
      await two.subscribe('a/b'),
    ]).toEqual([1, taken, 0])
    const pub = await b.connect()
    await pub.publish('a/b', 'x', { qos: 1 })
    expect((await one.take('x')).topic).toBe('a/b')
    await two.take('x')
    one.expectNothing()
  })

  it('the same client may say it again', async () => {
    const b = await bench()
    const client = await b.connect()
    expect([
      await client.subscribe('$exclusive/t', { qos: 2, identifier: 1 }),
      await client.subscribe('$exclusive/t', { qos: 1, identifier: 2 }),
    ]).toEqual([2, 1])
    const pub = await b.connect()
    await pub.publish('t', 'x', { qos: 2 })
    const got = await client.take('x')
    expect([got.qos, got.properties?.subscriptionIdentifiers]).toEqual([1, [2]])
  })

  it('[MQTT-3.10.4-1] is another filter than the topic alone; a message comes once for both', async () => {
    const b = await bench()
    const client = await b.connect()
    for (const filter of ['t', '$exclusive/t']) await client.subscribe(filter, { qos: 1 })
    const pub = await b.connect()
    await pub.publish('t', 'one', { qos: 1 })
    await client.take('one')
    client.expectNothing()
    const filters = ['t', 't', '$exclusive/u', '$exclusive/+', '$exclusive']
    await client.send({ type: PacketType.Unsubscribe, packetId: 9, filters })
    expect(client.expect(PacketType.Unsuback).reasonCodes).toEqual([0, 0x11, 0x11, 0x8f, 0x8f])
    await pub.publish('t', 'two', { qos: 1 })
    await client.take('two')
    await client.send({ type: PacketType.Unsubscribe, packetId: 9, filters: ['$exclusive/t', '$exclusive/t'] })
    expect(client.expect(PacketType.Unsuback).reasonCodes).toEqual([0, 0x11])
    await pub.publish('t', 'three', { qos: 1 })
    client.expectNothing()
  })

  it('is free when it is unsubscribed or its session ends', async () => {
    const b = await bench()
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 10 } }
    const first = await b.connect(connect)
    const other = await b.connect()
    await first.subscribe('$exclusive/t')
    await first.drop()
    expect(await other.subscribe('$exclusive/t')).toBe(0x97)
    await b.host.advance(10_001)
    expect(await other.subscribe('$exclusive/t')).toBe(0)
    await other.send({ type: PacketType.Unsubscribe, packetId: 9, filters: ['$exclusive/t'] })
    other.expect(PacketType.Unsuback)
    expect(await (await b.connect()).subscribe('$exclusive/t')).toBe(0)
  })

  it('a session that is away keeps it over a restart of the broker', async () => {
    const b = await bench()
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 10 } }
    await (await b.connect(connect)).subscribe('$exclusive/t', { qos: 1 })
    const again = await b.restart()
    const other = await again.connect()
    expect(await other.subscribe('$exclusive/t')).toBe(0x97)
    await other.publish('t', 'x', { qos: 1 })
    await (await again.connect(connect)).take('x')
  })

  it('two in one SUBSCRIBE are judged one by one', async () => {
    const b = await bench()
    const [one, two] = [await b.connect(), await b.connect()]
    await one.subscribe('$exclusive/b')
    const filters = ['$exclusive/a', '$exclusive/b', '$exclusive/a', '$exclusive/c'].map((each) => request(each))
    await two.send({ type: PacketType.Subscribe, packetId: 1, filters })
    expect(two.expect(PacketType.Suback).reasonCodes).toEqual([0, 0x97, 0, 0])
  })

  it('of two whose guard takes its time the first to be allowed has it', async () => {
    const waiting: (() => void)[] = []
    const authorize = (): Promise<boolean> => new Promise((resolve) => waiting.push(() => resolve(true)))
    const b = await bench({ guard: guardOf({ authorize }) })
    const [one, two] = [await b.connect(), await b.connect()]
    for (const each of [one, two])
      await each.send({ type: PacketType.Subscribe, packetId: 1, filters: [request('$exclusive/t')] })
    for (const go of waiting.reverse()) {
      go()
      await b.host.settle()
    }
    const codes = [one, two].map((each) => each.expect(PacketType.Suback).reasonCodes)
    expect(codes).toEqual([[0x97], [0]])
  })

  it('the guard is asked about the topic', async () => {
    const asked: string[] = []
    const guard = guardOf({
      authorize(_, action, topic) {
        asked.push(`${action} ${topic}`)
        return topic !== 'secret'
      },
    })
    const b = await bench({ guard })
    const client = await b.connect()
    expect([await client.subscribe('$exclusive/secret'), await client.subscribe('$exclusive/a/b')]).toEqual([0x87, 0])
    expect(asked).toEqual(['subscribe secret', 'subscribe a/b'])
    expect(await (await b.connect()).subscribe('$exclusive/secret')).toBe(0x87)
  })

  it('refused with 0x8F where they are not available', async () => {
    const b = await bench({ mqtt: { exclusiveSubscriptions: false } })
    const client = await b.connect()
    expect([await client.subscribe('$exclusive/t'), await client.subscribe('t')]).toEqual([0x8f, 0])
    const old = await b.connect({ version: 4 })
    expect(await old.subscribe('$exclusive/t')).toBe(0x80)
  })
})
