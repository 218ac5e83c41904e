import { type BanRequest, BrokerError } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { bench, type Bench, connectPacket, gate, guardOf } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

async function ban(b: Bench, request: BanRequest): Promise<void> {
  const added = b.broker.bans.add(request)
  await b.host.settle()
  await added
}

describe('a banned client', () => {
  const targets: readonly BanRequest[] = [
    { kind: 'clientId', value: 'eve' },
    { kind: 'clientId', value: 'e?e', match: 'glob' },
    { kind: 'username', value: 'evelyn' },
    { kind: 'address', value: '10.0.0.0/8' },
  ]
  for (const target of targets) {
    it.each(versions)(
      `[MQTT-3.2.2-8] by ${target.kind} ${target.value} is refused with 0x8A or 5 before anybody asks for its password, version %i`,
      async (version) => {
        let asked = 0
        const guard = guardOf({
          authenticate: ({ clientId, username }) => {
            asked++
            return Promise.resolve({ clientId, username })
          },
        })
        const b = await bench({ guard })
        await ban(b, target)
        const client = b.dial(version, { address: '10.0.0.1' })
        const password = Uint8Array.of(1)
        const connack = await client.login({ clientId: 'eve', username: 'evelyn', password })
        expect(connack.reasonCode).toBe(version === 5 ? 0x8a : 5)
        client.expectNothing()
        expect([client.closed, asked, b.broker.sessions.size, b.broker.connections.size]).toEqual([true, 0, 0, 0])
        const other = b.dial(version, { address: '11.0.0.1' })
        expect((await other.login({ clientId: 'bob', username: 'robert', password })).reasonCode).toBe(0)
      },
    )
  }

  it.each(versions)('is refused by the name the guard gives it, version %i', async (version) => {
    const guard = guardOf({ authenticate: ({ clientId }) => Promise.resolve({ clientId, username: 'eve' }) })
    const b = await bench({ guard })
    await ban(b, { kind: 'username', value: 'eve' })
    const client = b.dial(version)
    expect((await client.login({ clientId: 'c' })).reasonCode).toBe(version === 5 ? 0x8a : 5)
    expect([client.closed, b.broker.sessions.size]).toEqual([true, 0])
  })

  it('is refused when the ban comes while the guard thinks', async () => {
    const { wait, open } = gate()
    const b = await bench({ guard: guardOf({ authenticate: ({ clientId }) => wait().then(() => ({ clientId })) }) })
    const client = b.dial()
    await client.send(connectPacket({ clientId: 'eve' }))
    await ban(b, { kind: 'clientId', value: 'eve' })
    client.expectNothing()
    open()
    await b.host.settle()
    expect([client.expect(PacketType.Connack).reasonCode, client.closed]).toEqual([0x8a, true])
  })

  it.each(versions)(
    '[MQTT-3.14.2-1] [MQTT-3.1.2-8] that is connected is told 0x98 in 5.0 and nothing in 3.x, and its will is published, version %i',
    async (version) => {
      const b = await bench()
      const watcher = await b.connect()
      await watcher.subscribe('will')
      const will = { topic: 'will', payload: Uint8Array.of(0x78), qos: 0, retain: false } as const
      const eve = await b.connect({ version, clientId: 'eve', cleanStart: false, will })
      await ban(b, { kind: 'clientId', value: 'eve' })
      if (version === 5) expect(eve.expect(PacketType.Disconnect).reasonCode).toBe(0x98)
      eve.expectNothing()
      expect(eve.closed).toBe(true)
      await watcher.take('x')
    },
  )

  it('finds its session as it was when the ban is over', async () => {
    const b = await bench()
    const properties = { sessionExpiryInterval: 3600 }
    const eve = await b.connect({ clientId: 'eve', properties })
    await eve.subscribe('t', { qos: 1 })
    await ban(b, { kind: 'clientId', value: 'eve', until: b.host.clock.now() + 60_000 })
    const pub = await b.connect()
    await pub.publish('t', 'kept', { qos: 1 })
    await b.host.advance(60_000)
    const again = await b.connect({ clientId: 'eve', cleanStart: false, properties })
    expect(again.connack.sessionPresent).toBe(true)
    await again.take('kept')
  })

  it('stays banned over a restart', async () => {
    const b = await bench()
    await ban(b, { kind: 'clientId', value: 'eve' })
    const again = await b.restart()
    expect((await again.dial().login({ clientId: 'eve' })).reasonCode).toBe(0x8a)
  })
})

describe('a flapping client', () => {
  it.each(versions)('is refused with 0x8A or 5 for a while, version %i', async (version) => {
    const b = await bench({ flapping: { maxConnects: 2, window: 1000, banFor: 5000 } })
    const visit = async (): Promise<number> => {
      const client = b.dial(version)
      const { reasonCode } = await client.login({ clientId: 'c' })
      await client.drop()
      return reasonCode
    }
    const banned = version === 5 ? 0x8a : 5
    expect([await visit(), await visit(), await visit()]).toEqual([0, 0, banned])
    await b.host.advance(4999)
    expect(await visit()).toBe(banned)
    await b.host.advance(1)
    expect(await visit()).toBe(0)
  })

  it('is not one that somebody else pretends to be', async () => {
    const guard = guardOf({
      authenticate: ({ clientId, username }) =>
        username === undefined ? Promise.reject(new BrokerError('not-authenticated')) : Promise.resolve({ clientId }),
    })
    const b = await bench({ guard, flapping: { maxConnects: 1 } })
    for (let i = 0; i < 5; i++) expect((await b.dial().login({ clientId: 'c' })).reasonCode).toBe(0x86)
    expect((await b.dial().login({ clientId: 'c', username: 'u' })).reasonCode).toBe(0)
  })
})
