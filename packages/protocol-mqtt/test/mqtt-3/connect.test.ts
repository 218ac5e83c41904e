import { failingStorage } from '@isomq/testkit'
import { memoryStorage } from '@isomq/storage-memory'
import { describe, expect, it } from 'vitest'
import { hex, join } from '../codec/frames.ts'
import { disconnect, pingreq, string, wire } from '../wire.ts'
import { versions, connect, connack, publish, ack, subscribe, suback, login, text } from './frames.ts'
import { bench, guardOf } from '../harness.ts'

describe.each(versions)('CONNECT of version %i', (version) => {
  // 3.1 knows no such flag.
  const present = version === 4 ? 1 : 0

  it('[MQTT-3.1.4-4 of 3.1.1] [MQTT-3.2.2-1 of 3.1.1] a clean session is answered by 20 02 00 00', async () => {
    const b = await bench()
    const client = wire(b)
    await client.says(connect(version, 'c', '02'))
    client.hears(connack(0))
    expect(client.ended).toBe(false)
  })

  it('[MQTT-3.1.2-4 of 3.1.1] [MQTT-3.1.3-2 of 3.1.1] [MQTT-3.1.4-3 of 3.1.1] [MQTT-3.2.2-1 of 3.1.1] [MQTT-3.2.2-2 of 3.1.1] [MQTT-3.2.2-3 of 3.1.1] [MQTT-3.1.2-6 of 3.1.1] a session is there from the first Clean Session 0 until the next Clean Session 1', async () => {
    const b = await bench()
    const steps: readonly (readonly [flags: string, present: number])[] = [
      ['00', 0],
      ['00', present],
      ['02', 0],
      ['00', 0],
      ['00', present],
      ['02', 0],
      ['02', 0],
    ]
    for (const [flags, expected] of steps) {
      const client = wire(b)
      await client.says(connect(version, 'c', flags))
      client.hears(connack(0, expected))
      await client.says(disconnect)
      expect(client.ended).toBe(true)
      // Another client id is another session.
      const other = wire(b)
      await other.says(connect(version, 'other', '02'))
      other.hears(connack(0))
    }
  })

  it('[MQTT-3.1.2-5 of 3.1.1] [MQTT-3.1.2-4 of 3.1.1] [MQTT-4.1.0-1 of 3.1.1] QoS 1 and 2 messages wait for the client of such a session', async () => {
    const b = await bench()
    const first = await login(b, version, 'c', '00')
    await first.says(subscribe(1, ['a/+', 2]))
    first.hears(suback(1, 2))
    await first.says(disconnect)
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x32, 'a/1', 'one', 1), publish(0x34, 'a/2', 'two', 2), publish(0x32, 'b', 'three', 3))
    await b.host.advance(1_000_000)
    const second = wire(b)
    await second.says(connect(version, 'c', '00'))
    const [greeting, ...waited] = second.takes()
    expect(greeting).toBe(`20 02 0${present} 00`)
    expect(waited.map((frame) => [frame.slice(0, 2), text(frame)])).toEqual([
      ['32', 'a/1 one'],
      ['34', 'a/2 two'],
    ])
  })

  it('[MQTT-3.1.2-6 of 3.1.1] nothing waits for the client of a clean session', async () => {
    const b = await bench()
    const first = await login(b, version, 'c')
    await first.says(subscribe(1, ['t', 1]))
    await first.drop()
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x32, 't', 'x', 1))
    const second = wire(b)
    await second.says(connect(version, 'c', '00'))
    second.hears(connack(0, 0))
    await pub.says(publish(0x32, 't', 'y', 2))
    second.hears()
  })

  it('[MQTT-4.1.0-2 of 3.1.1] a clean session lasts as long as its connection, however long that is', async () => {
    const b = await bench()
    const client = await login(b, version, 'c')
    await client.says(subscribe(1, ['t', 0]))
    client.hears(suback(1, 0))
    await b.host.advance(100 * 24 * 3_600_000)
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x30, 't', 'x'))
    client.hears(publish(0x30, 't', 'x'))
  })

  it('[MQTT-3.1.2-7 of 3.1.1] retained messages outlive the session of their publisher and of whoever got them', async () => {
    const b = await bench()
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x31, 't', 'kept'))
    await pub.says(disconnect)
    for (let i = 0; i < 2; i++) {
      const sub = await login(b, version, 's')
      await sub.says(subscribe(1, ['t', 0]))
      sub.hears(suback(1, 0), publish(0x31, 't', 'kept'))
      await sub.drop()
    }
  })

  it('[MQTT-3.1.3-1 of 3.1.1] [MQTT-3.1.3-3 of 3.1.1] [MQTT-3.1.2-9 of 3.1.1] [MQTT-3.1.2-19 of 3.1.1] [MQTT-3.1.2-21 of 3.1.1] the fields are read in their order', async () => {
    const shown: unknown[] = []
    const authenticate = (credentials: { clientId: string }) => {
      shown.push(credentials)
      return Promise.resolve({ clientId: credentials.clientId })
    }
    const b = await bench({ guard: guardOf({ authenticate }) })
    const sub = await login(b, version, 's')
    await sub.says(subscribe(1, ['will/t', 2]))
    sub.hears(suback(1, 2))
    shown.length = 0
    const client = wire(b)
    // User name, password, will of QoS 1, clean session.
    const fields = ['will/t', 'message', 'user', 'secret'].map((field) => string(field))
    await client.says(connect(version, 'id', 'ce', ...fields))
    client.hears(connack(0))
    expect(shown).toMatchObject([{ clientId: 'id', username: 'user', password: new TextEncoder().encode('secret') }])
    await client.drop()
    expect(sub.takes().map((frame) => [frame.slice(0, 2), text(frame)])).toEqual([['32', 'will/t message']])
  })

  it('[MQTT-3.1.3-9 of 3.1.1] [MQTT-3.2.2-4 of 3.1.1] [MQTT-3.2.2-5 of 3.1.1] a client id that is refused gets 20 02 00 02 and the end', async () => {
    const b = await bench({ mqtt: { clientIdLength: 23 } })
    const client = wire(b)
    await client.says(connect(version, 'x'.repeat(24), '00'))
    client.hears(connack(2))
    expect(client.ended).toBe(true)
    const other = wire(b)
    await other.says(connect(version, 'x'.repeat(23), '00'))
    other.hears(connack(0))
  })

  it('[MQTT-3.1.4-5 of 3.1.1] [MQTT-3.2.2-5 of 3.1.1] behind a refused CONNECT nothing is done', async () => {
    const b = await bench({ mqtt: { clientIdLength: 23 } })
    const heard: string[] = []
    b.broker.tap('#', (m) => heard.push(m.topic))
    const client = wire(b)
    await client.says(connect(version, 'x'.repeat(24), '02'), publish(0x31, 't', 'x'), subscribe(1, ['#', 0]), pingreq)
    client.hears(connack(2))
    expect([heard, b.broker.retained.size, b.broker.sessions.size, client.ended]).toEqual([[], 0, 0, true])
  })

  it('[MQTT-3.2.0-1 of 3.1.1] CONNACK comes before all else, also where much is waiting', async () => {
    const b = await bench()
    const first = await login(b, version, 'c', '00')
    await first.says(subscribe(1, ['#', 1]))
    await first.says(disconnect)
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x32, 't', 'waiting', 1))
    const second = wire(b)
    await second.says(connect(version, 'c', '00'), subscribe(2, ['#', 1]), pingreq, publish(0x32, 'u', 'live', 3))
    const frames = second.takes()
    expect(frames[0]).toBe(`20 02 0${present} 00`)
    // All of it has come: CONNACK once, SUBACK, PINGRESP, PUBACK, and the two messages.
    expect(frames.map((frame) => frame.slice(0, 2)).sort()).toEqual(['20', '32', '32', '40', '90', 'd0'])
  })

  it('[MQTT-3.1.0-1 of 3.1.1] [MQTT-3.1.0-2 of 3.1.1] CONNECT comes first and once', async () => {
    const b = await bench()
    const early = wire(b)
    await early.says(pingreq, connect(version, 'c', '02'))
    early.hears()
    const twice = await login(b, version, 'c')
    await twice.says(pingreq, connect(version, 'c', '02'), pingreq)
    expect(twice.takes()).toEqual(['d0 00'])
    expect([early.ended, twice.ended]).toEqual([true, true])
  })

  it('[MQTT-3.1.4-2 of 3.1.1] the same client id again: the old connection ends without a byte', async () => {
    const b = await bench()
    const old = await login(b, version, 'c', '00')
    await old.says(subscribe(1, ['t', 1]))
    old.hears(suback(1, 1))
    const young = wire(b)
    await young.says(connect(version, 'c', '00'))
    young.hears(connack(0, present))
    old.hears()
    expect([old.ended, young.ended]).toEqual([true, false])
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x30, 't', 'x'))
    young.hears(publish(0x30, 't', 'x'))
  })

  it('[MQTT-3.1.2-24 of 3.1.1] one and a half times the keep alive', async () => {
    const b = await bench()
    const client = wire(b)
    const asked = connect(version, 'c', '02')
    // Its keep alive, ten seconds, lies behind the flags.
    asked[asked.length - 4] = 10
    await client.says(asked)
    client.hears(connack(0))
    for (let i = 0; i < 3; i++) {
      await b.host.advance(14_999)
      await client.says(pingreq)
      client.hears(hex('d000'))
    }
    await b.host.advance(15_000)
    client.hears()
    expect(client.ended).toBe(true)
  })

  it('[MQTT-4.8.0-2 of 3.1.1] a message that could not be stored ends the connection, and no other', async () => {
    let broken = false
    const storage = failingStorage(memoryStorage(), { failCommit: () => (broken ? 'storage-failed' : undefined) })
    const b = await bench({ storage })
    const other = await login(b, version, 'other')
    const sleeper = await login(b, version, 'sleeper', '00')
    await sleeper.says(subscribe(1, ['t', 1]))
    await sleeper.says(disconnect)
    const client = await login(b, version, 'c')
    broken = true
    await client.says(publish(0x32, 't', 'x', 1))
    broken = false
    client.hears()
    expect(client.ended).toBe(true)
    await other.says(publish(0x32, 't', 'x', 1))
    other.hears(ack(0x40, 1))
    b.takeReports()
  })
})

