import { describe, expect, it } from 'vitest'
import { disconnect, string, wire, type Wire } from '../wire.ts'
import { versions, type Version, connect, connack, publish, ack, subscribe, suback, login, text } from './frames.ts'
import { type Bench, bench } from '../harness.ts'

/** A subscriber to `t` with a session that stays. */
async function durable(b: Bench, version: Version, qos: number): Promise<Wire> {
  const client = await login(b, version, 'durable', '00')
  await client.says(subscribe(1, ['t', qos]))
  client.hears(suback(1, qos))
  return client
}

/** The packet identifier of a PUBLISH to a topic of one character. */
function idOf(frame: string): number {
  return Number.parseInt(frame.slice(15, 20).replace(' ', ''), 16)
}

describe.each(versions)('PUBLISH from a client of version %i', (version) => {
  it('[MQTT-3.3.4-1 of 3.1.1] [MQTT-2.3.1-6 of 3.1.1] [MQTT-4.3.2-2 of 3.1.1] [MQTT-4.3.3-2 of 3.1.1] is answered as its QoS asks, under its identifier', async () => {
    const b = await bench()
    const client = await login(b, version, 'c')
    await client.says(publish(0x30, 't', 'x'))
    client.hears()
    await client.says(publish(0x32, 't', 'x', 0xfffe))
    client.hears(ack(0x40, 0xfffe))
    await client.says(publish(0x34, 't', 'x', 0x1234))
    client.hears(ack(0x50, 0x1234))
    await client.says(ack(0x62, 0x1234))
    client.hears(ack(0x70, 0x1234))
  })

  it('[MQTT-4.3.2-2 of 3.1.1] QoS 1: after PUBACK the same identifier is a new message, whatever DUP says', async () => {
    const b = await bench()
    const sub = await login(b, version, 's')
    await sub.says(subscribe(1, ['t', 0]))
    sub.hears(suback(1, 0))
    const client = await login(b, version, 'c')
    for (const first of [0x32, 0x3a, 0x32, 0x3a]) {
      await client.says(publish(first, 't', 'x', 7))
      client.hears(ack(0x40, 7))
      sub.hears(publish(0x30, 't', 'x'))
    }
  })

  it('[MQTT-4.3.3-2 of 3.1.1] [MQTT-4.3.3-4 of 3.1.1] QoS 2: repeated before PUBREL it is acknowledged and not delivered again, after PUBCOMP it is new', async () => {
    const b = await bench()
    const sub = await login(b, version, 's')
    await sub.says(subscribe(1, ['t', 0]))
    sub.hears(suback(1, 0))
    const client = await login(b, version, 'c')
    for (const payload of ['first', 'second']) {
      for (const first of [0x34, 0x3c, 0x3c]) {
        await client.says(publish(first, 't', payload, 7))
        client.hears(ack(0x50, 7))
      }
      await client.says(ack(0x62, 7))
      client.hears(ack(0x70, 7))
      sub.hears(publish(0x30, 't', payload))
    }
  })

  it('[MQTT-3.3.1-3 of 3.1.1] [MQTT-3.3.1-2 of 3.1.1] [MQTT-4.3.1-1 of 3.1.1] [MQTT-4.3.2-1 of 3.1.1] [MQTT-4.3.3-1 of 3.1.1] its DUP is not passed on', async () => {
    const b = await bench()
    const pub = await login(b, version, 'p')
    for (const [granted, first] of [
      [0, '30'],
      [1, '32'],
      [2, '34'],
    ] as const) {
      const sub = await login(b, version, 's')
      await sub.says(subscribe(1, ['t', granted]))
      sub.hears(suback(1, granted))
      await pub.says(publish(0x3c, 't', 'x', granted + 1))
      expect(sub.takes().map((frame) => frame.slice(0, 2))).toEqual([first])
    }
  })

  it('[MQTT-1.5.3-3 of 3.1.1] U+FEFF is kept wherever it stands', async () => {
    const b = await bench()
    const sub = await login(b, version, 's')
    await sub.says(subscribe(1, ['\uFEFFa/+', 0]))
    sub.hears(suback(1, 0))
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x30, 'a/b', 'x'), publish(0x30, '\uFEFFa/\uFEFF', '\uFEFFx'))
    sub.hears(publish(0x30, '\uFEFFa/\uFEFF', '\uFEFFx'))
  })

  it('[MQTT-3.3.1-5 of 3.1.1] [MQTT-3.3.1-6 of 3.1.1] [MQTT-3.3.1-8 of 3.1.1] with RETAIN it is kept with its QoS', async () => {
    const b = await bench()
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x31, 'k/0', 'zero'), publish(0x33, 'k/1', 'one', 1), publish(0x35, 'k/2', 'two', 2))
    const sub = await login(b, version, 's')
    await sub.says(subscribe(1, ['k/+', 2]))
    const [answer, ...kept] = sub.takes()
    expect(answer).toBe('90 03 00 01 02')
    expect(kept.map((frame) => `${frame.slice(0, 2)} ${text(frame)}`).sort()).toEqual([
      '31 k/0 zero',
      '33 k/1 one',
      '35 k/2 two',
    ])
  })

  it('[MQTT-3.3.1-7 of 3.1.1] a retained QoS 0 message takes the place of one of QoS 2', async () => {
    const b = await bench()
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x35, 't', 'two', 1), publish(0x31, 't', 'zero'))
    const sub = await login(b, version, 's')
    await sub.says(subscribe(1, ['t', 2]))
    sub.hears(suback(1, 2), publish(0x31, 't', 'zero'))
  })

  it('[MQTT-3.3.1-10 of 3.1.1] [MQTT-3.3.1-11 of 3.1.1] [MQTT-3.3.1-12 of 3.1.1] [MQTT-3.3.1-9 of 3.1.1] empty and retained it is delivered and clears; without RETAIN it does neither', async () => {
    const b = await bench()
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x31, 't', 'kept'), publish(0x30, 't', 'other'), publish(0x30, 't', ''))
    const sub = await login(b, version, 's')
    await sub.says(subscribe(1, ['t', 0]))
    sub.hears(suback(1, 0), publish(0x31, 't', 'kept'))
    await pub.says(publish(0x31, 't', ''))
    sub.hears(publish(0x30, 't', ''))
    const late = await login(b, version, 'l')
    await late.says(subscribe(1, ['t', 0]))
    late.hears(suback(1, 0))
  })
})

