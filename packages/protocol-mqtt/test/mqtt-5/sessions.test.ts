import { describe, expect, it } from 'vitest'
import { hex, join } from '../codec/frames.ts'
import { digits, pingreq, pingresp, string, wire, type Wire } from '../wire.ts'
import { connect, will, publish, subscribe, answer, ack, login, subscriber } from './frames.ts'
import { type Bench, bench } from '../harness.ts'

// What suites made by others check of a broker of 5.0, with every byte written out.

const lasting = '11 000003e8'
const options = { maxPacketSize: 4096, receiveMaximum: 3, topicAliasMaximum: 2 }
// Receive Maximum 3, Topic Alias Maximum 2, Maximum Packet Size 4096.
const announced = '21 00 03 22 00 02 27 00 00 10 00'

describe('CONNECT and CONNACK', () => {
  it.each(['00', '02'])(
    '[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] flags %s: without an id it gets one',
    async (flags) => {
      const b = await bench({ mqtt: options })
      const clients = [wire(b), wire(b)]
      const greetings: string[] = []
      for (const client of clients) {
        await client.says(connect('', { flags, properties: lasting }))
        greetings.push(...client.takes())
      }
      const ids = Array.from(b.broker.sessions, ({ id }) => id)
      expect(new Set(ids).size).toBe(2)
      for (const [i, greeting] of greetings.entries()) {
        expect(greeting).toMatch(/^20 .. 00 00 /)
        expect(greeting).toContain(announced)
        expect(greeting).toContain(digits(join(hex('12'), string(ids[i]!))))
      }
      // The id is as good as one of its own.
      await clients[0]!.drop()
      const again = wire(b)
      await again.says(connect(ids[0]!, { flags: '00', properties: lasting }))
      expect(again.takes()[0]).toMatch(/^20 .. 01 00 /)
    },
  )

  it('[MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.2.2-2] [MQTT-3.2.2-3] Session Present over a life of sessions', async () => {
    const b = await bench({ mqtt: options })
    const steps: readonly (readonly [flags: string, properties: string, wait: number, present: number])[] = [
      ['00', lasting, 0, 0],
      ['00', lasting, 999_999, 1],
      ['00', lasting, 1_000_001, 0],
      ['00', '', 0, 1],
      // That one ended with its connection.
      ['00', lasting, 0, 0],
      ['02', lasting, 0, 0],
      ['00', lasting, 0, 1],
    ]
    const seen: number[] = []
    for (const [flags, properties, wait] of steps) {
      await b.host.advance(wait)
      const client = wire(b)
      await client.says(connect('c', { flags, properties }))
      seen.push(Number(client.takes()[0]!.slice(7, 8)))
      await client.drop()
    }
    expect(seen).toEqual(steps.map(([, , , present]) => present))
  })

  it('[MQTT-3.1.2-22] silence ends with DISCONNECT 0x8D', async () => {
    const b = await bench()
    const client = await login(b, 'c', { keepAlive: 4 })
    await b.host.advance(5999)
    await client.says(pingreq)
    client.hears(pingresp)
    await b.host.advance(6000)
    expect([client.takes()[0]?.slice(6, 8), client.ended]).toEqual(['8d', true])
  })
})

