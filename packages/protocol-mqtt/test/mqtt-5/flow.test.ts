import { describe, expect, it } from 'vitest'
import { pingreq, wire } from '../wire.ts'
import { connect, publish, subscribe, answer, ack, login, subscriber } from './frames.ts'
import { bench } from '../harness.ts'

// What suites made by others check of a broker of 5.0, with every byte written out.

const lasting = '11 000003e8'
const options = { maxPacketSize: 4096, receiveMaximum: 3, topicAliasMaximum: 2 }

describe('what passes through', () => {
  it('[MQTT-3.3.2-15] [MQTT-3.3.2-16] a request and its response', async () => {
    const b = await bench()
    const server = await subscriber(b, 'service', 1)
    const client = await login(b, 'client')
    await client.says(subscribe(1, '', ['answers/1', 1]))
    client.hears(answer(0x90, 1, 1))
    const request = '08 0009 616e73776572732f31 09 0003 00ff00'
    await client.says(publish(0x32, 'service', 'ping', { id: 9, properties: request }))
    client.hears(ack(0x40, 9))
    const [got] = server.takes()
    expect(got?.replaceAll(' ', '')).toContain(`12${request.replaceAll(' ', '')}70696e67`)
    await server.says(publish(0x32, 'answers/1', 'pong', { id: 1, properties: '09 0003 00ff00' }))
    expect(client.takes()[0]?.replaceAll(' ', '')).toContain(`0609000300ff00${'706f6e67'}`)
  })

  it('[MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-4] [MQTT-3.3.2-20] the properties of a QoS 0 message, to the byte', async () => {
    const b = await bench()
    const sub = await subscriber(b, '#', 0)
    const pub = await login(b, 'pub')
    const pairs = '26 0001 62 0001 31 26 0001 61 0001 32 26 0001 62 0001 31 26 0000 0000'
    await pub.says(publish(0x30, 't', 'x', { properties: `01 01 03 0001 74 ${pairs}` }))
    sub.hears(publish(0x30, 't', 'x', { properties: `01 01 03 0001 74 ${pairs}` }))
  })

  it('[MQTT-3.3.2-5] [MQTT-3.3.2-6] what waits for a client grows older and is gone when its time is over', async () => {
    const b = await bench()
    const first = await login(b, 'sub', { properties: lasting })
    await first.says(subscribe(1, '', ['t', 1]))
    await first.drop()
    const pub = await login(b, 'pub')
    await pub.says(
      publish(0x32, 't', 'long', { id: 1, properties: '02 0000003c' }),
      publish(0x32, 't', 'short', { id: 2, properties: '02 00000005' }),
      publish(0x32, 't', 'ever', { id: 3 }),
    )
    await b.host.advance(10_000)
    const second = wire(b)
    await second.says(connect('sub', { flags: '00', properties: lasting }))
    const [, ...waited] = second.takes()
    expect(waited.map((frame) => frame.slice(21))).toEqual(['05 02 00 00 00 32 6c 6f 6e 67', '00 65 76 65 72'])
  })
})

describe('text', () => {
  it('[MQTT-1.5.4-3] U+FEFF is kept wherever it stands', async () => {
    const b = await bench()
    const sub = await subscriber(b, '\uFEFFa/+', 0)
    const pub = await login(b, 'pub')
    const properties = '03 0004 efbbbf61 26 0003 efbbbf 0004 61efbbbf'
    const sent = publish(0x30, '\uFEFFa/\uFEFF', '\uFEFFx', { properties })
    await pub.says(publish(0x30, 'a/b', 'x'), sent)
    sub.hears(sent)
  })
})

