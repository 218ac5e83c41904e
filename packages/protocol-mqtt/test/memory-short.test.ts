import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { type Bench, bench, type TestClient } from './harness.ts'

async function shortBench(): Promise<{ b: Bench; use: (bytes: number) => Promise<void>; sub: TestClient }> {
  let bytes = 0
  const b = await bench({ limits: { memory: 100 }, memory: () => bytes })
  const sub = await b.connect({ clientId: 'sub' })
  await sub.subscribe('#', { qos: 1 })
  const use = async (now: number): Promise<void> => {
    bytes = now
    await b.host.advance(250)
  }
  return { b, use, sub }
}

describe('while memory is short', () => {
  it.each<[ProtocolVersion, number]>([
    [3, 3],
    [4, 3],
    [5, 0x97],
  ])('whoever comes in version %i is refused, and whoever is here stays', async (version, code) => {
    const { b, use, sub } = await shortBench()
    await use(100)
    const connack = await b.dial(version).login({ clientId: 'new' })
    expect(connack.reasonCode).toBe(code)
    expect(sub.closed).toBe(false)
    await use(80)
    expect((await b.dial(version).login({ clientId: 'new' })).reasonCode).toBe(0)
  })

  it('QoS 0 is dropped and counted, what is promised goes on, and nothing new is retained', async () => {
    const { b, use, sub } = await shortBench()
    const client = await b.connect({ clientId: 'c' })
    await client.publish('kept', 'old', { qos: 1, retain: true })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0)
    await sub.take('old')
    await use(150)
    await client.publish('a', 'lost')
    await client.publish('a', 'promised', { qos: 1 })
    // Each time it is read it waits for a moment.
    await b.host.advance(1000)
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0)
    await sub.take('promised')
    await client.publish('new', 'x', { qos: 1, retain: true })
    await b.host.advance(1000)
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0x97)
    await client.publish('kept', 'newer', { qos: 1, retain: true })
    await b.host.advance(1000)
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0)
    await sub.take('newer')
    sub.expectNothing()
    expect(b.broker.counters.drops['memory-short']).toBe(1)
    await use(10)
    await client.publish('a', 'heard')
    await sub.take('heard')
  })

  it('those who watch are told, once each way', async () => {
    const { b, use } = await shortBench()
    const told: unknown[] = []
    b.broker.watch((event) => event.type.startsWith('memory') && told.push(event))
    await use(120)
    const since = b.host.clock.now()
    expect(b.broker.memoryShortSince).toBe(since)
    await use(130)
    await use(50)
    expect(told).toEqual([
      { type: 'memory-short', bytes: 120, limit: 100 },
      { type: 'memory-recovered', since },
    ])
    expect(b.broker.memoryShortSince).toBeUndefined()
  })
})
