import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { bench, connectPacket, publishPacket, text } from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

describe('CONNACK', () => {
  it('[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] an empty client identifier gets a new one each time', async () => {
    const b = await bench()
    const ids = []
    for (let i = 0; i < 3; i++) {
      const { connack } = await b.connect({ clientId: '' })
      ids.push(connack.properties?.assignedClientIdentifier)
    }
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) expect(b.broker.sessions.get(id ?? '')?.consumer).toBeDefined()
  })

  it('a client identifier that was given is not assigned', async () => {
    const b = await bench()
    const { connack } = await b.connect({ clientId: 'mine' })
    expect(connack.properties?.assignedClientIdentifier).toBeUndefined()
    expect(b.broker.sessions.get('mine')?.consumer).toBeDefined()
  })

  it('[MQTT-3.2.2-22] [MQTT-3.1.2-28] [MQTT-4.12.0-6] announces our limits and nothing that is as expected', async () => {
    const b = await bench({ mqtt: { receiveMaximum: 7, maxPacketSize: 5000, topicAliasMaximum: 3 } })
    const properties = { requestResponseInformation: false, sessionExpiryInterval: 0xffffffff }
    const { connack } = await b.connect({ clientId: 'c', keepAlive: 60, properties })
    expect(connack.properties).toEqual({ receiveMaximum: 7, maximumPacketSize: 5000, topicAliasMaximum: 3 })
  })

  it('a session expiry beyond the limit of the broker is answered with the limit', async () => {
    const b = await bench({ limits: { sessionExpiry: 60_000 } })
    const { connack } = await b.connect({ clientId: 'c', properties: { sessionExpiryInterval: 3600 } })
    expect(connack.properties?.sessionExpiryInterval).toBe(60)
    const other = await b.connect({ clientId: 'd', properties: { sessionExpiryInterval: 0xffffffff } })
    expect(other.connack.properties?.sessionExpiryInterval).toBe(60)
  })

  it.each([
    [0, 30],
    [31, 30],
    [30, undefined],
    [1, undefined],
  ])('[MQTT-3.2.2-22] a keep alive of %i is answered with server keep alive %s', async (keepAlive, answer) => {
    const b = await bench({ mqtt: { maxKeepAlive: 30 } })
    const { connack } = await b.connect({ keepAlive })
    expect(connack.properties?.serverKeepAlive).toBe(answer)
  })

  it('says what is not available', async () => {
    const b = await bench({ mqtt: { retainAvailable: false, sharedSubscriptions: false } })
    const { connack } = await b.connect()
    expect(connack.properties).toMatchObject({ retainAvailable: false, sharedSubscriptionAvailable: false })
  })

  it.each([0, 1] as const)('[MQTT-3.2.2-9] announces that there is QoS %i at most', async (maximumQos) => {
    const b = await bench({ mqtt: { maximumQos } })
    const { connack } = await b.connect()
    expect(connack.properties?.maximumQos).toBe(maximumQos)
  })

  it('[MQTT-3.2.2-19] [MQTT-3.1.2-24] ends the connection without a byte when it is larger than the client takes', async () => {
    const b = await bench()
    const client = b.dial()
    await client.send(connectPacket({ clientId: 'c', properties: { maximumPacketSize: 12 } }))
    expect([client.chunks.length, client.closed]).toEqual([0, true])
    expect(b.broker.sessions.size).toBe(0)
  })

  it.each(versions)('[MQTT-3.2.2-1] is what version %i says, to the byte', async (version) => {
    const b = await bench({ mqtt: { receiveMaximum: 1, maxPacketSize: 513, topicAliasMaximum: 3 } })
    const client = b.dial(version)
    await client.login({ clientId: 'c' })
    const three = [0x21, 0, 1, 0x22, 0, 3, 0x27, 0, 0, 2, 1]
    expect(Array.from(client.chunks[0]!)).toEqual(version === 5 ? [0x20, 14, 0, 0, 11, ...three] : [0x20, 2, 0, 0])
  })

  it('[MQTT-3.1.4-5] [MQTT-3.2.0-1] [MQTT-3.2.0-2] comes once and first, also when all arrives in one chunk', async () => {
    const b = await bench()
    const client = b.dial()
    const subscribe = { filter: 'a', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    client.write(
      connectPacket({ clientId: 'c' }),
      { type: PacketType.Subscribe, packetId: 1, filters: [subscribe] },
      publishPacket('a', 'x', { qos: 1 }),
      { type: PacketType.Pingreq },
    )
    await b.host.settle()
    client.expect(PacketType.Connack)
    const types = client.received.map((p) => p.type)
    expect(new Set(types)).toEqual(
      new Set([PacketType.Publish, PacketType.Puback, PacketType.Suback, PacketType.Pingresp]),
    )
    expect(types.length).toBe(4)
  })

  it('[MQTT-3.1.3-5] identifiers of 1 to 23 letters and digits, and longer ones, are accepted', async () => {
    const b = await bench()
    for (const version of versions) {
      for (const clientId of ['a', '0123456789abcdefghijklm', 'Z'.repeat(23), 'x'.repeat(1000), 'ä/é#+ ü']) {
        const { connack } = await b.connect({ version, clientId })
        expect([version, clientId, connack.reasonCode]).toEqual([version, clientId, 0])
      }
    }
  })

  it('[MQTT-3.1.3-7 of 3.1.1] a clean session without an identifier is let in by 3.1.1', async () => {
    const b = await bench()
    const first = await b.connect({ version: 4, clientId: '' })
    const second = await b.connect({ version: 4, clientId: '' })
    expect([first.connack.reasonCode, second.connack.reasonCode, b.broker.sessions.size]).toEqual([0, 0, 2])
    expect(first.closed).toBe(false)
  })
})

describe('the principal', () => {
  it.each(versions)(
    '[MQTT-3.1.3-1] [MQTT-3.1.2-17] [MQTT-3.1.2-19] version %i hands the guard what CONNECT says, behind a will',
    async (version) => {
      const shown: unknown[] = []
      const b = await bench({
        guard: {
          authenticate(credentials) {
            shown.push(credentials)
            return Promise.resolve({ clientId: credentials.clientId })
          },
          authorize: () => true,
          receives: () => true,
          version: 0,
        },
      })
      const client = b.dial(version, { address: '192.0.2.7' })
      const will = { topic: 'w', payload: Uint8Array.of(9), qos: 0, retain: false } as const
      await client.login({ clientId: 'c', username: 'u', password: Uint8Array.of(1, 0, 2), will })
      const peer = { transport: 'memory', secure: true, address: '192.0.2.7' }
      expect(shown).toEqual([{ clientId: 'c', username: 'u', password: Uint8Array.of(1, 0, 2), peer }])
    },
  )

  it('a password alone is a login in 5.0', async () => {
    const b = await bench()
    const { connack } = await b.connect({ password: Uint8Array.of(1) })
    expect(connack.reasonCode).toBe(0)
  })
})

describe('aliases and identifiers of connections', () => {
  it('what one client says is not what another means', async () => {
    const b = await bench()
    const [one, two, sub] = [await b.connect(), await b.connect(), await b.connect()]
    await sub.subscribe('#')
    await one.publish('one', '1', { properties: { topicAlias: 1 } })
    await two.publish('two', '2', { properties: { topicAlias: 1 } })
    await one.publish('', '3', { properties: { topicAlias: 1 } })
    expect(sub.received.map((p) => (p.type === PacketType.Publish ? `${p.topic} ${text(p)}` : p.type))).toEqual([
      'one 1',
      'two 2',
      'one 3',
    ])
  })
})