describe.each(versions)('PUBLISH to a client of version %i', (version) => {
  // 3.1 knows no such flag.
  const present = version === 4 ? 1 : 0

  it('[MQTT-2.3.1-4 of 3.1.1] [MQTT-2.3.1-5 of 3.1.1] [MQTT-4.3.2-1 of 3.1.1] [MQTT-4.3.3-1 of 3.1.1] has an identifier that is in use by no other, and none at QoS 0', async () => {
    const b = await bench()
    const sub = await login(b, version, 's')
    await sub.says(subscribe(1, ['t', 2]))
    sub.hears(suback(1, 2))
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x30, 't', 'zero'))
    sub.hears(publish(0x30, 't', 'zero'))
    for (let id = 1; id <= 30; id++) await pub.says(publish(id % 2 === 0 ? 0x32 : 0x34, 't', 'x', id))
    const ids = sub.takes().map(idOf)
    expect([ids.length, new Set(ids).size, ids.includes(0)]).toEqual([30, 30, false])
  })

  it('[MQTT-4.3.2-1 of 3.1.1] [MQTT-3.3.1-1 of 3.1.1] [MQTT-4.4.0-1 of 3.1.1] [MQTT-2.3.1-3 of 3.1.1] QoS 1: unacknowledged it comes again over a new connection, DUP set, under its identifier', async () => {
    const b = await bench()
    const first = await durable(b, version, 1)
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x32, 't', 'one', 1), publish(0x32, 't', 'two', 2))
    const [one, two] = first.takes()
    expect([text(one!), text(two!)]).toEqual(['t one', 't two'])
    await first.says(ack(0x40, idOf(one!)))
    await b.host.advance(1_000_000)
    // Never without a new connection.
    first.hears()
    await first.drop()
    for (let i = 0; i < 2; i++) {
      const again = wire(b)
      await again.says(connect(version, 'durable', '00'))
      again.hears(connack(0, present), publish(0x3a, 't', 'two', idOf(two!)))
      await again.drop()
    }
  })

  it('[MQTT-4.3.3-1 of 3.1.1] [MQTT-4.3.3-3 of 3.1.1] [MQTT-4.4.0-1 of 3.1.1] QoS 2: PUBLISH until PUBREC, then PUBREL until PUBCOMP', async () => {
    const b = await bench()
    const first = await durable(b, version, 2)
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x34, 't', 'x', 1))
    const [frame] = first.takes()
    const id = idOf(frame!)
    await first.drop()
    const second = wire(b)
    await second.says(connect(version, 'durable', '00'))
    second.hears(connack(0, present), publish(0x3c, 't', 'x', id))
    await second.says(ack(0x50, id))
    second.hears(ack(0x62, id))
    await second.drop()
    const third = wire(b)
    await third.says(connect(version, 'durable', '00'))
    third.hears(connack(0, present), ack(0x62, id))
    await third.says(ack(0x70, id))
    third.hears()
    await third.says(disconnect)
    const fourth = wire(b)
    await fourth.says(connect(version, 'durable', '00'))
    fourth.hears(connack(0, present))
  })

  it('[MQTT-4.6.0-1 of 3.1.1] [MQTT-4.6.0-4 of 3.1.1] [MQTT-4.6.0-5 of 3.1.1] [MQTT-4.6.0-6 of 3.1.1] what is sent again comes in the order it had, PUBREL in that of the PUBRECs, and new messages behind', async () => {
    const b = await bench()
    const first = await durable(b, version, 2)
    const pub = await login(b, version, 'p')
    const names = ['a', 'b', 'c', 'd', 'e']
    await pub.says(...names.map((name, i) => publish(i % 2 === 0 ? 0x34 : 0x32, 't', name, i + 1)))
    const sent = first.takes()
    expect(sent.map(text)).toEqual(names.map((name) => `t ${name}`))
    // PUBREC for the third and then for the first: PUBREL comes in that order.
    await first.says(ack(0x50, idOf(sent[2]!)), ack(0x50, idOf(sent[0]!)))
    first.hears(ack(0x62, idOf(sent[2]!)), ack(0x62, idOf(sent[0]!)))
    await first.drop()
    await pub.says(publish(0x32, 't', 'new', 9))
    const second = wire(b)
    await second.says(connect(version, 'durable', '00'))
    expect(
      second
        .takes()
        .map((frame) => frame.slice(0, 2))
        .sort(),
    ).toEqual(['20', '32', '3a', '3a', '3c', '62', '62'])
    await second.drop()
    const third = wire(b)
    await third.says(connect(version, 'durable', '00'))
    const again = third.takes().slice(1)
    const publishes = again.filter((frame) => frame.startsWith('3'))
    expect(publishes.map((frame) => [frame.slice(0, 2), text(frame)])).toEqual([
      ['3a', 't b'],
      ['3a', 't d'],
      ['3c', 't e'],
      // It went out on the second connection, and was not acknowledged there.
      ['3a', 't new'],
    ])
    expect(publishes.slice(0, 3).map(idOf)).toEqual([1, 3, 4].map((i) => idOf(sent[i]!)))
    const releases = again.filter((frame) => frame.startsWith('62'))
    expect(releases.length).toBe(2)
  })

  it('[MQTT-4.6.0-2 of 3.1.1] [MQTT-4.6.0-3 of 3.1.1] answers to a client come in the order of its messages', async () => {
    const b = await bench()
    // Some of its messages are written to storage and some are not.
    const sleeper = await durable(b, version, 2)
    await sleeper.says(disconnect)
    const pub = await login(b, version, 'p')
    const ids = Array.from({ length: 20 }, (_, i) => i + 1)
    await pub.says(...ids.map((id) => publish(id % 2 === 0 ? 0x32 : 0x34, id % 3 === 0 ? 't' : 'u', 'x', id)))
    pub.hears(...ids.map((id) => ack(id % 2 === 0 ? 0x40 : 0x50, id)))
  })

  it('[MQTT-4.5.0-1 of 3.1.1] a message reaches every session that matches, connected or not', async () => {
    const b = await bench()
    const away = await durable(b, version, 1)
    await away.says(disconnect)
    const here = [await login(b, version, 's1'), await login(b, version, 's2')]
    for (const [i, filter] of ['t', '#'].entries()) {
      await here[i]!.says(subscribe(1, [filter, 1]))
      here[i]!.hears(suback(1, 1))
    }
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x32, 't', 'x', 1))
    for (const client of here) expect(client.takes().map(text)).toEqual(['t x'])
    const again = wire(b)
    await again.says(connect(version, 'durable', '00'))
    expect(again.takes().slice(1).map(text)).toEqual(['t x'])
  })
})

