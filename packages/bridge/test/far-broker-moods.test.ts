import type { Packet } from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import { agree, farBroker, type Received } from './far-broker.ts'
import { setting } from './harness.ts'

const payloads = (packets: readonly Packet[]): string[] =>
  packets.map((packet) =>
    packet.cmd === 'publish' ? `${packet.messageId} ${packet.dup} ${String(packet.payload)}` : '',
  )

describe('what the other broker refuses', () => {
  it('for good goes to the dead letters with the reason, and the others go on', async () => {
    const far = farBroker()
    far.answer = (packet, say) => {
      if (packet.cmd !== 'publish' || packet.topic !== 'b') return agree(packet, say)
      const properties = { reasonString: 'b is mine' }
      say({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId, reasonCode: 0x87, properties })
    }
    for (const qos of [1, 2] as const) {
      const s = await setting({ topics: ['# out 2'], serve: far.serve })
      const letters: unknown[] = []
      s.near.tap('$dead-letter/#', ({ topic, payload, headers }) => letters.push([topic, String(payload), headers]))
      const [sent, rejected]: [string[], unknown[]] = [[], []]
      s.bridge.on('sent', ({ topic }) => sent.push(topic))
      s.bridge.on('rejected', (event) => rejected.push(event))
      for (const topic of ['a', 'b', 'c']) await s.publish('near', topic, 'x', { qos, headers: [['own', '1']] })
      await s.settle()
      const reason = 'not authorised (0x87): b is mine'
      expect(letters).toEqual([
        [
          '$dead-letter/cloud/b',
          '120',
          [
            ['own', '1'],
            ['isomq-reason', reason],
            ['isomq-topic', 'b'],
            ['isomq-code', '135'],
          ],
        ],
      ])
      expect(rejected).toEqual([{ topic: 'b', reason, code: 0x87 }])
      expect(sent).toEqual(['a', 'c'])
      expect(s.bridge.state).toMatchObject({ status: 'connected', lagMessages: 0 })
    }
  })

  it('for now is sent again later, before what came after it', async () => {
    const far = farBroker()
    let full = true
    far.answer = (packet, say) => {
      const isRefused = full && packet.cmd === 'publish' && String(packet.payload) === '2'
      if (isRefused) say({ cmd: 'puback', messageId: packet.messageId, reasonCode: 0x97 })
      else agree(packet, say)
    }
    const s = await setting({ topics: ['# out 1'], serve: far.serve })
    const blocked: unknown[] = []
    s.bridge.on('blocked', (event) => blocked.push(event))
    await s.publish('near', 'a', '1')
    await s.publish('near', 'a', '2')
    await s.publish('near', 'a', '3')
    expect(s.bridge.state).toMatchObject({ status: 'waiting', lagMessages: 2, inFlight: 0 })
    expect(s.bridge.state.lastError?.message).toContain('quota exceeded (0x97)')
    expect(blocked).toEqual([{ topic: 'a', reason: 'quota exceeded (0x97)', code: 0x97 }])
    full = false
    await s.host.advance(5000)
    expect(payloads(far.of('publish'))).toEqual(['1 false 1', '2 false 2', '2 true 2', '3 false 3'])
    expect(s.bridge.state.lagMessages).toBe(0)
  })

  it('because it is too large goes to the dead letters unsent', async () => {
    const far = farBroker()
    far.answer = (packet, say) => {
      if (packet.cmd !== 'connect') return agree(packet, say)
      say({ cmd: 'connack', sessionPresent: false, reasonCode: 0, properties: { maximumPacketSize: 100 } })
    }
    const s = await setting({ topics: ['# out 1'], serve: far.serve })
    const letters = s.listen('near', '$dead-letter/#')
    await s.publish('near', 'a', 'x'.repeat(100))
    await s.publish('near', 'b', 'y')
    await s.settle()
    expect(letters).toEqual([`$dead-letter/cloud/a ${'x'.repeat(100)}`])
    expect(payloads(far.of('publish'))).toEqual(['2 false y'])
    expect(s.bridge.state).toMatchObject({ status: 'connected', lagMessages: 0 })
  })

  it('because it is too old goes to the dead letters unsent', async () => {
    const s = await setting({ topics: ['# out 1'], online: false, outbox: { ttl: 60_000 } })
    const [letters, far] = [s.listen('near', '$dead-letter/#'), s.listen('far')]
    await s.publish('near', 'a', 'old')
    await s.host.advance(60_001)
    await s.publish('near', 'a', 'new')
    s.online = true
    s.bridge.wake()
    await s.settle()
    expect(far).toEqual(['a new'])
    expect(letters).toEqual(['$dead-letter/cloud/a old'])
  })

  it('as a subscription is told, and the others stand', async () => {
    const far = farBroker()
    far.answer = (packet, say) => {
      if (packet.cmd !== 'subscribe') return agree(packet, say)
      say({ cmd: 'suback', messageId: packet.messageId, granted: [1, 0x87] })
    }
    const s = await setting({ topics: ['a in 1', 'b in 1'], serve: far.serve, online: false })
    const refused: unknown[] = []
    s.bridge.on('refused', (event) => refused.push(event))
    s.online = true
    s.bridge.wake()
    await s.settle()
    expect(refused).toEqual([{ filter: 'b', reason: 'not authorised (0x87)' }])
    expect(s.bridge.state.status).toBe('connected')
  })
})