describe('wills and sessions', () => {
  it('[MQTT-4.1.0-1] [MQTT-4.1.0-2] a session outlives no silence after its connection, and any during it', async () => {
    const b = await bench()
    const sub = await login(b, 'sub', { properties: '11 00000001' })
    await sub.says(subscribe(1, '', ['t', 0]))
    sub.hears(answer(0x90, 1, 0))
    await b.host.advance(100 * 24 * 3_600_000)
    const pub = await login(b, 'pub')
    await pub.says(publish(0x30, 't', 'x'))
    sub.hears(publish(0x30, 't', 'x'))
    await sub.drop()
    await b.host.advance(1000)
    const again = wire(b)
    await again.says(connect('sub', { flags: '00' }))
    expect(again.takes()[0]).toMatch(/^20 .. 00 00 /)
  })

  it('[MQTT-3.14.2-2] [MQTT-3.14.4-1] [MQTT-3.14.4-2] a DISCONNECT of ours has a reason, at most a text, and is the last word', async () => {
    const ends: readonly (readonly [code: string, end: (client: Wire, b: Bench) => Promise<unknown>])[] = [
      ['81', (client) => client.says(hex('c1 00'), pingreq)],
      ['82', (client) => client.says(hex('d0 00'), pingreq)],
      [
        '8b',
        (_, b) => {
          const closed = b.broker.close()
          return b.host.settle().then(() => closed)
        },
      ],
      ['8d', (_, b) => b.host.advance(15_000)],
      ['8e', (_, b) => login(b, 'c', { flags: '00', properties: lasting })],
      ['95', (client) => client.says(hex('30 ffffff7f'))],
      ['98', async (_, b) => b.broker.sessions.end(b.broker.sessions.get('c')!, 'banned')],
    ]
    for (const [code, end] of ends) {
      const b = await bench()
      const client = await login(b, 'c', { properties: lasting, keepAlive: 10 })
      await end(client, b)
      await b.host.settle()
      const frames = client.takes()
      expect([code, frames.length, client.ended]).toEqual([code, 1, true])
      // Nothing behind the code, or a reason string alone.
      expect(frames[0]).toMatch(new RegExp(`^e0 (01 ${code}|.. ${code} .. 1f .*)$`))
    }
  })

  const later = '18 00000005'
  const gone = publish(0x30, 'w', 'gone')
  const willed = (b: Bench, properties: string, delay = later, flags = '06'): Promise<Wire> =>
    login(b, 'c', { flags, properties, rest: will('w', 'gone', delay) })

  it('[MQTT-3.1.2-8] [MQTT-3.1.3-9] a will waits for its delay, for the session and for nobody who comes back', async () => {
    const b = await bench()
    const sub = await subscriber(b, 'w', 0)
    const cases: readonly (readonly [session: string, due: number])[] = [
      ['11 00000064', 5000],
      ['11 00000002', 2000],
      ['11 00000000', 0],
      ['', 0],
    ]
    for (const [session, due] of cases) {
      const client = await willed(b, session)
      await client.drop()
      if (due > 0) {
        await b.host.advance(due - 1)
        sub.hears()
        await b.host.advance(1)
      }
      sub.hears(gone)
      await b.host.advance(1_000_000)
      sub.hears()
    }
    const client = await willed(b, '11 00000064')
    await client.drop()
    await b.host.advance(4000)
    const back = await login(b, 'c', { flags: '00', properties: '11 00000064' })
    await b.host.advance(100_000)
    sub.hears()
    await back.says(hex('e000'))
  })

  it('[MQTT-3.14.4-3] DISCONNECT 0x00 drops it, 0x04 does not, and the delay counts then too', async () => {
    const b = await bench()
    const sub = await subscriber(b, 'w', 0)
    for (const [farewell, published] of [
      ['e000', false],
      ['e0 01 00', false],
      ['e0 01 04', true],
      ['e0 02 04 00', true],
    ] as const) {
      const client = await willed(b, '11 00000064')
      await client.says(hex(farewell))
      expect(client.ended).toBe(true)
      await b.host.advance(4999)
      sub.hears()
      await b.host.advance(1)
      sub.hears(...(published ? [gone] : []))
    }
  })

  it('[MQTT-3.1.4-3] the same id again: DISCONNECT 0x8E for the old, its session for the new', async () => {
    const b = await bench()
    const old = await login(b, 'c', { properties: lasting })
    await old.says(subscribe(1, '', ['t', 1]))
    old.hears(answer(0x90, 1, 1))
    const young = wire(b)
    await young.says(connect('c', { flags: '00', properties: lasting }))
    expect(young.takes()[0]?.slice(6, 11)).toBe('01 00')
    expect([old.takes().map((frame) => frame.replace(/^e0 .. /, 'e0 ')), old.ended]).toEqual([['e0 8e'], true])
    const pub = await login(b, 'pub')
    await pub.says(publish(0x30, 't', 'x'))
    young.hears(publish(0x30, 't', 'x'))
  })

  it('[MQTT-4.4.0-1] [MQTT-4.3.3-6] what was under way goes on in its order, under its identifiers, and nothing comes again without a new connection', async () => {
    const b = await bench()
    const first = await login(b, 'sub', { properties: lasting })
    await first.says(subscribe(1, '', ['t', 2]))
    const pub = await login(b, 'pub')
    await pub.says(...[1, 2, 3, 4].map((id) => publish(id % 2 === 0 ? 0x32 : 0x34, 't', `${id}`, { id })))
    const sent = first.takes().slice(1)
    const ids = sent.map((frame) => Number.parseInt(frame.slice(15, 20).replace(' ', ''), 16))
    await first.says(ack(0x50, ids[0]!))
    first.hears(ack(0x62, ids[0]!))
    await b.host.advance(500_000)
    first.hears()
    await first.drop()
    const second = wire(b)
    await second.says(connect('sub', { flags: '00', properties: lasting }))
    const [, ...again] = second.takes()
    expect(again.filter((frame) => frame.startsWith('62'))).toEqual([`62 02 ${sent[0]!.slice(15, 20)}`])
    const publishes = again.filter((frame) => frame.startsWith('3'))
    // DUP is the only byte that differs.
    expect(publishes.map((frame) => frame.replace(/^3a/, '32').replace(/^3c/, '34'))).toEqual(sent.slice(1))
    expect(publishes.every((frame) => frame.startsWith('3a') || frame.startsWith('3c'))).toBe(true)
  })

  it('[MQTT-4.3.2-5] [MQTT-4.3.3-10] [MQTT-4.3.3-12] [MQTT-3.6.2-1] [MQTT-3.7.2-1] DUP from a client: QoS 1 is delivered again, QoS 2 is not until PUBREL', async () => {
    const b = await bench()
    const sub = await subscriber(b, 't', 0)
    const pub = await login(b, 'pub')
    await pub.says(publish(0x32, 't', '1', { id: 5 }), publish(0x3a, 't', '1', { id: 5 }))
    pub.hears(ack(0x40, 5), ack(0x40, 5))
    await pub.says(publish(0x34, 't', '2', { id: 5 }), publish(0x3c, 't', '2', { id: 5 }))
    pub.hears(ack(0x50, 5), ack(0x50, 5))
    sub.hears(publish(0x30, 't', '1'), publish(0x30, 't', '1'), publish(0x30, 't', '2'))
    await pub.says(ack(0x62, 5), ack(0x62, 5), publish(0x3c, 't', '3', { id: 5 }))
    pub.hears(ack(0x70, 5), ack(0x70, 5, 0x92), ack(0x50, 5))
    // What was never sent is not known.
    await pub.says(ack(0x50, 77))
    pub.hears(ack(0x62, 77, 0x92))
    sub.hears(publish(0x30, 't', '3'))
  })
})
