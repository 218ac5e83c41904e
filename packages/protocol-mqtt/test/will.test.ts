import { describe, expect, it } from 'vitest'
import { type Connect, PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import type { WillProperties } from '../src/codec/packet-properties.ts'
import { type Bench, bench, connectPacket, guardOf, type TestClient, text } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

function will(
  properties?: WillProperties,
  rest: { qos?: 0 | 1 | 2; retain?: boolean; topic?: string } = {},
): NonNullable<Connect['will']> {
  const { qos = 0, retain = false, topic = 'will' } = rest
  return { topic, payload: new TextEncoder().encode('gone'), qos, retain, properties }
}

async function watcher(b: Bench): Promise<TestClient> {
  const client = await b.connect({ clientId: 'watcher' })
  await client.subscribe('will', { qos: 2, retainAsPublished: true })
  return client
}

/** Ways a connection ends that publish the will. */
const losses: readonly (readonly [how: string, lose: (client: TestClient, b: Bench) => Promise<unknown>])[] = [
  ['the network is gone', (client) => client.drop()],
  ['the client hangs up without DISCONNECT', (client) => client.hangUp()],
  ['its keep alive runs out', (_, b) => b.host.advance(15_000)],
  ['it sends a malformed packet', (client) => client.raw(0x00, 0x00)],
  ['it sends a second CONNECT', (client) => client.raw(0x10, 0)],
  ['another connection takes its session over', (_, b) => b.connect({ clientId: 'c' })],
  ['the broker shuts down', (_, b) => b.broker.close()],
]

describe.each(versions)('the will of a client of version %i', (version) => {
  it.each(losses)('[MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT-3.1.2-22] is published when %s', async (_, lose) => {
    const b = await bench()
    const heard: string[] = []
    b.broker.tap('will', () => heard.push('will'))
    const client = await b.connect({ version, clientId: 'c', keepAlive: 10, will: will() })
    expect(heard).toEqual([])
    await lose(client, b)
    await b.host.settle()
    expect([heard, client.closed]).toEqual([['will'], true])
    await b.host.advance(100_000)
    // [MQTT-3.1.2-10]
    expect(heard).toEqual(['will'])
  })

  it('[MQTT-3.1.2-8] [MQTT-3.1.2-10] [MQTT-3.14.4-3] DISCONNECT drops it', async () => {
    const b = await bench()
    const sub = await watcher(b)
    const client = await b.connect({ version, clientId: 'c', will: will() })
    await client.disconnect()
    await b.host.advance(100_000)
    sub.expectNothing()
    expect(client.closed).toBe(true)
  })

  it.each([
    [0, false],
    [1, true],
    [2, false],
  ] as const)('[MQTT-3.1.2-14] [MQTT-3.1.2-15] comes with its QoS %i and retain %s', async (qos, retain) => {
    const b = await bench()
    const sub = await watcher(b)
    const client = await b.connect({ version, clientId: 'c', will: will(undefined, { qos, retain }) })
    await client.drop()
    const got = await sub.take('gone')
    expect([got.topic, got.qos, got.retain]).toEqual(['will', qos, retain])
    expect(b.broker.retained.get('will') !== undefined).toBe(retain)
  })
})

describe('the will of a 5.0 client', () => {
  const durable = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }

  it.each([
    [0x00, false],
    [0x04, true],
    [0x80, true],
    [0x93, true],
  ])('[MQTT-3.14.4-3] after DISCONNECT 0x%s: %s', async (reason, published) => {
    const b = await bench()
    const sub = await watcher(b)
    const client = await b.connect({ clientId: 'c', will: will() })
    await client.disconnect(reason)
    if (published) await sub.take('gone')
    sub.expectNothing()
  })

  it('[MQTT-3.1.3-10] [MQTT-3.1.2-9] has all its properties, in order', async () => {
    const b = await bench()
    const sub = await watcher(b)
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 30,
      contentType: 'text/plain',
      responseTopic: 'answer/here',
      correlationData: Uint8Array.of(0, 255),
      userProperties: [
        ['z', '1'],
        ['a', '2'],
        ['z', '3'],
      ] as const,
    }
    const client = await b.connect({ clientId: 'c', will: will(properties, { qos: 1 }) })
    // Its life begins when it is published.
    await b.host.advance(60_000)
    await client.drop()
    expect((await sub.take('gone')).properties).toEqual(properties)
  })

  it('[MQTT-3.1.2-8] waits for its delay', async () => {
    const b = await bench()
    const sub = await watcher(b)
    const client = await b.connect({ ...durable, will: will({ willDelayInterval: 10 }) })
    await client.drop()
    await b.host.advance(9999)
    sub.expectNothing()
    await b.host.advance(1)
    await sub.take('gone')
    expect(b.broker.sessions.get('c')).toBeDefined()
  })

  it('[MQTT-3.1.2-8] waits no longer than the session', async () => {
    const b = await bench()
    const sub = await watcher(b)
    const client = await b.connect({
      ...durable,
      properties: { sessionExpiryInterval: 5 },
      will: will({ willDelayInterval: 10 }),
    })
    await client.drop()
    await b.host.advance(4999)
    sub.expectNothing()
    await b.host.advance(1)
    await sub.take('gone')
    sub.expectNothing()
    const brief = await b.connect({ clientId: 'd', will: will({ willDelayInterval: 10 }) })
    await brief.drop()
    await sub.take('gone')
  })

  it('[MQTT-3.1.3-9] is not sent when the client is back within the delay', async () => {
    const b = await bench()
    const sub = await watcher(b)
    const first = await b.connect({ ...durable, will: will({ willDelayInterval: 10 }) })
    await first.drop()
    await b.host.advance(9000)
    await b.connect(durable)
    await b.host.advance(100_000)
    sub.expectNothing()
  })

  it('[MQTT-3.1.3-9] is not sent on a take-over within the delay', async () => {
    const b = await bench()
    const sub = await watcher(b)
    await b.connect({ ...durable, will: will({ willDelayInterval: 10 }) })
    await b.connect(durable)
    await b.host.advance(100_000)
    sub.expectNothing()
  })

  it('is sent at once when a clean start ends its session', async () => {
    const b = await bench()
    const sub = await watcher(b)
    const first = await b.connect({ ...durable, will: will({ willDelayInterval: 10 }) })
    await first.drop()
    await b.connect({ ...durable, cleanStart: true })
    await sub.take('gone')
    await b.connect({ ...durable, cleanStart: true, will: will({ willDelayInterval: 10 }) })
    sub.expectNothing()
    await b.connect({ ...durable, cleanStart: true })
    await sub.take('gone')
  })

  it('is forgotten by a CONNECT that has none', async () => {
    const b = await bench()
    const sub = await watcher(b)
    const first = await b.connect({ ...durable, will: will({ willDelayInterval: 10 }) })
    await first.drop()
    const second = await b.connect(durable)
    await second.drop()
    await b.host.advance(20_000)
    sub.expectNothing()
  })

  it('is due after a restart of the broker too', async () => {
    const b = await bench()
    await b.connect({ ...durable, will: will({ willDelayInterval: 10 }, { retain: true }) })
    const again = await b.restart()
    const sub = await watcher(again)
    await again.host.advance(9999)
    sub.expectNothing()
    await again.host.advance(1)
    await sub.take('gone')
  })

  it('DISCONNECT with a session expiry of 0 publishes what is left of it at once', async () => {
    const b = await bench()
    const sub = await watcher(b)
    const client = await b.connect({ ...durable, will: will({ willDelayInterval: 10 }) })
    await client.disconnect(0x04, { sessionExpiryInterval: 0 })
    await sub.take('gone')
    expect(b.broker.sessions.get('c')).toBeUndefined()
  })
})