describe('what the other broker is able to', () => {
  it('is kept to: QoS, retained messages, and how many it takes at once', async () => {
    const far = farBroker()
    const properties = { maximumQoS: 1, retainAvailable: false, receiveMaximum: 2 }
    far.answer = (packet, say) => {
      if (packet.cmd === 'connect') say({ cmd: 'connack', sessionPresent: false, reasonCode: 0, properties })
    }
    const s = await setting({ topics: ['# out 2'], serve: far.serve })
    for (const n of ['1', '2', '3']) await s.publish('near', 'a', n, { qos: 2, retain: true })
    const [first, second, third] = far.of('publish')
    expect([first?.qos, first?.retain, second?.qos, third]).toEqual([1, false, 1, undefined])
    far.say({ cmd: 'puback', messageId: 1 })
    await s.settle()
    expect(far.of('publish')).toHaveLength(3)
    expect(s.bridge.state).toMatchObject({ lagMessages: 2, inFlight: 2 })
  })

  it('where it has no QoS at all, what is sent is through', async () => {
    const far = farBroker()
    far.answer = (packet, say) => {
      if (packet.cmd === 'connect')
        say({ cmd: 'connack', sessionPresent: false, reasonCode: 0, properties: { maximumQoS: 0 } })
    }
    const s = await setting({ topics: ['# out 2'], serve: far.serve })
    await s.publish('near', 'a', '1', { qos: 2 })
    await s.settle()
    expect(far.of('publish').map(({ qos }) => qos)).toEqual([0])
    expect(s.bridge.state.lagMessages).toBe(0)
  })

  it('in MQTT 3.1.1: it is tried as a bridge first, then as anybody', async () => {
    const far = farBroker(4)
    far.answer = (packet, say) => {
      if (packet.cmd !== 'connect') return agree(packet, say)
      const isKnown = packet.protocolVersion === 4 && packet.bridgeMode !== true
      say({ cmd: 'connack', sessionPresent: false, returnCode: isKnown ? 0 : 1 })
    }
    const s = await setting({ topics: ['# both 1'], serve: far.serve })
    await s.settle()
    expect(
      (far.of('connect') as Received[]).map(
        (packet) => packet.cmd === 'connect' && [packet.protocolVersion, packet.bridgeMode],
      ),
    ).toEqual([
      [5, undefined],
      [4, true],
      [4, undefined],
    ])
    expect(s.bridge.state).toMatchObject({ status: 'connected', lastError: undefined })
  })
})

