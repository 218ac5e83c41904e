import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { bench, text } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]
const durable = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }

describe('take-over', () => {
  it.each(versions)('[MQTT-3.1.4-3] [MQTT-3.1.4-2 of 3.1.1] ends the old connection, version %i', async (version) => {
    const b = await bench()
    const old = await b.connect({ version, clientId: 'c' })
    const fresh = await b.connect({ version: 4, clientId: 'c' })
    if (version === 5) expect(old.expect(PacketType.Disconnect).reasonCode).toBe(0x8e)
    old.expectNothing()
    expect([old.closed, fresh.closed, b.broker.sessions.size, b.broker.sessions.connected]).toEqual([true, false, 1, 1])
    await fresh.send({ type: PacketType.Pingreq })
    fresh.expect(PacketType.Pingresp)
  })

  it('keeps the session: what was under way goes on over the new connection', async () => {
    const b = await bench()
    const old = await b.connect(durable)
    await old.subscribe('t', { qos: 2 })
    const pub = await b.connect()
    await pub.publish('t', 'one', { qos: 1 })
    const first = old.expect(PacketType.Publish)
    const fresh = await b.connect(durable)
    expect(fresh.connack.sessionPresent).toBe(true)
    const again = fresh.expect(PacketType.Publish)
    expect([text(again), again.dup, again.packetId]).toEqual(['one', true, first.packetId])
  })

  it('[MQTT-3.1.2-4] [MQTT-3.2.2-2] with Clean Start 1 drops all of the old session', async () => {
    const b = await bench()
    const old = await b.connect(durable)
    await old.subscribe('t', { qos: 1 })
    const fresh = await b.connect({ ...durable, cleanStart: true })
    expect(fresh.connack.sessionPresent).toBe(false)
    const pub = await b.connect()
    await pub.publish('t', 'one', { qos: 1 })
    fresh.expectNothing()
  })

  it('[MQTT-3.1.2-6 of 3.1.1] a clean session that is taken over is not carried on', async () => {
    const b = await bench()
    const old = await b.connect({ version: 4, clientId: 'c', cleanStart: true })
    await old.subscribe('t')
    const fresh = await b.connect({ version: 4, clientId: 'c', cleanStart: false })
    expect(fresh.connack.sessionPresent).toBe(false)
    const pub = await b.connect()
    await pub.publish('t', 'one')
    fresh.expectNothing()
  })

  it('[MQTT-4.1.0-2] a session that ends with its connection is not carried on by a take-over', async () => {
    const b = await bench()
    const old = await b.connect({ clientId: 'c' })
    await old.subscribe('t')
    const fresh = await b.connect(durable)
    expect(fresh.connack.sessionPresent).toBe(false)
  })

  it('of a client that is in the middle of a take-over leaves one connection', async () => {
    const b = await bench()
    const all = []
    for (let i = 0; i < 5; i++) all.push(await b.connect(durable))
    expect(all.map((client) => client.closed)).toEqual([true, true, true, true, false])
    expect(b.broker.sessions.connected).toBe(1)
    await all[4]!.drop()
    expect([b.broker.sessions.connected, b.broker.sessions.size]).toEqual([0, 1])
  })
})

describe('session present', () => {
  it.each([4, 5] as const)(
    '[MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.2.2-3] [MQTT-3.1.3-2] tells whether there was a session, version %i',
    async (version) => {
      const b = await bench()
      const connect = { ...durable, version }
      const first = await b.connect(connect)
      await first.drop()
      const second = await b.connect(connect)
      await second.drop()
      const other = await b.connect({ ...connect, clientId: 'other' })
      expect([first, second, other].map((c) => c.connack.sessionPresent)).toEqual([false, true, false])
    },
  )

  it('is not said to a client of 3.1, whose CONNACK has no such bit', async () => {
    const b = await bench()
    const connect = { version: 3, clientId: 'c', cleanStart: false } as const
    await (await b.connect(connect)).drop()
    const again = await b.connect(connect)
    expect([again.connack.sessionPresent, b.broker.sessions.size]).toEqual([false, 1])
  })

  it('[MQTT-3.1.4-4] [MQTT-3.1.2-4] Clean Start 1 drops the session of a client that is away', async () => {
    const b = await bench()
    const first = await b.connect(durable)
    await first.subscribe('t', { qos: 1 })
    await first.drop()
    const clean = await b.connect({ ...durable, cleanStart: true })
    await clean.drop()
    const pub = await b.connect()
    await pub.publish('t', 'one', { qos: 1 })
    const last = await b.connect(durable)
    expect(last.connack.sessionPresent).toBe(true)
    last.expectNothing()
  })

  it('[MQTT-3.1.2-23] a publisher without subscriptions has a session too', async () => {
    const b = await bench()
    await (await b.connect(durable)).drop()
    const restarted = await b.restart()
    expect((await restarted.connect(durable)).connack.sessionPresent).toBe(true)
  })
})
