import { BrokerError, type ErrorCode } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { type Connect, PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { bench, connectPacket, gate, guardOf, publishPacket, request } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

function rejecting(error: unknown): ReturnType<typeof guardOf> {
  return guardOf({ authenticate: () => Promise.reject(error) })
}

describe('[MQTT-3.1.4-2] [MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-4.13.2-1] [MQTT-3.2.2-4 of 3.1.1] [MQTT-3.2.2-5 of 3.1.1] a refused CONNECT is answered by one CONNACK and the end', () => {
  const cases: readonly (readonly [what: string, connect: Partial<Connect>, v3: number, v4: number, v5: number])[] = [
    ['[MQTT-3.1.3-8] an identifier over the limit', { clientId: 'x'.repeat(101) }, 2, 2, 0x85],
  ]
  for (const [what, connect, ...codes] of cases) {
    it.each(versions)(`${what}, version %i`, async (version) => {
      const b = await bench({ mqtt: { clientIdLength: 100, retainAvailable: false } })
      const client = b.dial(version)
      const connack = await client.login({ clientId: 'c', ...connect })
      expect([connack.reasonCode, connack.sessionPresent]).toEqual([codes[version - 3], false])
      client.expectNothing()
      expect([client.closed, b.broker.sessions.size]).toEqual([true, 0])
    })
  }

  // There is no return code for these in 3.x [MQTT-3.2.2-6 of 3.1.1].
  const unspeakable: readonly (readonly [what: string, asked: Partial<NonNullable<Connect['will']>>, v5: number])[] = [
    ['[MQTT-3.2.2-13] a retained will where nothing is retained', { retain: true }, 0x9a],
    ['[MQTT-3.2.2-12] a will of QoS 1 where there is only QoS 0', { qos: 1 }, 0x9b],
    ['a will to a topic of more levels than there may be', { topic: '/'.repeat(128) }, 0x90],
  ]
  for (const [what, asked, code] of unspeakable) {
    it.each(versions)(`[MQTT-3.2.2-6 of 3.1.1] ${what}, version %i`, async (version) => {
      const b = await bench({ mqtt: { maximumQos: 0, retainAvailable: false } })
      const client = b.dial(version)
      await client.send(connectPacket({ version, clientId: 'c', will: { ...will(false), ...asked } }))
      if (version === 5) expect(client.expect(PacketType.Connack).reasonCode).toBe(code)
      else expect(client.chunks).toEqual([])
      client.expectNothing()
      expect([client.closed, b.broker.sessions.size]).toEqual([true, 0])
    })
  }

  it.each([
    [3, true],
    [3, false],
    [4, false],
  ] as const)(
    '[MQTT-3.1.3-8 of 3.1.1] version %i with no identifier, clean %s, is refused with 2',
    async (version, cleanStart) => {
      const b = await bench()
      const client = b.dial(version)
      expect((await client.login({ clientId: '', cleanStart })).reasonCode).toBe(2)
      expect(client.closed).toBe(true)
    },
  )

  it('[MQTT-4.12.0-1] an authentication method is refused with 0x8C', async () => {
    const b = await bench()
    const client = b.dial()
    const connack = await client.login({ properties: { authenticationMethod: 'SCRAM-SHA-256' } })
    expect([connack.reasonCode, connack.properties, client.closed]).toEqual([0x8c, undefined, true])
  })

  const guarded: readonly (readonly [code: ErrorCode, v3: number, v5: number])[] = [
    ['not-authenticated', 4, 0x86],
    ['not-authorized', 5, 0x87],
    ['banned', 5, 0x8a],
    ['quota-exceeded', 3, 0x97],
    ['shutting-down', 3, 0x88],
    ['unavailable', 3, 0x88],
    ['storage-failed', 3, 0x80],
  ]
  for (const [code, v3, v5] of guarded) {
    it.each(versions)(`[MQTT-4.12.0-4] [MQTT-3.2.2-8] the guard says ${code}, version %i`, async (version) => {
      const b = await bench({ guard: rejecting(new BrokerError(code)) })
      const client = b.dial(version)
      expect((await client.login({ clientId: 'c' })).reasonCode).toBe(version === 5 ? v5 : v3)
      expect([client.closed, b.broker.sessions.size]).toEqual([true, 0])
    })
  }

  it.each([
    ['rejects', rejecting(new Error('database'))],
    [
      'throws',
      guardOf({
        authenticate: () => {
          throw new Error('database')
        },
      }),
    ],
  ])('a guard that %s with an error of its own lets nobody in, and that is reported', async (_, guard) => {
    const b = await bench({ guard })
    const client = b.dial()
    expect((await client.login()).reasonCode).toBe(0x88)
    expect(client.closed).toBe(true)
    expect(b.takeReports()).toEqual(['authenticating: Error: database'])
  })

  it('too many sessions are refused with 0x97 or 3', async () => {
    const b = await bench({ limits: { sessions: 1 } })
    await b.connect({ clientId: 'first' })
    for (const version of versions) {
      const client = b.dial(version)
      expect((await client.login({ clientId: 'other' })).reasonCode).toBe(version === 5 ? 0x97 : 3)
      expect(client.closed).toBe(true)
    }
    const again = await b.connect({ clientId: 'first' })
    expect(again.connack.reasonCode).toBe(0)
  })
})

describe('bytes that are no CONNECT', () => {
  it.each([
    ['[MQTT-3.1.2-1] an unknown protocol name', [0x10, 12, 0, 4, 77, 81, 88, 88, 4, 2, 0, 0, 0, 0], []],
    ['[MQTT-3.1.2-2] level 6', [0x10, 12, 0, 4, 77, 81, 84, 84, 6, 2, 0, 0, 0, 0], [0x20, 2, 0, 1]],
    ['[MQTT-3.1.2-2 of 3.1.1] level 3 of MQTT', [0x10, 12, 0, 4, 77, 81, 84, 84, 3, 2, 0, 0, 0, 0], [0x20, 2, 0, 1]],
    ['[MQTT-3.1.2-3] the reserved flag, 3.1.1', [0x10, 12, 0, 4, 77, 81, 84, 84, 4, 3, 0, 0, 0, 0], []],
    [
      '[MQTT-3.1.2-3] the reserved flag, 5.0',
      [0x10, 13, 0, 4, 77, 81, 84, 84, 5, 3, 0, 0, 0, 0, 0],
      [0x20, 3, 0, 0x81, 0],
    ],
    ['[MQTT-3.1.0-1] a PINGREQ first', [0xc0, 0], []],
    ['a PUBACK first', [0x40, 2, 0, 1], []],
    ['a frame of type 0', [0x00, 0], []],
    [
      '[MQTT-3.1.4-1] a second receive maximum',
      [0x10, 19, 0, 4, 77, 81, 84, 84, 5, 2, 0, 0, 6, 33, 0, 1, 33, 0, 1, 0, 0],
      [0x20, 3, 0, 0x82, 0],
    ],
  ])('%s', async (_, bytes, answer) => {
    const b = await bench()
    const client = b.dial()
    await client.raw(...bytes)
    expect([client.chunks.map((chunk) => Array.from(chunk)), client.closed]).toEqual([
      answer.length ? [answer] : [],
      true,
    ])
  })

  it('a CONNECT of more than 64 KB is refused before it is here', async () => {
    const b = await bench()
    const client = b.dial(4)
    await client.raw(0x10, 0x80, 0x80, 4)
    expect([client.chunks.length, client.closed]).toEqual([0, true])
  })

  it('what may be large once a client is in is too large before', async () => {
    const b = await bench({ mqtt: { connectPacketSize: 100 } })
    const client = b.dial()
    await client.send(connectPacket({ clientId: 'x'.repeat(100) }))
    expect(client.closed).toBe(true)
    const other = await b.connect()
    await other.publish('t', 'x'.repeat(200), { qos: 1 })
    expect(other.expect(PacketType.Puback).reasonCode).toBe(0)
  })
})

describe('packets behind CONNECT while the guard thinks', () => {
  it('[MQTT-3.1.4-6] do nothing until it says yes, then all of them in order', async () => {
    const { wait, open } = gate()
    const guard = guardOf({ authenticate: ({ clientId }) => wait().then(() => ({ clientId })) })
    const b = await bench({ guard })
    const heard: string[] = []
    b.broker.tap('#', (m) => heard.push(m.topic))
    const client = b.dial()
    client.write(connectPacket({ clientId: 'c' }), publishPacket('one', ''), publishPacket('two', ''))
    await b.host.settle()
    await client.publish('three', '')
    expect([heard, client.chunks.length, b.broker.sessions.size]).toEqual([[], 0, 0])
    open()
    await b.host.settle()
    expect(client.expect(PacketType.Connack).reasonCode).toBe(0)
    expect(heard).toEqual(['one', 'two', 'three'])
  })

  it('[MQTT-3.1.4-6] do nothing at all when it says no', async () => {
    const { wait, open } = gate()
    const guard = guardOf({ authenticate: ({ clientId }) => wait().then(() => ({ clientId })) })
    const b = await bench({ guard })
    const heard: string[] = []
    b.broker.tap('#', (m) => heard.push(m.topic))
    const client = b.dial()
    client.write(connectPacket({ clientId: 'c', will: will(false) }), publishPacket('one', '', { retain: true }), {
      type: PacketType.Subscribe,
      packetId: 1,
      filters: [request('#')],
    })
    await b.host.settle()
    open(new BrokerError('not-authenticated'))
    await b.host.settle()
    expect(client.expect(PacketType.Connack).reasonCode).toBe(0x86)
    client.expectNothing()
    expect([heard, client.closed, b.broker.sessions.size, b.broker.retained.size]).toEqual([[], true, 0, 0])
  })

  it('a client that hangs up meanwhile leaves nothing behind', async () => {
    const { wait, open } = gate()
    const guard = guardOf({ authenticate: ({ clientId }) => wait().then(() => ({ clientId })) })
    const b = await bench({ guard })
    const client = b.dial()
    client.write(connectPacket({ clientId: 'c', keepAlive: 10 }))
    await b.host.settle()
    await client.drop()
    open()
    await b.host.settle()
    expect([b.broker.sessions.size, b.host.clock.pending]).toEqual([0, 0])
  })
})

function will(retain: boolean): NonNullable<Connect['will']> {
  return { topic: 'w', payload: new Uint8Array(0), qos: 0, retain }
}
