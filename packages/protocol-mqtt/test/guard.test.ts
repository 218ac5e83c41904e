import type { Guard } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { type Bench, bench, gate, guardOf, publishPacket, request } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

/** Ways to say no to everything but `open`, and what is reported of them. */
const refusals: readonly (readonly [how: string, authorize: Guard['authorize'], reported: boolean])[] = [
  ['says no', (_, __, topic) => topic === 'open', false],
  ['says no later', (_, __, topic) => Promise.resolve(topic === 'open'), false],
  [
    'throws',
    (_, __, topic) => {
      if (topic === 'open') return true
      throw new Error('broken')
    },
    true,
  ],
  ['rejects', (_, __, topic) => (topic === 'open' ? true : Promise.reject(new Error('broken'))), true],
  ['says neither yes nor no', (_, __, topic) => (topic === 'open' ? true : (undefined as unknown as boolean)), true],
]

function expectReports(b: Bench, any: boolean): void {
  expect(b.takeReports().length > 0).toBe(any)
}

describe.each(refusals)('a guard that %s', (_, authorize, reported) => {
  it.each(versions)(
    '[MQTT-4.3.3-9] to a publish of version %i: QoS 0 is dropped in silence, the others are answered',
    async (version) => {
      const b = await bench({ guard: guardOf({ authorize }) })
      const heard: string[] = []
      b.broker.tap('#', (m) => heard.push(m.topic))
      const client = await b.connect({ version, clientId: 'c' })
      await client.publish('shut', 'x', { retain: true })
      client.expectNothing()
      const code = version === 5 ? 0x87 : 0
      await client.publish('shut', 'x', { qos: 1, packetId: 5 })
      expect(client.expect(PacketType.Puback)).toMatchObject({ packetId: 5, reasonCode: code })
      await client.publish('shut', 'x', { qos: 2, packetId: 6 })
      expect(client.expect(PacketType.Pubrec)).toMatchObject({ packetId: 6, reasonCode: code })
      // [MQTT-4.3.3-9]: the identifier is free.
      await client.publish('open', 'x', { qos: 2, packetId: 6 })
      expect(client.expect(PacketType.Pubrec)).toMatchObject({ packetId: 6, reasonCode: 0 })
      await client.ack(PacketType.Pubrel, 6)
      expect(client.expect(PacketType.Pubcomp)).toMatchObject({ packetId: 6, reasonCode: 0 })
      expect([heard, client.closed, b.broker.retained.size]).toEqual([['open'], false, 0])
      expectReports(b, reported)
    },
  )

  it.each([3, 4] as const)(
    'a QoS 2 exchange it refused ends in order for version %i [MQTT-3.3.5-2 of 3.1.1]',
    async (version) => {
      const b = await bench({ guard: guardOf({ authorize }) })
      const client = await b.connect({ version, clientId: 'c' })
      await client.publish('shut', 'x', { qos: 2, packetId: 6 })
      client.expect(PacketType.Pubrec)
      await client.ack(PacketType.Pubrel, 6)
      expect(client.expect(PacketType.Pubcomp).packetId).toBe(6)
      expectReports(b, reported)
    },
  )

  it.each(versions)('to a SUBSCRIBE of version %i: each filter by itself', async (version) => {
    const b = await bench({ guard: guardOf({ authorize }) })
    const client = await b.connect({ version, clientId: 'c' })
    await client.send({
      type: PacketType.Subscribe,
      packetId: 1,
      filters: [request('shut'), request('open', { qos: 2 })],
    })
    expect(client.expect(PacketType.Suback).reasonCodes).toEqual([version === 5 ? 0x87 : 0x80, 2])
    expect(b.broker.sessions.get('c')?.subscriptions.size).toBe(1)
    expectReports(b, reported)
  })
})