describe.each(versions)('the will of a client of version %i', (version) => {
  it.each([
    ['06', '30'],
    ['0e', '32'],
    ['16', '34'],
    ['26', '30'],
    ['36', '34'],
  ])(
    '[MQTT-3.1.2-8 of 3.1.1] [MQTT-3.1.2-9 of 3.1.1] [MQTT-3.1.2-10 of 3.1.1] [MQTT-3.1.2-16 of 3.1.1] [MQTT-3.1.2-17 of 3.1.1] [MQTT-3.14.4-3 of 3.1.1] flags %s: it comes as %s after a loss, and never after DISCONNECT',
    async (flags, first) => {
      const b = await bench()
      const sub = await login(b, version, 's')
      await sub.says(subscribe(1, ['w', 2]))
      sub.hears(suback(1, 2))
      const doomed = async (): Promise<Wire> => {
        const client = wire(b)
        await client.says(connect(version, 'c', flags, string('w'), string('gone')))
        client.hears(connack(0))
        return client
      }
      const polite = await doomed()
      await polite.says(disconnect)
      await b.host.advance(1_000_000)
      sub.hears()
      const lost = await doomed()
      sub.hears()
      await lost.drop()
      expect(sub.takes().map((frame) => [frame.slice(0, 2), text(frame)])).toEqual([[first, 'w gone']])
      await b.host.advance(1_000_000)
      sub.hears()
      const late = await login(b, version, 'l')
      await late.says(subscribe(1, ['w', 0]))
      const retained = (Number.parseInt(flags, 16) & 0x20) !== 0
      late.hears(suback(1, 0), ...(retained ? [publish(0x31, 'w', 'gone')] : []))
    },
  )

  it('[MQTT-3.1.2-12 of 3.1.1] there is none without its flag', async () => {
    const b = await bench()
    const sub = await login(b, version, 's')
    await sub.says(subscribe(1, ['#', 0]))
    sub.hears(suback(1, 0))
    // The one before, under the same client id, had a will.
    const before = wire(b)
    await before.says(connect(version, 'c', '04', string('w'), string('gone')))
    await before.says(disconnect)
    const client = await login(b, version, 'c', '00')
    await client.drop()
    await b.host.advance(1_000_000)
    sub.hears()
  })
})
