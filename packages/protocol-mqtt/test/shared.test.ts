import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { type Bench, bench, guardOf, request, type TestClient, text } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

function payloads(...clients: TestClient[]): string[][] {
  return clients.map((client) => client.received.flatMap((p) => (p.type === PacketType.Publish ? [text(p)] : [])))
}

async function members(b: Bench, count: number, filter = '$share/g/t'): Promise<TestClient[]> {
  const all = []
  for (let i = 0; i < count; i++) {
    const client = await b.connect({ clientId: `m${i}` })
    await client.subscribe(filter, { qos: 2 })
    all.push(client)
  }
  return all
}

describe('shared subscriptions', () => {
  it('each message goes to one member, in turn', async () => {
    const b = await bench()
    const all = await members(b, 3)
    const pub = await b.connect()
    for (let i = 0; i < 6; i++) await pub.publish('t', `m${i}`)
    expect(payloads(...all).map((list) => list.length)).toEqual([2, 2, 2])
    expect(new Set(payloads(...all).flat()).size).toBe(6)
  })

  it('each group gets a copy, and so does a subscription of its own', async () => {
    const b = await bench()
    const [one, two] = await members(b, 2)
    await two!.subscribe('$share/h/t')
    await one!.subscribe('t')
    const pub = await b.connect()
    await pub.publish('t', 'x')
    expect(payloads(one!, two!).flat()).toEqual(['x', 'x', 'x'])
  })

  it.each(versions)('are served to version %i', async (version) => {
    const b = await bench()
    const client = await b.connect({ version, clientId: 'c' })
    expect(await client.subscribe('$share/g/t', { qos: 1 })).toBe(1)
    const pub = await b.connect()
    await pub.publish('t', 'x', { qos: 1 })
    expect((await client.take('x')).topic).toBe('t')
  })

  it('[MQTT-4.8.2-3] the granted QoS is each member its own', async () => {
    const b = await bench()
    const zero = await b.connect()
    await zero.subscribe('$share/g/t', { qos: 0, identifier: 5 })
    const two = await b.connect()
    await two.subscribe('$share/g/t', { qos: 2, identifier: 6 })
    const pub = await b.connect()
    for (const payload of ['a', 'b']) await pub.publish('t', payload, { qos: 2 })
    const got = [await zero.take('a'), await two.take('b')]
    expect(got.map((p) => [p.qos, p.properties?.subscriptionIdentifiers])).toEqual([
      [0, [5]],
      [2, [6]],
    ])
  })

  it('[MQTT-3.8.3-4] No Local is a protocol error', async () => {
    const b = await bench()
    const client = await b.connect()
    await client.raw(0x82, 16, 0, 1, 0, 0, 10, 0x24, 0x73, 0x68, 0x61, 0x72, 0x65, 0x2f, 0x67, 0x2f, 0x74, 4)
    expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x82)
    expect(client.closed).toBe(true)
  })

  it('bring no retained messages', async () => {
    const b = await bench()
    const pub = await b.connect()
    await pub.publish('t', 'kept', { retain: true })
    const [one] = await members(b, 1)
    one!.expectNothing()
  })

  it.each(['$share/g/t', '$queue/t'])('%s is refused with 0x9E where they are not available', async (filter) => {
    const b = await bench({ mqtt: { sharedSubscriptions: false } })
    const client = await b.connect()
    expect([await client.subscribe(filter), await client.subscribe('t')]).toEqual([0x9e, 0])
    const old = await b.connect({ version: 4 })
    expect(await old.subscribe(filter)).toBe(0x80)
    // What is no filter at all is still told so.
    expect([await client.subscribe('$share//t'), await client.subscribe('$queue/')]).toEqual([0x8f, 0x8f])
  })

  it('[MQTT-3.8.3-4] No Local is a protocol error on $queue too, and nothing of the packet is done', async () => {
    const b = await bench()
    const client = await b.connect({ clientId: 'c', properties: { sessionExpiryInterval: 100 } })
    const filters = [request('a'), request('$queue/t', { noLocal: true })]
    await client.send({ type: PacketType.Subscribe, packetId: 1, filters })
    expect([client.expect(PacketType.Disconnect).reasonCode, client.closed]).toEqual([0x82, true])
    expect(b.broker.sessions.get('c')?.subscriptions.size).toBe(0)
  })

  it.each(versions)('$queue/ is one group for all who use it, version %i', async (version) => {
    const b = await bench()
    const one = await b.connect({ version, clientId: 'one' })
    const two = await b.connect({ version, clientId: 'two' })
    const three = await b.connect({ version, clientId: 'three' })
    expect([
      await one.subscribe('$queue/t/+', { qos: 2 }),
      await two.subscribe('$queue/t/+', { qos: 1 }),
      await three.subscribe('$share/$queue/t/+', { qos: 0 }),
    ]).toEqual([2, 1, 0])
    const pub = await b.connect()
    for (const payload of ['a', 'b', 'c']) await pub.publish('t/x', payload, { qos: 2 })
    const got = [await one.take('a'), await two.take('b'), await three.take('c')]
    expect(got.map(({ topic, qos }) => [topic, qos])).toEqual([2, 1, 0].map((qos) => ['t/x', qos]))
  })

  it('[MQTT-3.10.4-1] UNSUBSCRIBE knows $queue/', async () => {
    const b = await bench()
    const client = await b.connect()
    for (const filter of ['$queue/t', 't']) await client.subscribe(filter)
    const filters = ['$queue/u', '$queue/t', '$queue/t', '$queue', '$queue/', '$queue/#x']
    await client.send({ type: PacketType.Unsubscribe, packetId: 9, filters })
    expect(client.expect(PacketType.Unsuback).reasonCodes).toEqual([0x11, 0, 0x11, 0x8f, 0x8f, 0x8f])
    await client.publish('t', 'x')
    await client.take('x')
    client.expectNothing()
  })

  it('$queue/ brings no retained messages and asks the guard about the filter', async () => {
    const asked: string[] = []
    const guard = guardOf({ authorize: (_, action, topic) => asked.push(`${action} ${topic}`) > 0 })
    const b = await bench({ guard })
    const client = await b.connect()
    await client.publish('t', 'kept', { retain: true })
    await client.subscribe('$queue/t')
    client.expectNothing()
    expect(asked).toEqual(['publish t', 'subscribe t'])
  })

  it('a broker that hashes by publisher gives each publisher one member', async () => {
    const b = await bench({ sharing: 'hash-client' })
    const all = await members(b, 3)
    for (let i = 0; i < 12; i++) {
      const pub = await b.connect({ clientId: `pub${i}` })
      for (const n of [1, 2, 3]) await pub.publish('t', `${i} ${n}`, { qos: 1 })
    }
    const got = payloads(...all)
    for (const each of got) expect(each.length).toBeGreaterThan(0)
    for (let i = 0; i < 12; i++) {
      const mine = got.map((each) => each.filter((text) => text.startsWith(`${i} `))).filter((each) => each.length > 0)
      expect(mine).toEqual([[`${i} 1`, `${i} 2`, `${i} 3`]])
    }
  })

  it('the guard is asked about the filter, not about the share', async () => {
    const asked: string[] = []
    const guard = guardOf({
      authorize(_, action, topic) {
        asked.push(`${action} ${topic}`)
        return topic !== 'secret'
      },
    })
    const b = await bench({ guard })
    const client = await b.connect()
    expect(await client.subscribe('$share/g/secret')).toBe(0x87)
    expect(await client.subscribe('$share/g/a/+')).toBe(0)
    expect(asked).toEqual(['subscribe secret', 'subscribe a/+'])
  })

  it('a member that may not see a topic is passed over', async () => {
    const guard = guardOf({ receives: ({ clientId }) => clientId !== 'm0' })
    const b = await bench({ guard })
    const [one, two] = await members(b, 2)
    const pub = await b.connect()
    for (const payload of ['a', 'b']) await pub.publish('t', payload, { qos: 1 })
    expect(payloads(one!, two!)).toEqual([[], ['a', 'b']])
  })

  it('QoS 1 that a member left unacknowledged goes to another, DUP clear', async () => {
    const b = await bench()
    const [one, two] = await members(b, 2)
    const pub = await b.connect()
    for (const payload of ['a', 'b']) await pub.publish('t', payload, { qos: 1 })
    expect(payloads(one!, two!)).toEqual([['a'], ['b']])
    await two!.take('b')
    await one!.drop()
    const again = await two!.take('a')
    expect(again.dup).toBe(false)
  })

  it('[MQTT-4.8.2-6] what a member refuses nobody gets', async () => {
    const b = await bench()
    const [one, two] = await members(b, 2)
    const pub = await b.connect()
    for (const qos of [1, 2] as const) {
      await pub.publish('t', 'x', { qos })
      const taker = one!.received.length > 0 ? one! : two!
      const got = taker.expect(PacketType.Publish)
      await taker.ack(qos === 1 ? PacketType.Puback : PacketType.Pubrec, got.packetId, 0x80)
      expect(payloads(one!, two!)).toEqual([[], []])
    }
    await one!.drop()
    await two!.drop()
  })

  it('[MQTT-4.8.2-4] a QoS 2 delivery that has begun is completed when its member comes back', async () => {
    const b = await bench()
    const connect = { clientId: 'm', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.subscribe('$share/g/t', { qos: 2 })
    const pub = await b.connect()
    await pub.publish('t', 'x', { qos: 2 })
    const { packetId } = first.expect(PacketType.Publish)
    const [other] = await members(b, 1)
    await first.drop()
    expect(payloads(other!)).toEqual([[]])
    const second = await b.connect(connect)
    expect(second.expect(PacketType.Publish)).toMatchObject({ packetId, dup: true })
    expect(payloads(other!)).toEqual([[]])
  })

  it('[MQTT-4.8.2-5] and is given to nobody else when the session of its member ends', async () => {
    const b = await bench()
    const connect = { clientId: 'm', cleanStart: false, properties: { sessionExpiryInterval: 10 } }
    const first = await b.connect(connect)
    await first.subscribe('$share/g/t', { qos: 2 })
    const pub = await b.connect()
    await pub.publish('t', 'x', { qos: 2 })
    first.expect(PacketType.Publish)
    const [other] = await members(b, 1)
    await first.drop()
    await b.host.advance(20_000)
    expect([b.broker.sessions.get('m'), payloads(other!)]).toEqual([undefined, [[]]])
  })

  it('a group whose members are away keeps what comes for the first that returns', async () => {
    const b = await bench()
    const connect = { clientId: 'm', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.subscribe('$share/g/t', { qos: 1 })
    await first.drop()
    const pub = await b.connect()
    for (const payload of ['a', 'b']) await pub.publish('t', payload, { qos: 1 })
    const second = await b.connect(connect)
    expect(payloads(second)).toEqual([['a', 'b']])
  })
})
