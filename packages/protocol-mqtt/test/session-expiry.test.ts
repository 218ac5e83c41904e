import { describe, expect, it } from 'vitest'
import { PacketType } from '../src/codec/packet.ts'
import { type Bench, bench } from './harness.ts'

function connect(sessionExpiryInterval?: number): object {
  return { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval } }
}

function alive(b: Bench): boolean {
  return b.broker.sessions.get('c') !== undefined
}

describe('session expiry', () => {
  it.each([undefined, 0])('[MQTT-4.1.0-2] %s: the session ends with the connection', async (expiry) => {
    const b = await bench()
    const client = await b.connect(connect(expiry))
    await client.subscribe('t', { qos: 1 })
    await client.drop()
    expect(alive(b)).toBe(false)
    const again = await b.connect(connect(expiry))
    expect(again.connack.sessionPresent).toBe(false)
  })

  it('[MQTT-3.1.2-23] [MQTT-4.1.0-2] n: it ends n seconds after the connection', async () => {
    const b = await bench()
    const client = await b.connect(connect(10))
    // [MQTT-4.1.0-1]
    await b.host.advance(100_000)
    expect(alive(b)).toBe(true)
    await client.drop()
    await b.host.advance(9999)
    expect(alive(b)).toBe(true)
    await b.host.advance(1)
    expect(alive(b)).toBe(false)
  })

  it('0xFFFFFFFF: it does not end', async () => {
    const b = await bench()
    const client = await b.connect(connect(0xffffffff))
    await client.drop()
    await b.host.advance(200 * 365 * 24 * 3600 * 1000)
    const again = await b.connect(connect(0xffffffff))
    expect(again.connack.sessionPresent).toBe(true)
  })

  it('of 3.1.1: a session that is not clean does not end, a clean one does with its connection', async () => {
    const b = await bench()
    for (const cleanStart of [false, true]) {
      const client = await b.connect({ version: 4, clientId: 'c', cleanStart })
      await client.disconnect()
      await b.host.advance(365 * 24 * 3600 * 1000)
      expect(alive(b)).toBe(!cleanStart)
    }
  })

  it('a new CONNECT sets it anew', async () => {
    const b = await bench()
    await (await b.connect(connect(10))).drop()
    await b.host.advance(9000)
    const second = await b.connect(connect(20))
    await b.host.advance(50_000)
    await second.drop()
    await b.host.advance(19_999)
    expect(alive(b)).toBe(true)
    await b.host.advance(1)
    expect(alive(b)).toBe(false)
    expect(b.host.clock.pending).toBe(0)
  })

  it.each([
    [100, 5, 5],
    [5, 100, 100],
    [100, 0, 0],
  ])('in CONNECT %i, changed by DISCONNECT to %i', async (first, changed, seconds) => {
    const b = await bench()
    const client = await b.connect(connect(first))
    await client.disconnect(0, { sessionExpiryInterval: changed })
    expect([client.closed, alive(b)]).toEqual([true, seconds > 0])
    if (seconds === 0) return
    await b.host.advance(seconds * 1000 - 1)
    expect(alive(b)).toBe(true)
    await b.host.advance(1)
    expect(alive(b)).toBe(false)
  })

  it('changed by DISCONNECT to never', async () => {
    const b = await bench()
    const client = await b.connect(connect(1))
    await client.disconnect(0, { sessionExpiryInterval: 0xffffffff })
    await b.host.advance(200 * 365 * 24 * 3600 * 1000)
    expect(alive(b)).toBe(true)
  })

  it.each([undefined, 0])('raised from %s by DISCONNECT is a protocol error', async (expiry) => {
    const b = await bench()
    const client = await b.connect(connect(expiry))
    await client.disconnect(0, { sessionExpiryInterval: 1 })
    expect([client.expect(PacketType.Disconnect).reasonCode, client.closed, alive(b)]).toEqual([0x82, true, false])
    const other = await b.connect(connect(expiry))
    await other.disconnect(0, { sessionExpiryInterval: 0 })
    other.expectNothing()
  })

  it('raised by DISCONNECT within the limit of the broker, which had made it 0, is no error', async () => {
    const b = await bench({ limits: { sessionExpiry: 0 } })
    const client = await b.connect(connect(60))
    expect(client.connack.properties?.sessionExpiryInterval).toBe(0)
    await client.disconnect(0, { sessionExpiryInterval: 60 })
    client.expectNothing()
    expect([client.closed, alive(b)]).toEqual([true, false])
  })

  it('is capped by the limit of the broker, in CONNECT and in DISCONNECT', async () => {
    const b = await bench({ limits: { sessionExpiry: 10_000 } })
    for (const end of [undefined, 0xffffffff]) {
      const client = await b.connect(connect(0xffffffff))
      await client.disconnect(0, end === undefined ? undefined : { sessionExpiryInterval: end })
      await b.host.advance(9999)
      expect(alive(b)).toBe(true)
      await b.host.advance(1)
      expect(alive(b)).toBe(false)
    }
  })

  it('goes on counting over a restart of the broker', async () => {
    const b = await bench()
    await (await b.connect(connect(10))).drop()
    await b.host.advance(6000)
    const again = await b.restart()
    await again.host.advance(3999)
    expect(alive(again)).toBe(true)
    await again.host.advance(1)
    expect(alive(again)).toBe(false)
  })
})