describe('what the other broker gets wrong', () => {
  it.each([
    ['bytes that are no packet', Uint8Array.of(0xf0, 0xff, 0xff, 0xff, 0xff, 0xff)],
    ['a packet that only clients send', Uint8Array.of(0x82, 6, 0, 1, 0, 1, 97, 0)],
    ['a second CONNACK', Uint8Array.of(0x20, 3, 0, 0, 0)],
    ['a topic alias', Uint8Array.of(0x30, 6, 0, 0, 3, 0x23, 0, 1)],
    ['an end in order', Uint8Array.of(0xe0, 1, 0x8b)],
  ])('%s ends the connection, and it is tried again', async (_, bytes) => {
    const far = farBroker()
    const s = await setting({ topics: ['# in 1'], serve: far.serve })
    expect(s.bridge.state.status).toBe('connected')
    far.sayBytes(bytes)
    await s.settle()
    expect(s.bridge.state).toMatchObject({ status: 'waiting', nextRetryAt: s.host.clock.now() + 500 })
    expect(s.bridge.state.lastError).toBeInstanceOf(Error)
    await s.host.advance(500)
    expect(s.bridge.state.status).toBe('connected')
  })

  it('acknowledgements of what it never got change nothing', async () => {
    const far = farBroker()
    const s = await setting({ topics: ['# both 2'], serve: far.serve })
    far.say(
      { cmd: 'puback', messageId: 7 },
      { cmd: 'pubrec', messageId: 8 },
      { cmd: 'pubcomp', messageId: 9 },
      { cmd: 'pubrel', messageId: 10 },
      { cmd: 'puback', messageId: 11, reasonCode: 0x97 },
    )
    await s.publish('near', 'a', 'x', { qos: 2 })
    await s.settle()
    expect(s.bridge.state).toMatchObject({ status: 'connected', lagMessages: 0 })
  })

  it('silence is noticed: at login, at subscribing, and later', async () => {
    for (const silent of ['connect', 'subscribe', 'pingreq'] as const) {
      const far = farBroker()
      far.answer = (packet, say) => (packet.cmd === silent ? undefined : agree(packet, say))
      const s = await setting({ topics: ['# in 1'], serve: far.serve, keepAlive: 20_000, connectTimeout: 3000 })
      await s.host.advance(silent === 'pingreq' ? 40_000 : 3000)
      expect([silent, s.bridge.state.status]).toEqual([silent, 'waiting'])
      expect(s.bridge.state.lastError?.message).toMatch(/did not answer in time|has not answered for 20 seconds/)
    }
  })
})

describe('getting in', () => {
  it('asks who we are for every attempt, and waits longer and longer, for a random time', async () => {
    const far = farBroker()
    far.answer = (packet, say) => {
      if (packet.cmd === 'connect') say({ cmd: 'connack', sessionPresent: false, reasonCode: 0x86 })
    }
    let tokens = 0
    const auth = async (): Promise<{ username: string; password: string }> => {
      if (++tokens === 2) throw new Error('no token today')
      return { username: 'u', password: `token ${tokens}` }
    }
    const chances = [0, 0.999, 0.5, 0.25]
    const s = await setting({
      serve: far.serve,
      auth,
      random: () => chances.shift() ?? 0.5,
      backoff: { min: 1000, max: 3000 },
    })
    const waits: number[] = []
    s.bridge.on('state', ({ status, nextRetryAt = 0 }) => {
      if (status === 'waiting') waits.push(nextRetryAt - s.host.clock.now())
    })
    await s.host.advance(12_000)
    // The first was 0 and is over before anybody listens; the bound is 1, 2, 3, 3 … seconds.
    expect(waits.slice(0, 4)).toEqual([1998, 1500, 750, 1500])
    expect(far.of('connect').map(({ password }) => String(password))).toEqual(
      Array.from({ length: tokens }, (_, i) => `token ${i + 1}`).filter((_, i) => i !== 1),
    )
    expect(s.bridge.state.lastError?.message).toContain('bad user name or password (0x86)')
  })

  it('a flush does not wait for the next attempt, and says what is left where it takes too long', async () => {
    const s = await setting({ topics: ['# out 1'], online: false, backoff: { min: 60_000 } })
    await s.publish('near', 'a', 'x')
    const dials = s.dials
    const late = s.bridge.flush({ timeout: 100 })
    const failed = expect(late).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('1 messages'),
    })
    await s.host.advance(100)
    await failed
    expect(s.dials).toBe(dials + 1)
    const closed = expect(s.bridge.flush()).rejects.toMatchObject({ code: 'shutting-down' })
    await s.bridge.close()
    await closed
    expect(s.bridge.state.status).toBe('closed')
    await s.host.advance(600_000)
    expect(s.dials).toBe(dials + 1)
  })

  it('what it tells it tells everybody, also when one of them throws', async () => {
    const s = await setting({ topics: ['# out 1'] })
    const told: string[] = []
    s.bridge.on('sent', () => {
      throw new Error('mine')
    })
    const stop = s.bridge.on('sent', ({ topic }) => told.push(topic))
    s.bridge.on('drained', () => told.push('drained'))
    await s.publish('near', 'a', 'x')
    await s.settle()
    stop()
    await s.publish('near', 'b', 'x')
    await s.settle()
    expect(told).toEqual(['a', 'drained', 'drained'])
    expect(s.host.reports.splice(0)).toHaveLength(2)
  })
})