describe('flow control', () => {
  it.each([
    [0x32, 0x40],
    [0x34, 0x50],
  ])(
    '[MQTT-3.3.4-9] [MQTT-3.3.4-10] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3] towards a client that takes two at a time (%i)',
    async (first, reply) => {
      const b = await bench()
      const sub = await subscriber(b, '#', 2, '21 0002')
      const pub = await login(b, 'pub')
      await pub.says(...[1, 2, 3, 4].map((id) => publish(first, 't', `${id}`, { id })))
      const got = sub.takes()
      expect(got.map((frame) => frame.slice(-2))).toEqual(['31', '32'])
      const id = Number.parseInt(got[0]!.slice(15, 20).replace(' ', ''), 16)
      // Everything but QoS 1 and 2 goes on.
      await pub.says(publish(0x30, 'u', 'zero'))
      await sub.says(pingreq, subscribe(2, '', ['v', 0]))
      expect(sub.takes().map((frame) => frame.slice(0, 2))).toEqual(['30', 'd0', '90'])
      await sub.says(ack(reply, id))
      if (first === 0x34) {
        // A PUBREC below 0x80 frees nothing: PUBCOMP does.
        sub.hears(ack(0x62, id))
        await sub.says(ack(0x70, id))
      }
      expect(sub.takes().map((frame) => frame.slice(-2))).toEqual(['33'])
    },
  )

  it('[MQTT-3.3.4-7] towards the broker: as many as announced, then DISCONNECT 0x93', async () => {
    const b = await bench({ mqtt: options })
    const client = await login(b, 'c')
    for (let round = 0; round < 3; round++) {
      await client.says(...[1, 2, 3].map((id) => publish(0x34, 't', 'x', { id })))
      client.hears(...[1, 2, 3].map((id) => ack(0x50, id)))
      await client.says(...[1, 2, 3].map((id) => ack(0x62, id)))
      client.hears(...[1, 2, 3].map((id) => ack(0x70, id)))
    }
    await client.says(...[1, 2, 3, 4].map((id) => publish(0x34, 't', 'x', { id })))
    const frames = client.takes()
    expect(frames.slice(0, 3)).toEqual(['50 02 00 01', '50 02 00 02', '50 02 00 03'])
    expect([frames.length, frames[3]?.slice(6, 8), client.ended]).toEqual([4, '93', true])
  })

  it('[MQTT-3.1.2-26] [MQTT-3.3.2-11] topic aliases towards a client: the name once, then its number', async () => {
    const b = await bench()
    const sub = await subscriber(b, '#', 0, '22 0001')
    const pub = await login(b, 'pub')
    await pub.says(...['a', 'a', 'b', 'a', 'b'].map((topic) => publish(0x30, topic, 'x')))
    const aliased = (topic: string): Uint8Array => publish(0x30, topic, 'x', { properties: '23 0001' })
    sub.hears(aliased('a'), aliased(''), publish(0x30, 'b', 'x'), aliased(''), publish(0x30, 'b', 'x'))
  })

  it('[MQTT-3.3.2-12] topic aliases of a client: each may be given another meaning', async () => {
    const b = await bench({ mqtt: options })
    const sub = await subscriber(b, '#', 0)
    const pub = await login(b, 'pub')
    const say = (topic: string, alias: string): Uint8Array => publish(0x30, topic, 'x', { properties: `23 ${alias}` })
    await pub.says(
      say('a', '0001'),
      say('b', '0002'),
      say('', '0001'),
      say('c', '0001'),
      say('', '0001'),
      say('', '0002'),
    )
    sub.hears(...['a', 'b', 'a', 'c', 'c', 'b'].map((topic) => publish(0x30, topic, 'x')))
  })

  it('[MQTT-3.1.2-24] [MQTT-3.1.2-25] the largest packet of a client, to the byte', async () => {
    const b = await bench({ mqtt: options })
    const sub = await subscriber(b, 't', 1, '27 00000020')
    const pub = await login(b, 'pub')
    // Eight bytes beside the payload: 33 in all, and 32.
    await pub.says(publish(0x32, 't', 'x'.repeat(25), { id: 1 }), publish(0x32, 't', 'y'.repeat(24), { id: 2 }))
    expect(sub.takes().map((frame) => [frame.length, frame.slice(-2)])).toEqual([[32 * 3 - 1, '79']])
    expect(sub.ended).toBe(false)
  })

  it('the largest packet of the broker, to the byte', async () => {
    const b = await bench({ mqtt: options })
    const client = await login(b, 'c')
    // Nine bytes of fixed header, topic, identifier and properties.
    await client.says(publish(0x32, 't', 'x'.repeat(4096 - 9), { id: 1 }))
    client.hears(ack(0x40, 1))
    await client.says(publish(0x32, 't', 'x'.repeat(4097 - 9), { id: 2 }))
    expect([client.takes()[0]?.slice(6, 8), client.ended]).toEqual(['95', true])
  })
})
