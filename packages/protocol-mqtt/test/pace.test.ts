import type { Limits } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import type { MqttOptions } from '../src/options.ts'
import { bench, connectPacket, gate, guardOf, publishPacket } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

/** A bench, a client that publishes, and the topics that came through. */
async function start(limits: Partial<Limits>, options: Partial<MqttOptions> = {}, version: ProtocolVersion = 5) {
  const b = await bench({ limits, mqtt: options })
  const heard: string[] = []
  b.broker.tap('#', (message) => heard.push(message.topic))
  return { b, heard, client: await b.connect({ version, clientId: 'c', keepAlive: 10 }) }
}

function flood(count: number, payload: string = '') {
  return Array.from({ length: count }, (_, i) => publishPacket(String(i), payload))
}

describe('a client that publishes too much', () => {
  it.each(versions)('is read at the rate, whatever came in one chunk, version %i', async (version) => {
    const { b, heard, client } = await start({ publishRate: 10 }, {}, version)
    client.write(...flood(30))
    await b.host.settle()
    // A second's worth, and the one that there was no more token for.
    expect(heard.length).toBe(11)
    await b.host.advance(99)
    expect(heard.length).toBe(11)
    await b.host.advance(1)
    expect(heard.length).toBe(12)
    await b.host.advance(1800)
    expect([heard, client.closed]).toEqual([Array.from({ length: 30 }, (_, i) => String(i)), false])
    await b.host.advance(2000)
    client.write(...flood(30))
    await b.host.settle()
    expect(heard.length).toBe(41)
  })

  it('is read at the rate of bytes, where a large message is paid for afterwards', async () => {
    const { b, heard, client } = await start({ publishByteRate: 100 })
    // Two bytes of fixed header, three of topic, one of properties.
    client.write(publishPacket('a', 'x'.repeat(94)), publishPacket('b', 'x'.repeat(294)), publishPacket('c', ''))
    await b.host.settle()
    expect(heard).toEqual(['a', 'b'])
    await b.host.advance(3009)
    expect(heard).toEqual(['a', 'b'])
    await b.host.advance(1)
    expect(heard).toEqual(['a', 'b', 'c'])
  })

  it('is not read meanwhile, gets all its answers in order, and is not silent', async () => {
    const { b, client } = await start({ publishRate: 1 })
    client.write(...[1, 2, 3, 4].map((packetId) => publishPacket('t', '', { qos: 1, packetId })))
    await client.send({ type: PacketType.Pingreq })
    const acknowledged = (): number[] => client.received.splice(0).map((p) => ('packetId' in p ? p.packetId : 0))
    expect(acknowledged()).toEqual([1, 2])
    await client.send({ type: PacketType.Pingreq })
    client.expectNothing()
    await b.host.advance(1000)
    expect(acknowledged()).toEqual([3])
    await b.host.advance(2000)
    expect([acknowledged(), client.closed]).toEqual([[4, 0, 0], false])
  })

  it('holds nobody else up', async () => {
    const { b, heard, client } = await start({ publishRate: 1 })
    client.write(...flood(5))
    const other = await b.connect({ clientId: 'other' })
    await other.publish('other', '')
    expect(heard).toEqual(['0', '1', 'other'])
  })

  it.each(versions)(
    'is disconnected with 0x96 in 5.0, and without a word in 3.x, if so configured, version %i',
    async (version) => {
      const { b, heard, client } = await start({ publishRate: 2 }, { overRate: 'disconnect' }, version)
      client.write(...flood(2))
      await b.host.advance(500)
      client.write(...flood(1))
      await b.host.settle()
      expect([heard.length, client.closed]).toEqual([3, false])
      client.write(...flood(1))
      await b.host.settle()
      if (version === 5) expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x96)
      client.expectNothing()
      expect([heard.length, client.closed]).toEqual([3, true])
    },
  )

  it('leaves no timer behind when its last message was one too many in another way', async () => {
    const { b, client } = await start({ publishRate: 1 })
    const properties = { topicAlias: 1000 }
    client.write(...flood(1), publishPacket('t', '', { properties }))
    await b.host.settle()
    expect([client.expect(PacketType.Disconnect).reasonCode, b.host.clock.pending]).toEqual([0x94, 0])
  })

  it('leaves no timer behind when it goes meanwhile', async () => {
    const { b, client } = await start({ publishRate: 1 })
    client.write(...flood(5))
    await b.host.settle()
    const pending = b.host.clock.pending
    await client.drop()
    expect([pending, b.host.clock.pending, b.broker.sessions.size]).toEqual([2, 0, 0])
  })

  it('waits for the guard as well as for its turn', async () => {
    const thoughts = gate()
    const { open } = thoughts
    const b = await bench({
      limits: { publishRate: 1 },
      guard: guardOf({ authorize: () => thoughts.wait().then(() => true) }),
    })
    const heard: string[] = []
    b.broker.tap('#', (message) => heard.push(message.topic))
    const client = await b.connect()
    client.write(...flood(3))
    await b.host.settle()
    open()
    await b.host.settle()
    // The turn is over before the guard has thought, and then the other way round.
    await b.host.advance(1000)
    expect([heard, thoughts.waiting]).toEqual([['0'], 1])
    open()
    await b.host.settle()
    expect([heard, thoughts.waiting]).toEqual([['0', '1'], 1])
    open()
    await b.host.settle()
    expect(heard).toEqual(['0', '1', '2'])
  })

  it('is over while the guard thinks: nothing is left', async () => {
    const { wait, open } = gate()
    const b = await bench({ limits: { publishRate: 1 }, guard: guardOf({ authorize: () => wait().then(() => true) }) })
    const client = await b.connect()
    client.write(...flood(2))
    await b.host.settle()
    open()
    await b.host.settle()
    await client.drop()
    open()
    await b.host.settle()
    expect([b.host.clock.pending, b.broker.connections.size]).toEqual([0, 0])
  })

  it('counts what is refused', async () => {
    const b = await bench({ limits: { publishRate: 1, topicLevels: 1 } })
    const client = b.dial()
    const packets = [1, 2, 3].map((packetId) => publishPacket('a/b', '', { qos: 1, packetId }))
    await client.send(connectPacket(), ...packets)
    const codes = (): number[] => client.received.splice(0).map((p) => ('reasonCode' in p ? p.reasonCode : -1))
    expect(codes()).toEqual([0, 0x90, 0x90])
    await b.host.advance(1000)
    expect(codes()).toEqual([0x90])
  })
})
