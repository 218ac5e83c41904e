import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { bench, type Bench, connectPacket, request, type TestClient } from './harness.ts'

/** What each limit answers with, in one place. Limits that refuse nothing (queues, windows, pace) are below and in their own files. */

const versions: ProtocolVersion[] = [3, 4, 5]

/** The reason code of the SUBACK for one filter. */
async function subscribe(client: TestClient, filter: string): Promise<number> {
  return client.subscribe(filter)
}

/** The reason code of the answer to a QoS 1 message; `end` where the connection ends without any. */
async function publish(
  client: TestClient,
  topic: string,
  retain: boolean = false,
  payload = 'x',
): Promise<number | 'end'> {
  await client.publish(topic, payload, { qos: 1, retain })
  if (client.closed) {
    client.expectNothing()
    return 'end'
  }
  return client.expect(PacketType.Puback).reasonCode
}

describe('topics', () => {
  // 'ä' has two bytes.
  const limits = { topicLength: 8, topicLevels: 3 }
  const cases = [
    ['levels', 'a/b/c', 'a/b/c/d'],
    ['bytes', 'aaaaää', 'aaaaaää'],
  ] as const
  for (const [what, good, bad] of cases) {
    it(`with too many ${what} are refused with 0x90, at QoS 2 too, and are lost at QoS 0`, async () => {
      const b = await bench({ limits })
      const client = await b.connect()
      expect([await publish(client, good), await publish(client, bad)]).toEqual([0, 0x90])
      await client.publish(bad, 'x', { qos: 2 })
      expect(client.expect(PacketType.Pubrec).reasonCode).toBe(0x90)
      await client.publish(bad, 'x')
      client.expectNothing()
      expect([client.closed, await publish(client, good)]).toEqual([false, 0])
    })

    it.each([3, 4] as const)(`with too many ${what} end the connection of 3.x, version %i`, async (version) => {
      const b = await bench({ limits })
      const client = await b.connect({ version })
      expect([await publish(client, good), await publish(client, bad)]).toEqual([0, 'end'])
    })

    it.each(versions)(`with too many ${what} cannot be subscribed to: 0x8F or 0x80, version %i`, async (version) => {
      const b = await bench({ limits })
      const client = await b.connect({ version })
      expect([await subscribe(client, good), await subscribe(client, bad)]).toEqual([0, version === 5 ? 0x8f : 0x80])
      expect(await subscribe(client, `$share/group/${bad}`)).toBe(version === 5 ? 0x8f : 0x80)
      expect(client.closed).toBe(false)
    })

    it.each(versions)(
      `with too many ${what} are no will topic: 0x90, or the end in 3.x, version %i`,
      async (version) => {
        const b = await bench({ limits })
        const will = (topic: string) => ({ topic, payload: new Uint8Array(0), qos: 0, retain: false }) as const
        const client = b.dial(version)
        await client.send(connectPacket({ version, clientId: 'c', will: will(bad) }))
        if (version === 5) expect(client.expect(PacketType.Connack).reasonCode).toBe(0x90)
        client.expectNothing()
        expect([client.closed, b.broker.sessions.size]).toEqual([true, 0])
        expect((await b.dial(version).login({ clientId: 'c', will: will(good) })).reasonCode).toBe(0)
      },
    )
  }
})

