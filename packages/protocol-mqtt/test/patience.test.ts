import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { encode } from '../src/codec/encoder.ts'
import { bench, connectPacket, gate, guardOf } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

describe('keep alive', () => {
  it.each(versions)(
    '[MQTT-3.1.2-22] [MQTT-3.1.2-24 of 3.1.1] after one and a half times it the connection ends, version %i',
    async (version) => {
      const b = await bench()
      const client = await b.connect({ version, clientId: 'c', keepAlive: 10 })
      await b.host.advance(14_999)
      expect(client.closed).toBe(false)
      await b.host.advance(1)
      if (version === 5) expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x8d)
      client.expectNothing()
      expect([client.closed, b.host.clock.pending]).toEqual([true, 0])
    },
  )

  it('any packet starts it anew', async () => {
    const b = await bench()
    const client = await b.connect({ clientId: 'c', keepAlive: 10 })
    for (let i = 0; i < 4; i++) {
      await b.host.advance(14_000)
      if (i % 2 === 0) await client.send({ type: PacketType.Pingreq })
      else await client.publish('t', '')
    }
    await b.host.advance(14_999)
    expect(client.closed).toBe(false)
    await b.host.advance(1)
    expect(client.closed).toBe(true)
  })

  it('what the broker sends does not, nor do bytes of a packet that is not whole', async () => {
    const b = await bench()
    const client = await b.connect({ clientId: 'c', keepAlive: 10 })
    await client.subscribe('t')
    const pub = await b.connect()
    await b.host.advance(10_000)
    await pub.publish('t', 'x')
    await client.raw(0x30, 100)
    await b.host.advance(5000)
    expect(client.closed).toBe(true)
  })

  it('of 0 never ends', async () => {
    const b = await bench()
    const client = await b.connect({ clientId: 'c', keepAlive: 0 })
    await b.host.advance(365 * 24 * 3600 * 1000)
    expect([client.closed, b.host.clock.pending]).toEqual([false, 0])
  })

  it('[MQTT-3.2.2-21] is the one the server gave', async () => {
    const b = await bench({ mqtt: { maxKeepAlive: 20 } })
    const client = await b.connect({ clientId: 'c', keepAlive: 0 })
    await b.host.advance(29_999)
    expect(client.closed).toBe(false)
    await b.host.advance(1)
    expect(client.closed).toBe(true)
  })

  it('counts from the answer of a slow guard, and stands still while we do not read', async () => {
    const { wait, open } = gate()
    const guard = guardOf({
      authenticate: ({ clientId }) => wait().then(() => ({ clientId })),
      authorize: () => wait().then(() => true),
    })
    const b = await bench({ guard })
    const client = b.dial()
    await client.send(connectPacket({ clientId: 'c', keepAlive: 2 }))
    await b.host.advance(8000)
    open()
    await b.host.advance(2999)
    expect(client.closed).toBe(false)
    await client.publish('t', '', { qos: 1 })
    await b.host.advance(60_000)
    expect(client.closed).toBe(false)
    open()
    await b.host.advance(2999)
    expect(client.closed).toBe(false)
    await b.host.advance(1)
    expect(client.closed).toBe(true)
  })
})

describe('the time for CONNECT', () => {
  it('is 10 s in all, without a byte sent', async () => {
    const b = await bench()
    const client = b.dial()
    await b.host.advance(9999)
    expect(client.closed).toBe(false)
    await b.host.advance(1)
    expect([client.closed, client.chunks.length, b.host.clock.pending]).toEqual([true, 0, 0])
  })

  it('does not grow when bytes drip', async () => {
    const b = await bench()
    const client = b.dial()
    const bytes = encode(connectPacket({ clientId: 'a-long-identifier' }), 5)
    for (const byte of bytes.subarray(0, 10)) {
      await client.raw(byte)
      await b.host.advance(1000)
    }
    expect(client.closed).toBe(true)
  })

  it('runs from when the peer was accepted', async () => {
    const b = await bench()
    const client = b.dial(5, { acceptedAt: b.host.clock.now() - 9000 })
    await b.host.advance(999)
    expect(client.closed).toBe(false)
    await b.host.advance(1)
    expect(client.closed).toBe(true)
    const late = b.dial(5, { acceptedAt: b.host.clock.now() - 60_000 })
    await b.host.advance(0)
    expect(late.closed).toBe(true)
  })

  it('is over with CONNECT', async () => {
    const b = await bench()
    const client = await b.connect()
    await b.host.advance(60_000)
    expect(client.closed).toBe(false)
  })

  it('bounds a guard that does not answer', async () => {
    const b = await bench({ guard: guardOf({ authenticate: () => new Promise(() => {}) }) })
    const client = b.dial()
    await client.send(connectPacket())
    await b.host.advance(10_000)
    expect([client.closed, b.host.clock.pending]).toEqual([true, 0])
  })

  it('a peer that is gone before it is forgotten', async () => {
    const b = await bench()
    const client = b.dial()
    await b.host.settle()
    await client.drop()
    expect(b.host.clock.pending).toBe(0)
  })

  it('those who watch are told', async () => {
    const b = await bench()
    const told: string[] = []
    b.broker.watch((event) => event.type === 'refused' && told.push(event.detail))
    b.dial()
    await b.host.advance(10_000)
    expect(told).toEqual(['not logged in in time'])
  })
})