describe('CONNECT of 3.1.1', () => {
  it('[MQTT-3.1.3-6 of 3.1.1] each client without an id gets a session of its own', async () => {
    const b = await bench()
    const clients = [wire(b), wire(b)]
    for (const client of clients) {
      await client.says(connect(4, '', '02'), subscribe(1, ['t', 0]))
      client.hears(connack(0), suback(1, 0))
    }
    await clients[0]!.says(publish(0x30, 't', 'x'))
    for (const client of clients) client.hears(publish(0x30, 't', 'x'))
    expect(Array.from(b.broker.sessions, ({ id }) => id.length > 0)).toEqual([true, true])
  })

  it('[MQTT-3.1.3-8 of 3.1.1] without an id and with Clean Session 0 it gets 20 02 00 02 and the end', async () => {
    const b = await bench()
    const client = wire(b)
    await client.says(connect(4, '', '00'))
    client.hears(connack(2))
    expect(client.ended).toBe(true)
  })

  it('[MQTT-3.1.2-2 of 3.1.1] a level that is not supported gets 20 02 00 01 and the end', async () => {
    const b = await bench()
    for (const level of [0, 1, 2, 3, 6, 7, 127, 131, 132, 255]) {
      const client = wire(b)
      await client.says(join(hex('10 0d 0004 4d515454'), Uint8Array.of(level), hex('02 0000 0001 63')))
      client.hears(connack(1))
      expect([level, client.ended]).toEqual([level, true])
    }
  })

  it('[MQTT-3.1.2-1 of 3.1.1] [MQTT-3.1.4-1 of 3.1.1] another protocol name gets the end alone', async () => {
    const b = await bench()
    for (const name of ['mqtt', 'MQTt', 'MQT', 'MQTTT', 'MQisdp', 'HTTP', '']) {
      const client = wire(b)
      const length = 9 + name.length
      await client.says(join(Uint8Array.of(0x10, length), string(name), hex('04 02 0000 0001 63')))
      client.hears()
      expect([name, client.ended]).toEqual([name, true])
    }
  })

  it('[MQTT-3.2.2-6 of 3.1.1] what no return code names is refused by the end alone', async () => {
    const b = await bench({ mqtt: { maximumQos: 1, retainAvailable: false } })
    // A will of QoS 2, and one that is to be retained.
    for (const flags of ['16', '26']) {
      const client = wire(b)
      await client.says(connect(4, 'c', flags, string('t'), string('p')))
      client.hears()
      expect([flags, client.ended]).toEqual([flags, true])
    }
  })
})
