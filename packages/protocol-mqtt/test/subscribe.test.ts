import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { bench, guardOf, request, text } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

describe('SUBACK', () => {
  it.each(versions)(
    '[MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.2.1-6] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.9.3-1] has one code per filter, in order, version %i',
    async (version) => {
      const b = await bench({ guard: guardOf({ authorize: (_, __, topic) => topic !== 'secret' }) })
      const client = await b.connect({ version, clientId: 'c' })
      const filters = [
        request('a', { qos: 2 }),
        request('secret', { qos: 1 }),
        request('$share//b'),
        request('b', { qos: 0 }),
        request('c', { qos: 1 }),
        request('/'.repeat(128)),
      ]
      await client.send({ type: PacketType.Subscribe, packetId: 4711, filters })
      const suback = client.expect(PacketType.Suback)
      const [denied, bad] = version === 5 ? [0x87, 0x8f] : [0x80, 0x80]
      expect([suback.packetId, suback.reasonCodes]).toEqual([4711, [2, denied, bad, 0, 1, bad]])
      const kept = Array.from(b.broker.sessions.get('c')!.subscriptions.values(), ({ filter }) => filter)
      expect(kept).toEqual(['a', 'b', 'c'])
    },
  )

  it.each([
    ['[MQTT-4.7.1-1] [MQTT-4.7.1-2 of 3.1.1] text behind #', 'a/#/b'],
    ['[MQTT-4.7.1-1] [MQTT-4.7.1-2 of 3.1.1] # within a level', 'a#'],
    ['[MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] + within a level', 'a+/b'],
    ['[MQTT-4.7.1-2] [MQTT-4.7.1-3 of 3.1.1] + before text', '+a'],
    ['[MQTT-4.8.2-2] a share with a wildcard in its name', '$share/a+/b'],
    ['[MQTT-4.8.2-2] a share with # in its name', '$share/#/b'],
    ['[MQTT-4.8.2-2] a share with # at the end of its name', '$share/a#/b'],
    ['a share of a bad filter', '$share/a/b#'],
    ['a queue of a bad filter', '$queue/a#'],
  ])('refuses %s with 0x8F, and in 3.x by the end [MQTT-4.8.0-1 of 3.1.1]', async (_, filter) => {
    const b = await bench()
    const client = await b.connect()
    expect(await client.subscribe(filter)).toBe(0x8f)
    await client.send({ type: PacketType.Unsubscribe, packetId: 9, filters: [filter] })
    expect(client.expect(PacketType.Unsuback).reasonCodes).toEqual([0x8f])
    expect(client.closed).toBe(false)
    const filters = [request('good'), request(filter)]
    for (const version of [3, 4] as const)
      for (const packet of [
        { type: PacketType.Subscribe, packetId: 1, filters },
        { type: PacketType.Unsubscribe, packetId: 1, filters: ['good', filter] },
      ]) {
        const old = await b.connect({ version, clientId: 'old' })
        old.chunks.length = 0
        await old.send(packet)
        expect([old.chunks, old.closed]).toEqual([[], true])
      }
  })

  it.each([
    ['[MQTT-4.8.2-1] a share without a name', '$share//a'],
    ['[MQTT-4.8.2-2] a share without a filter', '$share/a'],
    ['[MQTT-4.8.2-2] a share with an empty filter', '$share/a/'],
    ['a share of nothing', '$share'],
    ['a share of nothing at all', '$share/'],
    ['[MQTT-4.8.2-2] a share with + as its name', '$share/+/b'],
    ['a share of a share', '$share/a/$share/b/c'],
    ['a share of a queue', '$share/a/$queue/c'],
    ['a share of an exclusive topic', '$share/a/$exclusive/t'],
    ['a queue of nothing', '$queue'],
    ['a queue with an empty filter', '$queue/'],
    ['a queue of a share', '$queue/$share/a/b'],
    ['a queue of an exclusive topic', '$queue/$exclusive/t'],
    ['an exclusive nothing', '$exclusive'],
    ['an exclusive empty topic', '$exclusive/'],
    ['an exclusive +', '$exclusive/a/+'],
    ['an exclusive #', '$exclusive/#'],
    ['an exclusive share', '$exclusive/$share/a/b'],
    ['an exclusive nothing of its own', '$exclusive/$exclusive'],
    ['more levels behind a prefix than there may be', `$queue/${'/'.repeat(128)}`],
    ['more levels than there may be', '/'.repeat(128)],
  ])('refuses %s with 0x8F', async (_, filter) => {
    const b = await bench()
    const client = await b.connect()
    expect(await client.subscribe(filter)).toBe(0x8f)
    const old = await b.connect({ version: 4 })
    expect(await old.subscribe(filter)).toBe(0x80)
    expect([client.closed, old.closed]).toEqual([false, false])
  })

  it.each([
    '#',
    '+',
    '+/+',
    '/',
    '//',
    'a/#',
    '+/#',
    '/+',
    '$SYS/#',
    '$share/g/#',
    '$share/g/+/$x',
    '$shares/x',
    '$share/$exclusive/x',
    '$share/g//',
    '$queue/#',
    '$queue//',
    '$queues/x',
    '$exclusive//a',
    '$exclusive/$SYS/a',
    '$exclusives/+',
    'a/$queue',
    'a/$exclusive/+',
    'ä €',
  ])('accepts %s', async (filter) => {
    const b = await bench()
    const client = await b.connect()
    expect(await client.subscribe(filter)).toBe(0)
  })

  it('says 0x97 for one subscription too many, and keeps the others', async () => {
    const b = await bench({ limits: { subscriptions: 2 } })
    const client = await b.connect()
    await client.send({ type: PacketType.Subscribe, packetId: 1, filters: ['a', 'b', 'c', 'a'].map((f) => request(f)) })
    expect(client.expect(PacketType.Suback).reasonCodes).toEqual([0, 0, 0x97, 0])
  })

  it.each([0, 1, 2] as const)(
    '[MQTT-3.2.2-10] [MQTT-3.8.4-7] grants the QoS asked for, as far as there is (%i)',
    async (maximumQos) => {
      const b = await bench({ mqtt: { maximumQos } })
      const client = await b.connect()
      for (const qos of [0, 1, 2] as const) {
        expect(await client.subscribe(`t${qos}`, { qos })).toBe(Math.min(qos, maximumQos))
        const message = { topic: `t${qos}`, payload: new Uint8Array(0), qos: 2, retain: false } as const
        await b.broker.publish({ ...message, publisher: '', timestamp: 0 })
        await b.host.settle()
        expect((await client.take('')).qos).toBe(Math.min(qos, maximumQos))
      }
    },
  )

  it('[MQTT-3.8.3-5] reserved option bits are malformed, QoS 3 and retain handling 3 errors', async () => {
    for (const [options, reason] of [
      [0x40, 0x81],
      [0x80, 0x81],
      [0x03, 0x82],
      [0x30, 0x82],
    ] as const) {
      const b = await bench()
      const client = await b.connect()
      await client.raw(0x82, 7, 0, 1, 0, 0, 1, 0x61, options)
      expect([client.expect(PacketType.Disconnect).reasonCode, client.closed]).toEqual([reason, true])
    }
  })
})