describe('sizes and counts', () => {
  it.each(versions)('a packet that is too large ends the connection: 0x95, version %i', async (version) => {
    const b = await bench({ mqtt: { maxPacketSize: 200 } })
    const client = await b.connect({ version, clientId: 'c' })
    await client.publish('t', 'x'.repeat(200))
    if (version === 5) expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x95)
    client.expectNothing()
    expect(client.closed).toBe(true)
  })

  it.each(versions)('a client identifier that is too long: 0x85 or 2, version %i', async (version) => {
    const b = await bench({ mqtt: { clientIdLength: 25 } })
    expect((await b.dial(version).login({ clientId: 'ä'.repeat(13) })).reasonCode).toBe(version === 5 ? 0x85 : 2)
    expect((await b.dial(version).login({ clientId: 'x'.repeat(25) })).reasonCode).toBe(0)
  })

  it.each(versions)('one subscription too many: 0x97 or 0x80, version %i', async (version) => {
    const b = await bench({ limits: { subscriptions: 1 } })
    const client = await b.connect({ version })
    const filters = ['a', 'b', 'a'].map((filter) => request(filter))
    await client.send({ type: PacketType.Subscribe, packetId: 1, filters })
    expect(client.expect(PacketType.Suback).reasonCodes).toEqual([0, version === 5 ? 0x97 : 0x80, 0])
  })

  it.each(versions)('one session too many: 0x97 or 3, version %i', async (version) => {
    const b = await bench({ limits: { sessions: 1 } })
    await b.connect({ clientId: 'first' })
    expect((await b.dial(version).login({ clientId: 'c' })).reasonCode).toBe(version === 5 ? 0x97 : 3)
  })

  it.each([
    ['messages', { retained: 1 }],
    ['bytes', { retainedBytes: 3 }],
  ])('too many retained %s: 0x97 at QoS 1 and 2, the end in 3.x, silence at QoS 0', async (_, limits) => {
    const b = await bench({ limits })
    const client = await b.connect()
    expect([await publish(client, 'a', true, 'xy'), await publish(client, 'b', true, 'xy')]).toEqual([0, 0x97])
    await client.publish('b', 'xy', { qos: 2, retain: true })
    expect(client.expect(PacketType.Pubrec).reasonCode).toBe(0x97)
    await client.publish('b', 'xy', { retain: true })
    client.expectNothing()
    expect([client.closed, b.broker.retained.size]).toEqual([false, 1])
    for (const version of [3, 4] as const)
      expect(await publish(await b.connect({ version }), 'b', true, 'xy')).toBe('end')
    expect([await publish(client, 'a', true, ''), await publish(client, 'b', true, 'xy')]).toEqual([0, 0])
  })

  it('one QoS 2 message too many under way: 0x93 in 5.0', async () => {
    const b = await bench({ mqtt: { receiveMaximum: 1 } })
    const client = await b.connect()
    for (const packetId of [1, 2]) await client.publish('t', 'x', { qos: 2, packetId })
    client.expect(PacketType.Pubrec)
    expect([client.expect(PacketType.Disconnect).reasonCode, client.closed]).toEqual([0x93, true])
  })

  it('a topic alias above the maximum: 0x94', async () => {
    const b = await bench({ mqtt: { topicAliasMaximum: 1 } })
    const client = await b.connect()
    await client.publish('t', 'x', { properties: { topicAlias: 2 } })
    expect([client.expect(PacketType.Disconnect).reasonCode, client.closed]).toEqual([0x94, true])
  })

  it('silence: 0x8D, after one and a half of the longest keep alive', async () => {
    const b = await bench({ mqtt: { maxKeepAlive: 10 } })
    const client = await b.connect({ keepAlive: 100 })
    const old = await b.connect({ version: 4, keepAlive: 10 })
    expect(client.connack.properties?.serverKeepAlive).toBe(10)
    await b.host.advance(14_999)
    expect([client.closed, old.closed]).toEqual([false, false])
    await b.host.advance(1)
    expect([client.expect(PacketType.Disconnect).reasonCode, client.closed]).toEqual([0x8d, true])
    old.expectNothing()
    expect(old.closed).toBe(true)
  })

  it('messages that wait beyond the queue: the oldest is dropped, whatever the version', async () => {
    for (const version of [3, 4, 5] as const) {
      const b = await bench({ limits: { maxQueued: 2 } })
      const connect = { version, clientId: 'c', cleanStart: false } as const
      const properties = version === 5 ? { sessionExpiryInterval: 3600 } : undefined
      const sub = await b.connect({ ...connect, properties })
      await sub.subscribe('t', { qos: 1 })
      await sub.drop()
      const pub = await b.connect()
      for (const text of ['1', '2', '3']) await pub.publish('t', text, { qos: 1 })
      const again = await b.connect({ ...connect, properties })
      for (const text of ['2', '3']) await again.take(text)
      again.expectNothing()
    }
  })

  it.each(versions)('a session expiry above the longest: it holds, and 5.0 is told, version %i', async (version) => {
    const b = await bench({ limits: { sessionExpiry: 5000 } })
    const properties = version === 5 ? { sessionExpiryInterval: 3600 } : undefined
    const client = await b.connect({ version, clientId: 'c', cleanStart: false, properties })
    expect(client.connack.properties?.sessionExpiryInterval).toBe(version === 5 ? 5 : undefined)
    await client.drop()
    await b.host.advance(4999)
    expect(b.broker.sessions.size).toBe(1)
    await b.host.advance(1)
    expect(b.broker.sessions.size).toBe(0)
  })

  it('messages under way beyond the window wait, whatever the version', async () => {
    for (const version of [3, 4, 5] as const) {
      const b = await bench({ limits: { inflight: 2 } })
      const sub = await b.connect({ version, clientId: 'c' })
      await sub.subscribe('t', { qos: 1 })
      const pub = await b.connect()
      for (const text of ['1', '2', '3']) await pub.publish('t', text, { qos: 1 })
      expect(sub.received.length).toBe(2)
      for (const text of ['1', '2', '3']) await sub.take(text)
    }
  })
})

