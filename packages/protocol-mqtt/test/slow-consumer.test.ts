import { describe, expect, it } from 'vitest'
import { PacketType } from '../src/codec/packet.ts'
import { type Bench, bench, publishPacket, request, type TestClient, text } from './harness.ts'

const kilobyte = 'x'.repeat(1000)
const mqtt = { unsentPause: 100_000, unsentLimit: 200_000 }

/** Publishes this many kilobytes in chunks of ten, letting time pass where the publisher is held back. */
async function flood(b: Bench, pub: TestClient, kilobytes: number, qos: 0 | 1 = 0): Promise<void> {
  for (let i = 0; i < kilobytes; i += 10) {
    const packets = Array.from({ length: 10 }, (_, j) =>
      publishPacket('t', `${i + j} ${kilobyte}`, { qos, packetId: qos === 0 ? 0 : i + j + 1 }),
    )
    pub.write(...packets)
    await b.host.advance(60)
  }
}

function numbers(client: TestClient): number[] {
  return client.received.flatMap((p) => (p.type === PacketType.Publish ? [Number.parseInt(text(p), 10)] : []))
}

describe('a reader that does not read', () => {
  it('loses QoS 0 beyond its limit, in memory that is bounded; the others lose nothing', async () => {
    const b = await bench({ mqtt })
    const dropped: string[] = []
    let lost = 0
    b.broker.watch((e) => {
      if (e.type !== 'dropped') return
      dropped.push(`${e.session} ${e.reason}`)
      lost += e.count
    })
    const [slow, well] = [await b.connect({ clientId: 'slow' }), await b.connect({ clientId: 'well' })]
    for (const client of [slow, well]) await client.subscribe('t')
    const pub = await b.connect()
    slow.pause()
    await flood(b, pub, 1000)
    expect(numbers(well)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
    expect(new Set(dropped)).toEqual(new Set(['slow slow-consumer']))
    // The limit, what one turn gathers before it is flushed, and one message.
    expect(slow.unread).toBeLessThan(200_000 + 65_536 + 2000)
    await slow.resume()
    const got = numbers(slow)
    expect(got).toEqual(Array.from({ length: got.length }, (_, i) => i))
    expect(got.length + lost).toBe(1000)
    expect(b.broker.counters.dropped).toBe(lost)
  })

  it('gets QoS 0 again once it reads', async () => {
    const b = await bench({ mqtt })
    const slow = await b.connect({ clientId: 'slow' })
    await slow.subscribe('t')
    const pub = await b.connect()
    slow.pause()
    await flood(b, pub, 400)
    await slow.resume()
    slow.received.length = 0
    await pub.publish('t', 'again')
    expect(slow.received.map((p) => p.type === PacketType.Publish && text(p))).toEqual(['again'])
  })

  it('loses no QoS 1, and gets it in order', async () => {
    const b = await bench({ mqtt })
    const slow = await b.connect({ clientId: 'slow', properties: { receiveMaximum: 1000 } })
    await slow.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    slow.pause()
    await flood(b, pub, 500, 1)
    expect(pub.received.filter((p) => p.type === PacketType.Puback).length).toBe(500)
    await slow.resume()
    const got: number[] = []
    while (slow.received.length > 0) {
      const p = slow.expect(PacketType.Publish)
      got.push(Number.parseInt(text(p), 10))
      await slow.ack(PacketType.Puback, p.packetId)
    }
    expect(got).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })

  it('holds its publisher back, for the grace and no longer', async () => {
    const b = await bench({ mqtt, grace: 50 })
    const slow = await b.connect({ clientId: 'slow' })
    await slow.subscribe('t')
    const pub = await b.connect()
    slow.pause()
    // In one chunk, so that it is read in one turn.
    pub.write(...Array.from({ length: 150 }, () => publishPacket('t', kilobyte)))
    await b.host.settle()
    await pub.send({ type: PacketType.Pingreq })
    await pub.send({ type: PacketType.Pingreq })
    const before = pub.received.length
    await b.host.advance(50)
    expect([before, pub.received.length]).toEqual([0, 2])
    await pub.send({ type: PacketType.Pingreq })
    expect(pub.received.length).toBe(3)
  })
})

describe('a peer that takes nothing', () => {
  const limits = { ...mqtt, stallTimeout: 30_000 }

  it.each([
    ['little', 80],
    ['much', 400],
  ])('is cut off after the stall timeout, with %s unsent, though it asks nothing', async (_, kilobytes) => {
    const b = await bench({ mqtt: limits })
    const told: string[] = []
    b.broker.watch((e) => e.type === 'refused' && told.push(e.detail))
    const slow = await b.connect({ clientId: 'slow' })
    await slow.subscribe('t')
    const pub = await b.connect()
    slow.pause()
    const start = b.host.clock.now()
    await flood(b, pub, kilobytes)
    await b.host.advance(30_000 - 1 - (b.host.clock.now() - start))
    expect(b.broker.sessions.get('slow')?.consumer).toBeDefined()
    await b.host.advance(2000)
    expect([b.broker.sessions.get('slow'), told.length]).toEqual([undefined, 1])
    await slow.resume()
    expect(slow.closed).toBe(true)
    await pub.drop()
    expect(b.host.clock.pending).toBe(0)
  })

  it('is left alone as long as it takes something now and then', async () => {
    const b = await bench({ mqtt: limits, link: { highWaterMark: 10_000 } })
    const slow = await b.connect({ clientId: 'slow' })
    await slow.subscribe('t')
    const pub = await b.connect()
    for (let i = 0; i < 5; i++) {
      slow.pause()
      await flood(b, pub, 20)
      await b.host.advance(25_000)
      await slow.resume()
    }
    expect(b.broker.sessions.get('slow')?.consumer).toBeDefined()
    expect(numbers(slow).length).toBe(100)
  })

  it('is left alone while it takes little by little, and cut off once it takes nothing', async () => {
    const b = await bench({ mqtt: limits, link: { highWaterMark: 10_000, split: 1000 } })
    const slow = await b.connect({ clientId: 'slow' })
    await slow.subscribe('t')
    const pub = await b.connect()
    slow.pause()
    await flood(b, pub, 60)
    for (let i = 0; i < 5; i++) {
      await b.host.advance(25_000)
      const before = slow.unread
      await slow.sip(2)
      expect(slow.unread).toBeLessThan(before)
    }
    expect(b.broker.sessions.get('slow')?.consumer).toBeDefined()
    // Never did it fall so low that the connection drained.
    expect(slow.unread).toBeGreaterThan(10_000)
    await b.host.advance(60_000)
    expect(b.broker.sessions.get('slow')).toBeUndefined()
  })

  it('asks nothing more while it does not take its answers', async () => {
    const b = await bench({
      mqtt: { unsentPause: 1000, unsentLimit: 2000, stallTimeout: 30_000 },
      link: { highWaterMark: 1000 },
    })
    const client = await b.connect({ version: 4, clientId: 'c' })
    client.pause()
    const asked = 20_000
    for (let i = 0; i < asked; i += 1000) {
      client.write(...Array.from({ length: 1000 }, () => ({ type: PacketType.Pingreq })))
      await b.host.settle()
    }
    // The chunk that made it wait and the one in whose turn that showed: all the other questions have not been read.
    expect(client.unread).toBeLessThanOrEqual(2000 + 2000)
    await client.resume()
    expect(client.received.filter((p) => p.type === PacketType.Pingresp).length).toBe(asked)
  })

  it('a taken-over connection that does not read does not keep its timers', async () => {
    const b = await bench({ mqtt: limits })
    const slow = await b.connect({ clientId: 'slow' })
    await slow.subscribe('t')
    const pub = await b.connect()
    slow.pause()
    await flood(b, pub, 100)
    await b.connect({ clientId: 'slow' })
    await b.host.advance(100)
    expect(b.host.clock.pending).toBe(0)
  })

  it('nor does one whose farewell is not taken', async () => {
    const b = await bench({ mqtt: limits, link: { highWaterMark: 1000 } })
    const slow = await b.connect({ clientId: 'slow' })
    await slow.subscribe('t')
    slow.pause()
    const pub = await b.connect()
    // Up to here the connection takes it all; the DISCONNECT is what fills it.
    await pub.publish('t', 'x'.repeat(980))
    expect([slow.unread, b.host.clock.pending]).toEqual([987, 0])
    await slow.raw(0, 0)
    expect(b.host.clock.pending).toBe(0)
    await slow.resume()
    expect([slow.received.at(-1)?.type, slow.closed]).toEqual([PacketType.Disconnect, true])
  })
})

describe('a SUBSCRIBE', () => {
  it('of a reader that is behind is answered when it reads, retained messages behind it', async () => {
    const b = await bench({ mqtt })
    const pub = await b.connect()
    await pub.publish('r', 'kept', { retain: true })
    const slow = await b.connect({ clientId: 'slow' })
    await slow.subscribe('t')
    slow.pause()
    await flood(b, pub, 300)
    await slow.send({ type: PacketType.Subscribe, packetId: 9, filters: [request('r')] })
    await slow.resume()
    const last = slow.received.slice(-2)
    expect(last.map((p) => p.type)).toEqual([PacketType.Suback, PacketType.Publish])
  })
})