describe('what is delivered', () => {
  const levels = [0, 1, 2] as const
  const pairs = versions.flatMap((version) =>
    levels.flatMap((published) => levels.map((granted) => [published, granted, version] as const)),
  )
  it.each(pairs)(
    '[MQTT-3.8.4-8] delivered QoS is the lower of published (%i) and granted (%i), version %i',
    async (published, granted, version) => {
      const b = await bench()
      const sub = await b.connect({ version, clientId: 's' })
      await sub.subscribe('t', { qos: granted })
      const pub = await b.connect()
      await pub.publish('t', 'x', { qos: published })
      expect((await sub.take('x')).qos).toBe(Math.min(published, granted))
      sub.expectNothing()
    },
  )

  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/B', false],
    ['[MQTT-4.7.3-4] a/', 'a', false],
    ['/a', 'a', false],
    ['a/+', 'a/', true],
    ['a/+', 'a', false],
    ['a/+', 'a/b/c', false],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['+/b', '/b', true],
    ['[MQTT-4.7.2-1] #', '$internal/x', false],
    ['[MQTT-4.7.2-1] +/x', '$internal/x', false],
    ['$internal/#', '$internal/x', true],
    ['$internal/+', '$internal/x', true],
    ['#', 'a/$b', true],
  ])('[MQTT-3.3.2-3] filter %s, topic %s: %s', async (named, topic, reached) => {
    const filter = named.slice(named.indexOf(' ') + 1)
    const b = await bench()
    const sub = await b.connect()
    await sub.subscribe(filter)
    const pub = await b.connect()
    await pub.publish(topic, 'x')
    expect(sub.received.map((p) => p.type === PacketType.Publish && p.topic)).toEqual(reached ? [topic] : [])
  })

  it('[MQTT-3.3.4-2] [MQTT-3.3.5-1 of 3.1.1] [MQTT-3.3.4-3] [MQTT-3.3.4-4] overlapping subscriptions give one copy with the highest QoS and every identifier', async () => {
    const b = await bench()
    const sub = await b.connect()
    await sub.subscribe('a/#', { qos: 0, identifier: 1 })
    await sub.subscribe('a/+', { qos: 2, identifier: 268_435_455 })
    await sub.subscribe('+/b', { qos: 1 })
    await sub.subscribe('a/b/#', { qos: 1, identifier: 300 })
    const pub = await b.connect()
    await pub.publish('a/b', 'x', { qos: 2 })
    const got = await sub.take('x')
    expect(got.qos).toBe(2)
    expect(new Set(got.properties?.subscriptionIdentifiers)).toEqual(new Set([1, 268_435_455, 300]))
    expect(got.properties?.subscriptionIdentifiers?.length).toBe(3)
    sub.expectNothing()
  })

  it('[MQTT-3.8.4-3] the same filter again replaces options and identifier, and no second copy comes', async () => {
    const b = await bench()
    const sub = await b.connect()
    const pub = await b.connect()
    await sub.subscribe('t', { qos: 2, identifier: 1 })
    await sub.subscribe('t', { qos: 1, identifier: 2 })
    await pub.publish('t', 'x', { qos: 2 })
    const got = await sub.take('x')
    expect([got.qos, got.properties?.subscriptionIdentifiers]).toEqual([1, [2]])
    await sub.subscribe('t', { qos: 0 })
    await pub.publish('t', 'y', { qos: 2 })
    const last = await sub.take('y')
    expect([last.qos, last.properties]).toEqual([0, undefined])
    sub.expectNothing()
  })

  it('[MQTT-3.8.3-3] No Local: what a client publishes does not come back to it, over other filters it does', async () => {
    const b = await bench()
    const client = await b.connect({ clientId: 'c' })
    await client.subscribe('t/#', { qos: 2, noLocal: true, identifier: 1 })
    await client.publish('t/1', 'mine')
    client.expectNothing()
    const other = await b.connect({ clientId: 'd' })
    await other.publish('t/1', 'theirs')
    await client.take('theirs')
    await client.subscribe('t/1', { qos: 0, identifier: 2 })
    await client.publish('t/1', 'mine', { qos: 1 })
    const got = client.received.find((p) => p.type === PacketType.Publish)
    expect(got?.type === PacketType.Publish && [got.qos, got.properties?.subscriptionIdentifiers]).toEqual([0, [2]])
    expect(client.received.length).toBe(2)
  })

  it.each([
    ['[MQTT-3.3.1-12] [MQTT-3.3.1-9 of 3.1.1]', false],
    ['[MQTT-3.3.1-13]', true],
  ] as const)('%s retain as published %s', async (_, retainAsPublished) => {
    const b = await bench()
    const sub = await b.connect()
    await sub.subscribe('t', { retainAsPublished })
    const pub = await b.connect()
    for (const retain of [true, false]) await pub.publish('t', String(retain), { retain })
    expect((await sub.take('true')).retain).toBe(retainAsPublished)
    expect((await sub.take('false')).retain).toBe(false)
  })
})

