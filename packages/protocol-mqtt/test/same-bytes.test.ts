import { describe, expect, it } from 'vitest'
import type { ProtocolVersion, Publish } from '../src/codec/packet.ts'
import { bench, publishPacket, type TestClient, text } from './harness.ts'

/** What a client got, in short. */
function taken({ received }: TestClient): unknown[] {
  return received
    .splice(0)
    .map((packet) => packet as Publish)
    .map((p) => [text(p), p.qos, p.packetId, p.dup, p.retain])
}

// The first to get a message of QoS 1 or 2 gets the bytes it came in, all others copies: nobody must see the difference.
describe.each<ProtocolVersion>([4, 5])('a message that goes out in the bytes it came in, version %i', (version) => {
  it('[MQTT-3.3.1-3] has the packet identifier, QoS, DUP and RETAIN of each receiver', async () => {
    const b = await bench()
    const first = await b.connect({ version, clientId: 'first' })
    const second = await b.connect({ version, clientId: 'second' })
    const other = await b.connect({ version: version === 4 ? 5 : 4, clientId: 'other' })
    const low = await b.connect({ version, clientId: 'low' })
    const lowest = await b.connect({ version, clientId: 'lowest' })
    await second.subscribe('elsewhere', { qos: 1 })
    for (const client of [first, second, other]) await client.subscribe('t', { qos: 2 })
    await low.subscribe('t', { qos: 1 })
    await lowest.subscribe('t')
    const publisher = await b.connect({ version })
    await publisher.publish('elsewhere', 'shifts the tags of the second', { qos: 1, packetId: 9 })
    for (const each of [second, publisher]) each.received.splice(0)
    const options = { qos: 2, dup: true, retain: true } as const
    await publisher.send(...[7, 8].map((packetId) => publishPacket('t', `from ${packetId}`, { ...options, packetId })))
    const seen = (qos: number, from: number): unknown[] =>
      [7, 8].map((id, i) => [`from ${id}`, qos, qos === 0 ? 0 : from + i, false, false])
    expect(taken(first)).toEqual(seen(2, 1))
    expect(taken(second)).toEqual(seen(2, 2))
    expect(taken(other)).toEqual(seen(2, 1))
    expect(taken(low)).toEqual(seen(1, 1))
    expect(taken(lowest)).toEqual(seen(0, 0))
  })

  it('[MQTT-3.3.1-1] [MQTT-4.4.0-1] is sent again with DUP under its identifier, also when others have got it meanwhile', async () => {
    const b = await bench()
    const connect = {
      version,
      cleanStart: false,
      properties: version === 5 ? { sessionExpiryInterval: 100 } : undefined,
    }
    const a = await b.connect({ ...connect, clientId: 'a' })
    const c = await b.connect({ ...connect, clientId: 'c' })
    for (const client of [a, c]) await client.subscribe('t', { qos: 1 })
    const publisher = await b.connect({ version })
    for (const packetId of [1, 2, 3]) await publisher.publish('t', `m${packetId}`, { qos: 1, packetId })
    const fresh = taken(a)
    expect(taken(c)).toEqual(fresh)
    expect(fresh.map((each) => (each as unknown[])[3])).toEqual([false, false, false])
    await a.drop()
    const again = await b.connect({ ...connect, clientId: 'a' })
    const repeated = fresh.map((each) => (each as unknown[]).map((value, i) => (i === 3 ? true : value)))
    expect(taken(again)).toEqual(repeated)
    expect(again.received).toEqual([])
  })
})
