import type { Connection } from '@isomq/kernel'
import { fakeHost } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { writeAck } from '../src/codec/encode-publish.ts'
import { PacketType } from '../src/codec/packet.ts'
import { zeroMqttCounters } from '../src/mqtt-counters.ts'
import { defaultMqttOptions } from '../src/options.ts'
import { Output } from '../src/output.ts'
import { bench, publishPacket, request, text } from './harness.ts'

describe('what goes out in one turn', () => {
  it.each([0, 1, 2] as const)(
    'is one send for each connection, deliveries of QoS %i and their answers alike',
    async (qos) => {
      const b = await bench()
      const subs = [
        await b.connect(),
        await b.connect({ properties: { topicAliasMaximum: 3 } }),
        await b.connect({ version: 4 }),
      ]
      for (const sub of subs) await sub.subscribe('#', { qos: 2 })
      const pub = await b.connect()
      for (const client of [...subs, pub]) client.chunks.length = 0
      pub.write(
        ...Array.from({ length: 20 }, (_, i) =>
          publishPacket(`t/${i % 3}`, `m${i}`, { qos, packetId: qos === 0 ? 0 : i + 1 }),
        ),
        { type: PacketType.Pingreq },
      )
      await b.host.settle()
      expect(subs.map((sub) => sub.chunks.length)).toEqual([1, 1, 1])
      expect(pub.chunks.length).toBe(1)
      for (const sub of subs)
        expect(sub.received.map((p) => p.type === PacketType.Publish && text(p))).toEqual(
          Array.from({ length: 20 }, (_, i) => `m${i}`),
        )
    },
  )

  it('leaves earlier when much has gathered, in order and whole', async () => {
    const b = await bench()
    const sub = await b.connect()
    await sub.subscribe('t', { qos: 1 })
    const pub = await b.connect()
    sub.chunks.length = 0
    const sizes = [1, 4095, 4096, 4097, 70_000, 3, 10_000, 65_536, 2]
    pub.write(
      ...sizes.map((size, i) =>
        publishPacket('t', String.fromCharCode(97 + i).repeat(size), { qos: 1, packetId: i + 1 }),
      ),
    )
    await b.host.settle()
    expect(sub.received.map((p) => p.type === PacketType.Publish && [text(p)[0], text(p).length])).toEqual(
      sizes.map((size, i) => [String.fromCharCode(97 + i), size]),
    )
    expect(new Set(sub.received.map((p) => p.type === PacketType.Publish && p.packetId)).size).toBe(sizes.length)
  })

  it.each([70_000, 65_537, 65_536, 100])(
    'leaves only once it is written: %d bytes before an acknowledgement',
    (size) => {
      // A socket may take the bytes within the call.
      const taken: Uint8Array[] = []
      const connection = { bufferedAmount: 0, send: (bytes: Uint8Array) => taken.push(bytes.slice()) > 0 }
      const output = new Output(connection as unknown as Connection, fakeHost(), {
        options: defaultMqttOptions,
        counters: zeroMqttCounters(),
        reader: { stalled: () => undefined },
      })
      output.write(new Uint8Array(size).fill(1), 0, size)
      for (const id of [7, 8]) {
        output.reserve(4)
        writeAck(output.room, output.place - 4, PacketType.Pubrel, id)
      }
      output.flush()
      const sent = Buffer.concat(taken)
      expect(sent.length).toBe(size + 8)
      expect([...sent.subarray(size)]).toEqual([0x62, 2, 0, 7, 0x62, 2, 0, 8])
    },
  )

  it('has answers in the order of their requests', async () => {
    const b = await bench()
    const client = await b.connect()
    client.write(
      publishPacket('t', '', { qos: 1, packetId: 1 }),
      { type: PacketType.Subscribe, packetId: 2, filters: [request('x')] },
      publishPacket('t', '', { qos: 2, packetId: 3 }),
      { type: PacketType.Pingreq },
      { type: PacketType.Unsubscribe, packetId: 4, filters: ['x'] },
      publishPacket('$SYS/t', '', { qos: 1, packetId: 5 }),
      { type: PacketType.Pubrel, packetId: 3, reasonCode: 0 },
      publishPacket('t', '', { qos: 1, packetId: 6 }),
    )
    await b.host.settle()
    expect(client.received.map((p) => ('packetId' in p ? [p.type, p.packetId] : [p.type]))).toEqual([
      [PacketType.Puback, 1],
      [PacketType.Suback, 2],
      [PacketType.Pubrec, 3],
      [PacketType.Pingresp],
      [PacketType.Unsuback, 4],
      [PacketType.Puback, 5],
      [PacketType.Pubcomp, 3],
      [PacketType.Puback, 6],
    ])
  })

  it('is shared where it is the same, and its identifier is each receiver its own', async () => {
    const b = await bench()
    const subs = []
    for (let i = 0; i < 5; i++) {
      const sub = await b.connect({ clientId: `s${i}` })
      await sub.subscribe('own', { qos: 1 })
      await sub.subscribe('t', { qos: 1 })
      // Each has another number of messages behind it.
      for (let j = 0; j < i; j++) await sub.publish('own', 'x', { qos: 1 })
      subs.push(sub)
    }
    const pub = await b.connect()
    for (const size of [10, 10_000]) {
      for (const sub of subs) sub.received.length = 0
      await pub.publish('t', 'x'.repeat(size), { qos: 1 })
      const ids = subs.map((sub) => {
        const got = sub.expect(PacketType.Publish)
        expect(text(got)).toBe('x'.repeat(size))
        return got.packetId
      })
      expect(new Set(ids).size).toBeGreaterThan(1)
    }
  })
})
