import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { bench, connectPacket, gate, guardOf, publishPacket, type TestClient } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

/** What ends a connection, and the reason 5.0 is told. */
const faults: readonly (readonly [what: string, bytes: readonly number[], reason: number, versions: string])[] = [
  ['[MQTT-2.1.3-1] reserved flags of a PINGREQ', [0xc1, 0], 0x81, '345'],
  ['[MQTT-3.6.1-1] PUBREL without its flags', [0x60, 2, 0, 1], 0x81, '345'],
  ['[MQTT-3.8.1-1] SUBSCRIBE without its flags', [0x80, 2, 0, 1], 0x81, '345'],
  ['[MQTT-3.10.1-1] UNSUBSCRIBE without its flags', [0xa0, 2, 0, 1], 0x81, '345'],
  ['[MQTT-3.14.1-1] DISCONNECT with flags', [0xe1, 0], 0x81, '345'],
  ['[MQTT-3.15.1-1] AUTH with flags', [0xf1, 0], 0x81, '5'],
  ['[MQTT-3.3.1-4] QoS 3', [0x36, 5, 0, 1, 0x74, 0, 1], 0x81, '345'],
  ['[MQTT-3.3.1-2] DUP with QoS 0', [0x38, 3, 0, 1, 0x74], 0x81, '345'],
  ['[MQTT-1.5.5-1] a length of five bytes', [0x30, 0xff, 0xff, 0xff, 0xff, 1], 0x81, '345'],
  ['a frame of type 0', [0x00, 0], 0x81, '345'],
  ['AUTH before 5.0', [0xf0, 0], 0x81, '34'],
  ['[MQTT-3.1.0-2] a second CONNECT', [0x10, 0], 0x82, '345'],
  ['a CONNACK', [0x20, 2, 0, 0], 0x82, '345'],
  ['a SUBACK', [0x90, 3, 0, 1, 0], 0x82, '345'],
  ['an UNSUBACK', [0xb0, 2, 0, 1], 0x82, '345'],
  ['a PINGRESP', [0xd0, 0], 0x82, '345'],
  ['[MQTT-2.2.1-3] packet identifier 0', [0x32, 5, 0, 1, 0x74, 0, 0], 0x82, '345'],
  ['[MQTT-3.8.3-2] SUBSCRIBE without a filter', [0x82, 3, 0, 1, 0], 0x82, '5'],
  ['[MQTT-3.8.3-3 of 3.1.1] SUBSCRIBE without a filter', [0x82, 2, 0, 1], 0x82, '34'],
  ['[MQTT-3.10.3-2] UNSUBSCRIBE without a filter', [0xa2, 3, 0, 1, 0], 0x82, '5'],
  ['[MQTT-4.12.0-7] AUTH where CONNECT had no method', [0xf0, 5, 0x19, 3, 0x15, 0, 0], 0x82, '5'],
  ['[MQTT-3.3.2-2] [MQTT-4.7.0-1] a wildcard in a topic', [0x30, 4, 0, 1, 0x23, 0], 0x90, '5'],
  ['[MQTT-3.3.2-2] [MQTT-4.7.1-1 of 3.1.1] a wildcard in a topic', [0x30, 3, 0, 1, 0x2b], 0x81, '34'],
  ['[MQTT-4.7.3-1] an empty topic without an alias', [0x30, 3, 0, 0, 0], 0x82, '5'],
  ['[MQTT-4.7.3-2] U+0000 in a topic', [0x30, 4, 0, 1, 0, 0], 0x81, '5'],
  ['[MQTT-1.5.4-1] a surrogate in a topic', [0x30, 6, 0, 3, 0xed, 0xa0, 0x80, 0], 0x81, '5'],
]

describe.each(versions)('a fault of a client of version %i', (version) => {
  for (const [what, bytes, reason, where] of faults.filter((fault) => fault[3].includes(String(version)))) {
    it(`[MQTT-4.13.1-1] [MQTT-3.14.2-1] [MQTT-4.8.0-1 of 3.1.1] ${what} (${where}) ends the connection`, async () => {
      const b = await bench()
      const client = await b.connect({ version, clientId: 'c' })
      const other = await b.connect({ clientId: 'other' })
      client.chunks.length = 0
      const heard: string[] = []
      b.broker.tap('#', (m) => heard.push(m.topic))
      await client.raw(...bytes, 0x30, 3, 0, 1, 0x74)
      // 3.x clients get nothing but the end.
      if (version === 5) expect(client.expect(PacketType.Disconnect).reasonCode).toBe(reason)
      else expect(client.chunks).toEqual([])
      client.expectNothing()
      expect([client.closed, heard, b.broker.sessions.get('c')]).toEqual([true, [], undefined])
      expect(other.closed).toBe(false)
    })
  }
})