describe('a guard that answers later', () => {
  it('lets nothing behind the question act before it has answered', async () => {
    const { wait, open } = gate()
    const guard = guardOf({ authorize: (_, __, topic) => (topic === 'slow' ? wait().then(() => true) : true) })
    const b = await bench({ guard })
    const heard: string[] = []
    b.broker.tap('#', (m) => heard.push(m.topic))
    const client = await b.connect({ clientId: 'c' })
    client.write(publishPacket('slow', '', { qos: 1 }), publishPacket('fast', ''), { type: PacketType.Pingreq })
    await b.host.settle()
    await client.publish('later', '')
    expect([heard, client.received.length]).toEqual([[], 0])
    open()
    await b.host.settle()
    expect(heard).toEqual(['slow', 'fast', 'later'])
    client.expect(PacketType.Puback)
    client.expect(PacketType.Pingresp)
  })

  it('does not hold up others', async () => {
    const { wait } = gate()
    const guard = guardOf({ authorize: (_, __, topic) => (topic === 'slow' ? wait().then(() => true) : true) })
    const b = await bench({ guard })
    const [one, two] = [await b.connect(), await b.connect()]
    await one.publish('slow', '', { qos: 1 })
    await two.publish('fast', '', { qos: 1 })
    two.expect(PacketType.Puback)
  })

  it.each([true, false])('%s, when the client is gone, changes nothing and is no fault', async (answer) => {
    const { wait, open } = gate()
    const guard = guardOf({ authorize: () => wait().then(() => answer) })
    const b = await bench({ guard })
    const heard: string[] = []
    b.broker.tap('#', (m) => heard.push(m.topic))
    const durable = { cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    for (const qos of [0, 1, 2] as const) {
      const client = await b.connect({ ...durable, clientId: 'c' })
      await client.publish('t', '', { qos, retain: true })
      await client.drop()
      open()
      await b.host.settle()
    }
    const client = await b.connect({ ...durable, clientId: 'c' })
    await client.send({ type: PacketType.Subscribe, packetId: 1, filters: [request('t')] })
    await client.drop()
    open()
    await b.host.settle()
    expect([heard, b.broker.retained.size, b.broker.sessions.get('c')?.subscriptions.size]).toEqual([[], 0, 0])
    expect(b.broker.sessions.get('c')?.inbound.size).toBe(0)
  })

  it('when the session was taken over, does not act on the new connection', async () => {
    const { wait, open } = gate()
    const b = await bench({ guard: guardOf({ authorize: () => wait().then(() => true) }) })
    const durable = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const old = await b.connect(durable)
    await old.send({ type: PacketType.Subscribe, packetId: 1, filters: [request('t')] })
    const fresh = await b.connect(durable)
    open()
    await b.host.settle()
    fresh.expectNothing()
    expect(b.broker.sessions.get('c')?.subscriptions.size).toBe(0)
  })
})

describe('what a client may receive', () => {
  it('is asked about each topic, on the live path and from the queue', async () => {
    const guard = guardOf({ receives: ({ clientId }, topic) => clientId !== 'c' || topic !== 't/secret' })
    const b = await bench({ guard })
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.subscribe('t/#', { qos: 1 })
    const pub = await b.connect()
    for (const topic of ['t/secret', 't/open']) await pub.publish(topic, topic, { qos: 1 })
    await first.take('t/open')
    first.expectNothing()
    await first.drop()
    for (const topic of ['t/secret', 't/open']) await pub.publish(topic, topic, { qos: 1 })
    const second = await b.connect(connect)
    await second.take('t/open')
    second.expectNothing()
  })

  it('may change while it waits', async () => {
    let open = true
    let version = 0
    const guard: Guard = {
      ...guardOf({ receives: () => open }),
      get version() {
        return version
      },
    }
    const b = await bench({ guard })
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.subscribe('t', { qos: 1 })
    await first.drop()
    const pub = await b.connect()
    await pub.publish('t', 'x', { qos: 1 })
    open = false
    version++
    const second = await b.connect(connect)
    second.expectNothing()
  })

  it('is what the user of this connection may, not the one before', async () => {
    const guard = guardOf({ receives: ({ username }) => username !== 'mallory' })
    const b = await bench({ guard })
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect({ ...connect, username: 'alice' })
    await first.subscribe('t')
    const pub = await b.connect()
    await pub.publish('t', 'x')
    await first.take('x')
    await first.drop()
    const second = await b.connect({ ...connect, username: 'mallory' })
    await pub.publish('t', 'x')
    second.expectNothing()
  })

  it('a guard that throws here keeps the message from that client alone', async () => {
    const guard = guardOf({
      receives({ clientId }) {
        if (clientId === 'odd') throw new Error('broken')
        return true
      },
    })
    const b = await bench({ guard })
    const [odd, even] = [await b.connect({ clientId: 'odd' }), await b.connect({ clientId: 'even' })]
    for (const client of [odd, even]) await client.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    await pub.publish('t', 'x', { qos: 1 })
    expect(pub.expect(PacketType.Puback).reasonCode).toBe(0)
    await even.take('x')
    odd.expectNothing()
    expect(b.takeReports().length).toBeGreaterThan(0)
  })
})

describe('topics of the broker', () => {
  it.each(versions)('$SYS is not for clients to publish to, version %i', async (version) => {
    const b = await bench()
    const heard: string[] = []
    b.broker.tap('$SYS/#', (m) => heard.push(m.topic))
    const client = await b.connect({ version, clientId: 'c' })
    for (const topic of ['$SYS', '$SYS/broker/version']) {
      await client.publish(topic, 'x', { retain: true })
      client.expectNothing()
      await client.publish(topic, 'x', { qos: 1, retain: true })
      expect(client.expect(PacketType.Puback).reasonCode).toBe(version === 5 ? 0x87 : 0)
      await client.publish(topic, 'x', { qos: 2, packetId: 9 })
      expect(client.expect(PacketType.Pubrec).reasonCode).toBe(version === 5 ? 0x87 : 0)
    }
    const kept = [b.broker.retained.get('$SYS'), b.broker.retained.get('$SYS/broker/version')]
    expect([heard, kept, client.closed]).toEqual([[], [undefined, undefined], false])
  })

  it('$SYS of the broker itself reaches who asks for it, and nobody who asks for all', async () => {
    const b = await bench()
    const [sys, all] = [await b.connect(), await b.connect()]
    await sys.subscribe('$SYS/#')
    await all.subscribe('#')
    const payload = Uint8Array.of(120)
    await b.broker.publish({ topic: '$SYS/x', payload, qos: 0, retain: false, publisher: '', timestamp: 0 })
    await b.host.settle()
    await sys.take('x')
    all.expectNothing()
  })
})

describe('topics that are not for publishing', () => {
  it('with too many levels get 0x90 in 5.0 and the end in 3.x', async () => {
    const b = await bench({ limits: { topicLevels: 3 } })
    const client = await b.connect()
    await client.publish('a/b/c/d', 'x')
    client.expectNothing()
    await client.publish('a/b/c/d', 'x', { qos: 1 })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0x90)
    await client.publish('a/b/c/d', 'x', { qos: 2, packetId: 4 })
    expect(client.expect(PacketType.Pubrec).reasonCode).toBe(0x90)
    await client.publish('a/b/c', 'x', { qos: 2, packetId: 4 })
    expect(client.expect(PacketType.Pubrec).reasonCode).toBe(0)
    const old = await b.connect({ version: 4 })
    old.chunks.length = 0
    await old.publish('a/b/c/d', 'x', { qos: 1 })
    expect([old.chunks, old.closed]).toEqual([[], true])
  })
})

