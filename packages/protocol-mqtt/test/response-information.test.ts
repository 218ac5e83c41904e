import { describe, expect, it } from 'vitest'
import { PacketType } from '../src/codec/packet.ts'
import { bench, guardOf, request } from './harness.ts'

const asks = { properties: { requestResponseInformation: true } }

describe('response information', () => {
  it('[MQTT-3.1.2-28] is sent to a client that asks for it, and to no other', async () => {
    const b = await bench()
    const { connack } = await b.connect({ clientId: 'me', ...asks })
    expect(connack.properties?.responseInformation).toBe('$response/me/')
    for (const properties of [undefined, {}, { requestResponseInformation: false }]) {
      const other = await b.connect({ clientId: 'you', properties })
      expect(other.connack.properties).not.toHaveProperty('responseInformation')
    }
  })

  it('names the identifier the broker has given', async () => {
    const b = await bench()
    const { connack } = await b.connect(asks)
    const { assignedClientIdentifier, responseInformation } = connack.properties ?? {}
    expect(responseInformation).toBe(`$response/${assignedClientIdentifier}/`)
  })

  it.each(['a/b', '+', '#', 'a+', '#b'])(
    'is not for the identifier %s, which may subscribe to no such topic',
    async (clientId) => {
      const b = await bench()
      const client = await b.connect({ clientId, ...asks })
      expect(client.connack.properties).not.toHaveProperty('responseInformation')
      for (const filter of [`$response/${clientId}`, `$response/${clientId}/x`, '$response/a/x', '$response/#'])
        expect([filter, [0x87, 0x8f].includes(await client.subscribe(filter))]).toEqual([filter, true])
      expect(b.broker.sessions.get(clientId)?.subscriptions.size).toBe(0)
    },
  )
})

describe('topics below $response', () => {
  const others = [
    '$response/you/x',
    '$response/you',
    '$response/meandyou/x',
    '$response/ME/x',
    '$response/+/x',
    '$response/+',
    '$response/#',
    '$response/',
    '$response//x',
    '$response//me/x',
    '$share/g/$response/you/x',
    '$share/g/$response/#',
  ]
  const own = [
    '$response/me/x',
    '$response/me/#',
    '$response/me/+/y',
    '$response/me',
    '$share/g/$response/me/x',
    'a/$response/you',
  ]

  it.each([3, 4, 5] as const)('are for the one client they name to subscribe to, version %i', async (version) => {
    const b = await bench()
    const client = await b.connect({ version, clientId: 'me' })
    for (const filter of others)
      expect([filter, await client.subscribe(filter)]).toEqual([filter, version === 5 ? 0x87 : 0x80])
    expect(b.broker.sessions.get('me')?.subscriptions.size).toBe(0)
    for (const filter of own) expect([filter, await client.subscribe(filter, { qos: 1 })]).toEqual([filter, 1])
  })

  it('are for everyone to publish to, and reach nobody by a wildcard', async () => {
    const b = await bench()
    const [me, all, you] = [
      await b.connect({ clientId: 'me' }),
      await b.connect(),
      await b.connect({ clientId: 'you' }),
    ]
    await me.subscribe('$response/me/#')
    await all.subscribe('#')
    await all.subscribe('+/me/#')
    await you.publish('$response/me/x', 'answer')
    await me.take('answer')
    all.expectNothing()
  })

  it('are asked of the guard all the same', async () => {
    const b = await bench({ guard: guardOf({ authorize: () => false }) })
    const client = await b.connect({ clientId: 'me' })
    expect(await client.subscribe('$response/me/x')).toBe(0x87)
  })

  it('are as all others where response information is off', async () => {
    const b = await bench({ mqtt: { responseInformation: false } })
    const client = await b.connect({ clientId: 'me', ...asks })
    expect(client.connack.properties).not.toHaveProperty('responseInformation')
    for (const filter of others) expect([filter, await client.subscribe(filter)]).toEqual([filter, 0])
  })

  it('one refused filter does not refuse those beside it', async () => {
    const b = await bench()
    const client = await b.connect({ clientId: 'me' })
    const filters = ['$response/you', '$response/me', 't'].map((filter) => request(filter))
    await client.send({ type: PacketType.Subscribe, packetId: 1, filters })
    expect(client.expect(PacketType.Suback).reasonCodes).toEqual([0x87, 0, 0])
  })
})