describe('connections', () => {
  /** What becomes of a connection: its CONNACK, or `closed` if it had not even got so far as to say anything. */
  async function outcome(b: Bench, version: ProtocolVersion, clientId: string, address?: string) {
    const client = b.dial(version, { address })
    await b.host.settle()
    if (client.closed) return 'closed'
    return (await client.login({ clientId })).reasonCode
  }

  for (const [what, limits] of [
    ['in all', { connections: 2 }],
    ['from one address', { connectionsPerAddress: 2 }],
  ] as const) {
    it.each(versions)(`too many ${what}: 0x97 or 3, version %i`, async (version) => {
      const b = await bench({ limits })
      const [first] = [b.dial(version, { address: '10.0.0.1' }), b.dial(version, { address: '10.0.0.1' })]
      const busy = version === 5 ? 0x97 : 3
      // Nobody has said anything yet: they count all the same.
      expect(await outcome(b, version, 'c', '10.0.0.1')).toBe(busy)
      expect(b.broker.connections.size).toBe(2)
      await first.drop()
      expect(await outcome(b, version, 'c', '10.0.0.1')).toBe(0)
      expect(await outcome(b, version, 'd', '10.0.0.1')).toBe(busy)
      expect(await outcome(b, version, 'e', '10.0.0.2')).toBe(what === 'in all' ? busy : 0)
    })

    it(`too many by far ${what} are closed at once`, async () => {
      const b = await bench({ limits })
      const open = Array.from({ length: 4 }, () => b.dial(5, { address: '10.0.0.1' }))
      expect(await outcome(b, 5, 'c', '10.0.0.1')).toBe('closed')
      expect([open.map((client) => client.closed), b.broker.connections.size]).toEqual([Array(4).fill(false), 4])
      // Those that only wait to be told have as little time as anybody.
      await b.host.advance(10_000)
      expect([open.map((client) => client.closed), b.broker.connections.size]).toEqual([Array(4).fill(true), 0])
    })
  }

  it('that were turned away are told to those who watch', async () => {
    const b = await bench({ limits: { connections: 1 } })
    const details: string[] = []
    b.broker.watch((event) => event.type === 'refused' && details.push(event.detail))
    b.dial()
    await b.dial().send(connectPacket())
    b.dial()
    b.dial()
    expect(details).toEqual(['too many connections', 'too many connections'])
  })

  it.each(versions)('that come too fast: 0x9F or 3, version %i', async (version) => {
    const b = await bench({ limits: { connectRate: 2 } })
    const codes = async (count: number): Promise<number[]> => {
      const found: number[] = []
      for (let i = 0; i < count; i++) found.push((await b.dial(version).login({ clientId: `c${i}` })).reasonCode)
      return found
    }
    const busy = version === 5 ? 0x9f : 3
    expect(await codes(4)).toEqual([0, 0, busy, busy])
    await b.host.advance(499)
    expect(await codes(1)).toEqual([busy])
    await b.host.advance(1)
    expect(await codes(2)).toEqual([0, busy])
  })

  it('that are banned use up no rate', async () => {
    const b = await bench({ limits: { connectRate: 1 } })
    const added = b.broker.bans.add({ kind: 'clientId', value: 'eve' })
    await b.host.settle()
    await added
    for (let i = 0; i < 3; i++) expect((await b.dial().login({ clientId: 'eve' })).reasonCode).toBe(0x8a)
    expect((await b.dial().login({ clientId: 'bob' })).reasonCode).toBe(0)
  })
})