describe('UNSUBSCRIBE', () => {
  it('[MQTT-3.10.4-1] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2] has one code per filter', async () => {
    const b = await bench()
    const client = await b.connect()
    for (const filter of ['a', 'b/+', '$share/g/a']) await client.subscribe(filter)
    const filters = ['b/+', 'b/c', 'a', 'a', 'a#', '$share/h/a', '$share/g/a', '$share/g']
    await client.send({ type: PacketType.Unsubscribe, packetId: 9, filters })
    const unsuback = client.expect(PacketType.Unsuback)
    expect([unsuback.packetId, unsuback.reasonCodes]).toEqual([9, [0, 0x11, 0, 0x11, 0x8f, 0x11, 0, 0x8f]])
    expect(b.broker.sessions.get(client.connack.properties?.assignedClientIdentifier ?? '')?.subscriptions.size).toBe(0)
  })

  it.each([3, 4] as const)('version %i gets the identifier and nothing else', async (version) => {
    const b = await bench()
    const client = await b.connect({ version, clientId: 'c' })
    await client.send({ type: PacketType.Unsubscribe, packetId: 0x102, filters: ['a', 'b/#'] })
    expect(Array.from(client.chunks.at(-1)!)).toEqual([0xb0, 2, 1, 2])
  })

  it.each(versions)('[MQTT-3.10.4-2] nothing new comes afterwards, version %i', async (version) => {
    const b = await bench()
    const sub = await b.connect({ version, clientId: 's' })
    await sub.subscribe('t', { qos: 1 })
    await sub.subscribe('t/#', { qos: 1 })
    const pub = await b.connect()
    await sub.send({ type: PacketType.Unsubscribe, packetId: 9, filters: ['t'] })
    sub.expect(PacketType.Unsuback)
    await pub.publish('t', 'still', { qos: 1 })
    await sub.take('still')
    await sub.send({ type: PacketType.Unsubscribe, packetId: 9, filters: ['t/#'] })
    sub.expect(PacketType.Unsuback)
    await pub.publish('t', 'no more', { qos: 1 })
    sub.expectNothing()
  })

  it('[MQTT-3.10.4-3] what has begun is completed, over a new connection too', async () => {
    const b = await bench()
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.subscribe('t', { qos: 2 })
    const pub = await b.connect()
    await pub.publish('t', 'x', { qos: 2 })
    const { packetId } = first.expect(PacketType.Publish)
    await first.send({ type: PacketType.Unsubscribe, packetId: 9, filters: ['t'] })
    first.expect(PacketType.Unsuback)
    await first.drop()
    const second = await b.connect(connect)
    const again = second.expect(PacketType.Publish)
    expect([again.packetId, again.qos, text(again)]).toEqual([packetId, 2, 'x'])
    await second.ack(PacketType.Pubrec, packetId)
    second.expect(PacketType.Pubrel)
  })
})
