import { type BanRequest, BrokerError, type Credentials, type ErrorCode } from '@isomq/kernel'
import { failingStorage } from '@isomq/testkit'
import { memoryStorage } from '@isomq/storage-memory'
import { describe, expect, it } from 'vitest'
import { PacketType } from '../src/codec/packet.ts'
import { ann, auth, authFrom, bytes, connectWith, method, parrotBench } from './authentication.ts'
import { type Bench, bench, connectPacket, gate, guardOf, publishPacket } from './harness.ts'

describe('login by an exchange', () => {
  it('[MQTT-4.12.0-2] [MQTT-4.12.0-5] [MQTT-3.15.2-1] goes by AUTH 0x18 and ends in CONNACK, all with the method', async () => {
    const b = await parrotBench()
    const client = b.dial()
    await client.send(connectPacket(connectWith('ask')))
    expect(client.expect(PacketType.Auth)).toEqual(authFrom(0x18, 'well?'))
    await client.send(auth(0x18, 'mute'))
    expect(client.expect(PacketType.Auth)).toEqual(authFrom(0x18))
    expect(b.broker.sessions.size).toBe(0)
    await client.send(auth(0x18, 'I am ann'))
    expect(client.expect(PacketType.Connack)).toMatchObject({
      reasonCode: 0,
      properties: { authenticationMethod: method, authenticationData: bytes('bye') },
    })
    expect(b.broker.sessions.get('c')?.principal).toEqual({ clientId: 'c', username: 'ann' })
    await client.publish('t', 'x', { qos: 1 })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0)
  })

  it('[MQTT-3.15.2-2] [MQTT-3.15.2-3] [MQTT-3.1.2-29] an AUTH of ours has method and data alone: nothing that might have to be left out', async () => {
    const b = await parrotBench()
    const client = b.dial()
    const properties = { requestProblemInformation: false, maximumPacketSize: 100 }
    await client.send(connectPacket(connectWith('ask', { properties })))
    expect(Array.from(client.chunks[0]!)).toEqual([0xf0, 19, 0x18, 17, ...field(0x15, method), ...field(0x16, 'well?')])
  })

  it('[MQTT-3.1.2-24] an AUTH that is larger than the client takes is not sent: the connection ends', async () => {
    const b = await parrotBench()
    const client = b.dial()
    await client.send(connectPacket(connectWith('ask', { properties: { maximumPacketSize: 20 } })))
    expect([client.chunks.length, client.closed]).toEqual([0, true])
  })

  it('may need no AUTH at all, and may end without data', async () => {
    const b = await parrotBench()
    const { connack } = await b.connect(connectWith('I am also ann'))
    expect(connack.properties).toMatchObject({ authenticationMethod: method })
    expect(connack.properties).not.toHaveProperty('authenticationData')
  })

  it('may begin without data', async () => {
    const b = await parrotBench()
    const client = b.dial()
    await client.send(connectPacket(connectWith(undefined)))
    expect(client.expect(PacketType.Auth)).toEqual(authFrom(0x18, 'well?'))
  })

  it('[MQTT-4.12.0-6] where CONNECT has no method there is no AUTH and no method in CONNACK', async () => {
    const b = await parrotBench()
    const { connack } = await b.connect({ clientId: 'c' })
    expect(connack.properties).not.toHaveProperty('authenticationMethod')
    expect(b.bird.begun).toEqual([])
  })

  it.each([[undefined], ['parrot'], ['PARROT2'], ['']])(
    '[MQTT-4.12.0-1] another method, such as %j, is refused with 0x8C',
    async (authenticationMethod) => {
      const b = authenticationMethod === undefined ? await bench() : await parrotBench()
      const client = b.dial()
      const properties = { authenticationMethod: authenticationMethod ?? method }
      const connack = await client.login({ properties })
      expect([connack.reasonCode, connack.properties, client.closed]).toEqual([0x8c, undefined, true])
    },
  )

  const refusals: readonly (readonly [code: ErrorCode, reason: number])[] = [
    ['not-authenticated', 0x86],
    ['not-authorized', 0x87],
    ['banned', 0x8a],
    ['unavailable', 0x88],
  ]
  it.each(refusals)(
    '[MQTT-4.12.0-4] a refusal as %s is said in CONNACK, and the connection ends',
    async (code, reason) => {
      const b = await parrotBench()
      for (const steps of [1, 2]) {
        const client = b.dial()
        await client.send(connectPacket(connectWith(steps === 1 ? code : 'ask')))
        if (steps === 2) {
          client.expect(PacketType.Auth)
          await client.send(auth(0x18, code))
        }
        expect(client.expect(PacketType.Connack)).toMatchObject({ reasonCode: reason, sessionPresent: false })
        client.expectNothing()
        expect([client.closed, b.broker.sessions.size, b.host.clock.pending]).toEqual([true, 0, 0])
      }
    },
  )

  it('[MQTT-4.12.0-4] a method that throws something else refuses too, and that is reported', async () => {
    const b = await parrotBench()
    const client = b.dial()
    expect((await client.login(connectWith('bug'))).reasonCode).toBe(0x88)
    expect([client.closed, b.takeReports()]).toEqual([true, ['authenticating: Error: a bug of the method']])
  })

  it('a method whose question fits no packet costs that connection', async () => {
    const b = await parrotBench()
    const client = b.dial()
    expect((await client.login(connectWith('huge'))).reasonCode).toBe(0x80)
    expect([client.closed, b.takeReports().length]).toEqual([true, 1])
  })

  it('an exchange that does not end is refused at the eleventh message', async () => {
    const b = await parrotBench()
    const client = b.dial()
    await client.send(connectPacket(connectWith('ask')))
    for (let i = 0; i < 9; i++) {
      client.expect(PacketType.Auth)
      await client.send(auth(0x18, 'ask'))
    }
    client.expect(PacketType.Auth)
    await client.send(auth(0x18, 'I am ann'))
    expect([client.expect(PacketType.Connack).reasonCode, client.closed]).toEqual([0x86, true])
  })

  it('must be over within the time for a login, whoever is awaited', async () => {
    const b = await parrotBench({ mqtt: { connectTimeout: 1000 } })
    const { wait } = gate()
    b.bird.wait = wait
    for (const text of ['ask', 'wait ask']) {
      const client = b.dial()
      await client.send(connectPacket(connectWith(text)))
      await b.host.advance(500)
      if (text === 'ask') await client.send(auth(0x18, 'ask'))
      await b.host.advance(499)
      expect(client.closed).toBe(false)
      await b.host.advance(1)
      expect([client.closed, b.host.clock.pending]).toEqual([true, 0])
    }
  })

  it.each(['ask', 'I am ann', 'not-authenticated'])(
    'of a client that goes away meanwhile leaves nothing behind (%s)',
    async (text) => {
      const b = await parrotBench()
      const told: string[] = []
      b.broker.watch((event) => told.push(event.type))
      const { wait, open } = gate()
      b.bird.wait = wait
      const client = b.dial()
      await client.send(connectPacket(connectWith(`wait ${text}`, { keepAlive: 10 })))
      await client.drop()
      open()
      await b.host.settle()
      expect([b.broker.sessions.size, b.host.clock.pending, told]).toEqual([0, 0, []])
    },
  )
})