describe('a guard whose answers are kept', () => {
  it.each([
    ['at once', (yes: boolean) => yes],
    ['later', (yes: boolean) => Promise.resolve(yes)],
  ])('answers %s, once for a topic; a right that is taken away is gone with the next PUBLISH', async (_, say) => {
    const policy = { version: 0, open: true, asked: 0 }
    const b = await bench({
      guard: {
        ...guardOf({}),
        authorize() {
          policy.asked++
          return say(policy.open)
        },
        get version() {
          return policy.version
        },
      },
    })
    const heard: string[] = []
    b.broker.tap('t', () => heard.push('t'))
    const client = await b.connect({ clientId: 'c' })
    for (let packetId = 1; packetId <= 5; packetId++) {
      await client.publish('t', 'x', { qos: 1, packetId })
      expect(client.expect(PacketType.Puback)).toMatchObject({ packetId, reasonCode: 0 })
    }
    expect([policy.asked, heard.length]).toEqual([1, 5])
    policy.open = false
    policy.version++
    await client.publish('t', 'x', { qos: 1, packetId: 6 })
    expect(client.expect(PacketType.Puback)).toMatchObject({ packetId: 6, reasonCode: 0x87 })
    policy.open = true
    policy.version++
    await client.publish('t', 'x', { qos: 1, packetId: 7 })
    expect(client.expect(PacketType.Puback)).toMatchObject({ packetId: 7, reasonCode: 0 })
    expect([policy.asked, heard.length]).toEqual([3, 6])
  })
})