describe('the end of a connection', () => {
  it.each(versions)('a shutdown tells version %i so, in words where it has them', async (version) => {
    const b = await bench()
    const client = await b.connect({ version, clientId: 'c', keepAlive: 10 })
    client.chunks.length = 0
    await b.broker.close()
    await b.host.settle()
    if (version === 5) expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x8b)
    else expect(client.chunks).toEqual([])
    expect([client.closed, b.host.clock.pending]).toEqual([true, 0])
  })

  it('a shutdown lets out first what was written before', async () => {
    const b = await bench()
    const client = await b.connect()
    client.write({ type: PacketType.Pingreq })
    await b.broker.close()
    await b.host.settle()
    const types = client.received.map((p) => p.type)
    expect(types.at(-1)).toBe(PacketType.Disconnect)
  })

  it('a shutdown ends those who have not sent a CONNECT, without a word', async () => {
    const b = await bench()
    const [silent, half] = [b.dial(), b.dial()]
    await half.raw(0x10, 0x7f, 0, 4)
    await b.broker.close()
    await b.host.settle()
    for (const client of [silent, half]) expect([client.closed, client.chunks]).toEqual([true, []])
    expect([b.broker.connections.size, b.host.clock.pending]).toEqual([0, 0])
  })

  it.each([
    [4, 3],
    [5, 0x88],
  ] as const)('a shutdown turns away who is still being authenticated, version %i', async (version, code) => {
    const asked = gate()
    const b = await bench({ guard: guardOf({ authenticate: () => asked.wait().then(() => ({ clientId: 'c' })) }) })
    const client = b.dial(version)
    await client.send(connectPacket({ version, clientId: 'c' }))
    await b.broker.close()
    await b.host.settle()
    expect(client.expect(PacketType.Connack).reasonCode).toBe(code)
    asked.open()
    await b.host.settle()
    client.expectNothing()
    expect([client.closed, b.broker.sessions.size]).toEqual([true, 0])
  })

  it('after a shutdown nobody is let in', async () => {
    const b = await bench()
    await b.broker.close()
    const client = b.dial()
    expect((await client.login()).reasonCode).toBe(0x88)
    expect(client.closed).toBe(true)
  })

  it.each([
    ['banned', 0x98],
    ['not-authenticated', 0x87],
    ['not-authorized', 0x87],
    ['quota-exceeded', 0x97],
    ['unavailable', 0x80],
  ] as const)('[MQTT-3.14.2-1] a session ended because it is %s is told 0x%s', async (reason, code) => {
    const b = await bench()
    const client = await b.connect({ clientId: 'c' })
    b.broker.sessions.end(b.broker.sessions.get('c')!, reason)
    await b.host.settle()
    expect([client.expect(PacketType.Disconnect).reasonCode, client.closed]).toEqual([code, true])
    expect(b.broker.sessions.get('c')).toBeUndefined()
  })

  it.each(versions)(
    '[MQTT-3.14.4-1] [MQTT-3.14.4-1 of 3.1.1] what comes behind a DISCONNECT is not read, version %i',
    async (version) => {
      const b = await bench()
      const heard: string[] = []
      b.broker.tap('#', (m) => heard.push(m.topic))
      const client = await b.connect({ version, clientId: 'c' })
      client.write(
        publishPacket('before', ''),
        { type: PacketType.Disconnect, reasonCode: 0 },
        publishPacket('after', ''),
      )
      await b.host.settle()
      expect([heard, client.closed]).toEqual([['before'], true])
      client.expectNothing()
    },
  )

  it('[MQTT-3.14.4-1] [MQTT-3.14.4-2] nothing follows our DISCONNECT', async () => {
    const b = await bench()
    const client = await b.connect({ clientId: 'c' })
    await client.subscribe('#', { qos: 1 })
    client.write(
      publishPacket('t', 'x', { qos: 1 }),
      publishPacket('t', 'y', { packetId: 0, properties: { topicAlias: 99 } }),
    )
    await b.host.settle()
    expect(client.received.at(-1)).toMatchObject({ type: PacketType.Disconnect, reasonCode: 0x94 })
    expect(client.closed).toBe(true)
    client.received.length = 0
    const pub = await b.connect()
    await pub.publish('t', 'z', { qos: 1 })
    client.expectNothing()
  })

  it('those who watch hear once of each that comes and goes', async () => {
    const b = await bench()
    const told: string[] = []
    b.broker.watch(
      (e) =>
        (e.type === 'connected' || e.type === 'disconnected') &&
        told.push(`${e.type} ${e.session} ${'reason' in e ? e.reason : ''}`),
    )
    const ends: ((client: TestClient) => Promise<unknown>)[] = [
      (c) => c.disconnect(),
      (c) => c.disconnect(4),
      (c) => c.drop(),
      (c) => c.raw(0, 0),
      () => b.connect({ clientId: 'c' }),
    ]
    for (const end of ends) await end(await b.connect({ clientId: 'c' }))
    expect(told).toEqual(
      ['closed', 'lost', 'lost', 'lost', 'session-taken-over']
        .flatMap((how) => ['connected c ', `disconnected c ${how}`])
        .concat('connected c '),
    )
    expect([b.broker.sessions.connected, b.broker.sessions.size]).toEqual([1, 1])
  })
})

describe('PINGREQ', () => {
  it.each(versions)('[MQTT-3.12.4-1] is answered, each one, version %i', async (version) => {
    const b = await bench()
    const client = await b.connect({ version, clientId: 'c' })
    client.write({ type: PacketType.Pingreq }, { type: PacketType.Pingreq })
    await b.host.settle()
    client.expect(PacketType.Pingresp)
    client.expect(PacketType.Pingresp)
    client.expectNothing()
  })
})