describe('what a client may say before CONNACK', () => {
  it.each([
    ['[MQTT-3.1.2-30] a PINGREQ', { type: PacketType.Pingreq } as const],
    ['[MQTT-3.1.2-30] a PUBLISH', publishPacket('t', 'x', { qos: 1 })],
    ['[MQTT-3.1.2-30] a PUBACK', { type: PacketType.Puback, packetId: 1, reasonCode: 0 } as const],
    ['[MQTT-4.12.0-3] [MQTT-4.12.1-1] AUTH 0x19', auth(0x19, 'I am ann')],
    ['[MQTT-4.12.0-5] AUTH of another method', auth(0x18, 'I am ann', 'OTHER')],
  ])('%s during the exchange is answered by 0x82', async (_, packet) => {
    const b = await parrotBench()
    const client = b.dial()
    await client.send(connectPacket(connectWith('ask')))
    client.expect(PacketType.Auth)
    await client.send(packet)
    expect([client.expect(PacketType.Connack).reasonCode, client.closed]).toEqual([0x82, true])
    expect(b.broker.sessions.size).toBe(0)
  })

  it.each([
    ['[MQTT-3.1.2-30] a PUBLISH', publishPacket('t', 'x', { retain: true })],
    ['[MQTT-3.1.2-30] a PINGREQ', { type: PacketType.Pingreq } as const],
    ['[MQTT-4.12.0-3] an AUTH', auth(0x18, 'I am ann')],
    ['[MQTT-4.12.0-3] an AUTH 0x19', auth(0x19, 'I am ann')],
  ])('%s right behind what is accepted is answered by 0x82 too', async (_, packet) => {
    const b = await parrotBench()
    const heard: string[] = []
    b.broker.tap('#', (message) => heard.push(message.topic))
    const client = b.dial()
    const will = { topic: 'w', payload: bytes('x'), qos: 0, retain: false } as const
    client.write(connectPacket(connectWith('I am ann', { will })), packet)
    await b.host.settle()
    expect([client.expect(PacketType.Connack).reasonCode, client.closed]).toEqual([0x82, true])
    client.expectNothing()
    expect([b.broker.sessions.size, b.broker.retained.size, heard]).toEqual([0, 0, []])
  })

  it('[MQTT-3.1.2-30] a DISCONNECT is: the connection closes without a word', async () => {
    const b = await parrotBench()
    const told: string[] = []
    b.broker.watch((event) => told.push(event.type))
    const client = b.dial()
    await client.send(connectPacket(connectWith('ask')))
    client.expect(PacketType.Auth)
    await client.disconnect()
    client.expectNothing()
    expect([client.closed, told, b.host.clock.pending]).toEqual([true, [], 0])
  })

  it('[MQTT-3.1.2-30] a DISCONNECT right behind what is accepted ends the session, and its will', async () => {
    const b = await parrotBench()
    const heard: string[] = []
    b.broker.tap('#', (message) => heard.push(message.topic))
    const client = b.dial()
    const will = { topic: 'w', payload: bytes('x'), qos: 0, retain: false } as const
    client.write(connectPacket(connectWith('I am ann', { will })), { type: PacketType.Disconnect, reasonCode: 0 })
    await b.host.settle()
    client.expectNothing()
    expect([client.closed, heard, b.broker.sessions.size]).toEqual([true, [], 0])
  })

  it('[MQTT-4.12.0-7] [MQTT-4.12.0-6] a client without a method that sends AUTH gets 0x82', async () => {
    const b = await parrotBench()
    const client = await b.connect({ clientId: 'c' })
    await client.send(auth(0x19, 'I am ann'))
    expect([client.expect(PacketType.Disconnect).reasonCode, client.closed]).toEqual([0x82, true])
  })

  it('authentication data without a method is answered by 0x82', async () => {
    const b = await parrotBench()
    const client = b.dial()
    const connack = await client.login({ clientId: 'c', properties: { authenticationData: bytes('I am ann') } })
    expect([connack.reasonCode, client.closed]).toEqual([0x82, true])
  })

  it.each([3, 4] as const)('[MQTT-3.15.1-1] AUTH of version %i is no packet: the connection ends', async (version) => {
    const b = await parrotBench()
    const client = await b.connect({ version, clientId: 'c' })
    client.chunks.length = 0
    await client.raw(0xf0, 0)
    expect([client.chunks, client.closed]).toEqual([[], true])
  })
})