describe('a will that may not be published', () => {
  it('is asked about when it is due, and dropped', async () => {
    let allowed = true
    const b = await bench({ guard: guardOf({ authorize: (_, action) => action === 'subscribe' || allowed }) })
    const sub = await watcher(b)
    const first = await b.connect({ clientId: 'c', will: will() })
    allowed = false
    await first.drop()
    sub.expectNothing()
    const second = await b.connect({ clientId: 'c', will: will() })
    allowed = true
    await second.drop()
    await sub.take('gone')
  })

  it("because its topic is the broker's own is dropped", async () => {
    const b = await bench()
    const heard: string[] = []
    b.broker.tap('$SYS/#', (m) => heard.push(m.topic))
    const sub = await b.connect()
    await sub.subscribe('$SYS/#')
    const client = await b.connect({
      clientId: 'c',
      will: will(undefined, { topic: '$SYS/broker/version', retain: true }),
    })
    await client.drop()
    sub.expectNothing()
    expect([heard, b.broker.retained.get('$SYS/broker/version')]).toEqual([[], undefined])
  })

  it.each([
    [4, []],
    [5, [0x20, 3, 0, 0x90, 0]],
  ] as const)('because its topic has a wildcard is refused with its CONNECT, version %i', async (version, answer) => {
    const b = await bench()
    const client = b.dial(version)
    await client.send(connectPacket({ version, clientId: 'c', will: will(undefined, { topic: 'a/#' }) }))
    expect([client.chunks.flatMap((c) => Array.from(c)), client.closed]).toEqual([answer, true])
  })

  it('nobody waits for costs nothing', async () => {
    const b = await bench()
    const client = await b.connect({ clientId: 'c', will: will() })
    await client.drop()
    const sub = await b.connect()
    await sub.subscribe('#')
    expect(sub.received.map((p) => p.type === PacketType.Publish && text(p))).toEqual([])
  })
})