describe('the guard', () => {
  it('has the last word, is told what was proven and how, and sees no password', async () => {
    const shown: Credentials[] = []
    const guard = guardOf({
      authenticate(credentials) {
        shown.push(credentials)
        if (credentials.username === 'mallory') return Promise.reject(new BrokerError('banned'))
        return Promise.resolve({ clientId: credentials.clientId, username: `${credentials.username}!` })
      },
    })
    const b = await parrotBench({ guard })
    const claimed = { username: 'root', password: bytes('guess') }
    const { closed } = await b.connect(connectWith('I am ann', claimed))
    const peer = { transport: 'memory', secure: true }
    expect(shown).toEqual([{ clientId: 'c', username: 'ann', peer, provenBy: method }])
    expect(b.bird.begun).toEqual([{ clientId: 'c', ...claimed, peer }])
    expect([closed, b.broker.sessions.get('c')?.principal.username]).toEqual([false, 'ann!'])
    const other = b.dial()
    expect((await other.login(connectWith('I am mallory'))).reasonCode).toBe(0x8a)
    expect(other.closed).toBe(true)
  })

  it('rules for topics hold for the will as well, under the name that was proven', async () => {
    const rewrite = [{ action: 'publish', source: 'w', regex: '^w$', target: 'wills/${username}' }] as const
    const guard = guardOf({ authorize: ({ username }) => username === 'ann' })
    const b = await parrotBench({ guard, mqtt: { rewrite } })
    const heard: string[] = []
    b.broker.tap('#', (message) => heard.push(message.topic))
    const connect = { username: 'root', will: { topic: 'w', payload: bytes('x'), qos: 0, retain: false } } as const
    const client = await b.connect(connectWith('I am ann', connect))
    await client.drop()
    expect(heard).toEqual(['wills/ann'])
    const other = b.dial()
    expect([(await other.login(connectWith('I am eve', connect))).reasonCode, other.closed]).toEqual([0x87, true])
  })

  it('is not asked before the exchange is over', async () => {
    const guard = guardOf({ authenticate: () => Promise.reject(new Error('too early')) })
    const b = await parrotBench({ guard })
    const client = b.dial()
    await client.send(connectPacket(connectWith('ask')))
    client.expect(PacketType.Auth)
    expect(b.takeReports()).toEqual([])
  })
})

async function ban(b: Bench, request: BanRequest): Promise<void> {
  const added = b.broker.bans.add(request)
  await b.host.settle()
  await added
}

describe('bans and the rate of logins', () => {
  it.each([
    { kind: 'clientId', value: 'c' },
    { kind: 'address', value: '10.0.0.0/8' },
  ] as const)('whoever is banned (%j) is asked nothing', async (request) => {
    const b = await parrotBench()
    await ban(b, request)
    const client = b.dial(5, { address: '10.0.0.1' })
    expect((await client.login(connectWith('ask'))).reasonCode).toBe(0x8a)
    expect([client.closed, b.bird.begun]).toEqual([true, []])
  })

  it('a banned user is found when the name is proven, and put out when banned meanwhile', async () => {
    const b = await parrotBench()
    await ban(b, { kind: 'username', value: 'eve' })
    const client = b.dial()
    expect((await client.login(connectWith('I am eve'))).reasonCode).toBe(0x8a)
    const other = await ann(b)
    await ban(b, { kind: 'username', value: 'ann' })
    expect([other.expect(PacketType.Disconnect).reasonCode, other.closed]).toEqual([0x98, true])
  })

  it('an exchange counts once, when it begins, and a later one not at all', async () => {
    const b = await parrotBench({ limits: { connectRate: 2 } })
    const [first] = [await ann(b), await ann(b, { clientId: 'd' })]
    const third = b.dial()
    expect((await third.login(connectWith('ask', { clientId: 'e' }))).reasonCode).toBe(0x9f)
    expect([third.closed, b.bird.begun.length]).toEqual([true, 2])
    await first.send(auth(0x19, 'I am ann'))
    expect(first.expect(PacketType.Auth).reasonCode).toBe(0)
    await b.host.advance(500)
    await ann(b, { clientId: 'f' })
    const fifth = b.dial()
    expect((await fifth.login({ clientId: 'g' })).reasonCode).toBe(0x9f)
  })
})

describe('a session that must be stored first', () => {
  const kept = { cleanStart: false, properties: { sessionExpiryInterval: 100 } }

  it('is there again', async () => {
    const b = await parrotBench()
    const first = await b.connect(connectWith('I am ann', kept))
    await first.drop()
    const second = await b.connect(connectWith('I am ann', kept))
    expect(second.connack.sessionPresent).toBe(true)
  })

  it('refuses the client when it cannot be', async () => {
    const b = await parrotBench({ storage: failingStorage(memoryStorage(), { failCommit: () => 'storage-failed' }) })
    const client = b.dial()
    const { reasonCode } = await client.login(connectWith('I am ann', kept))
    expect([reasonCode, client.closed]).toEqual([0x80, true])
  })
})

/** A property that is a text or bytes. */
function field(id: number, text: string): number[] {
  return [id, 0, text.length, ...bytes(text)]
}
