import { expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { residentBytes } from './support/proc.ts'
import { connectFrame, publishFrame, RawClient, subscribeFrame, Type, type RawPacket } from './support/raw.ts'
import { unique } from './support/unique.ts'
import { within } from './support/within.ts'

const megabyte = 1024 * 1024

/** Properties of CONNECT: a session that is kept for an hour. */
const kept = [0x11, 0, 0, 14, 16]

/** Connects, subscribes, and from then on never reads again. */
async function deafReader(
  port: number,
  filters: readonly (readonly [filter: string, qos: number])[],
  properties: readonly number[] = [],
  id = unique('deaf'),
): Promise<RawClient> {
  const client = new RawClient(port)
  await client.ask(Type.connack, connectFrame(id, 5, properties))
  for (const [filter, qos] of filters) await client.ask(Type.suback, subscribeFrame(filter, qos))
  client.socket.pause()
  return client
}

/** Sends frames as fast as the socket takes them, and no faster. */
async function flood(client: RawClient, count: number, frameOf: (number: number) => Buffer): Promise<void> {
  for (let i = 0; i < count;) {
    const frames: Buffer[] = []
    for (const end = Math.min(i + 64, count); i < end; i++) frames.push(frameOf(i))
    if (client.socket.write(Buffer.concat(frames))) continue
    const drained = new Promise<void>((resolve) => client.socket.once('drain', resolve))
    await within(drained, () => `the broker to read on after ${i} messages`)
  }
}

/** Publishes with QoS 1, at most 50 unacknowledged. */
async function publishReliably(client: RawClient, topic: string, count: number): Promise<void> {
  let [sent, acknowledged] = [0, 0]
  while (acknowledged < count) {
    for (; sent < Math.min(acknowledged + 50, count); sent++)
      client.send(publishFrame(topic, payload(sent, 1000), { qos: 1, id: (sent % 65_535) + 1 }))
    const answer = await client.inbox.next()
    expect(answer.type).toBe(Type.puback)
    acknowledged += 1
  }
}

function payload(number: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.writeUInt32BE(number)
  return bytes
}

/** The number in a PUBLISH of MQTT 5, and its packet id where it has one. */
function read({ flags, body }: RawPacket): { readonly id: Buffer; readonly number: number } {
  const afterTopic = 2 + body.readUInt16BE(0)
  const idEnd = afterTopic + ((flags & 6) === 0 ? 0 : 2)
  return { id: body.subarray(afterTopic, idEnd), number: body.readUInt32BE(idEnd + 1) }
}

/** Acknowledges every message and notes its number; `all` resolves when there are so many. */
function readAll(client: RawClient, count: number): { readonly got: number[]; readonly all: Promise<void> } {
  const got: number[] = []
  let seen = client.inbox.all.length
  const all = new Promise<void>((resolve) => {
    client.socket.on('data', () => {
      const packets = client.inbox.all.slice(seen)
      seen += packets.length
      for (const packet of packets.filter(({ type }) => type === Type.publish)) {
        const { id, number } = read(packet)
        got.push(number)
        client.send(Buffer.concat([Buffer.from([0x40, 2]), id]))
      }
      if (got.length >= count) resolve()
    })
  })
  return { got, all }
}

test('five readers that never read delay nobody, and memory stays bounded', async () => {
  const broker = await startBroker(['--log-level', 'debug', '--set', 'limits.stallTimeout=10m'])
  const { port } = broker
  const topic = unique('load')
  const reliable = 10_000
  const loose = 200_000

  const healthy = new RawClient(port)
  await healthy.ask(Type.connack, connectFrame(unique('healthy')))
  await healthy.ask(Type.suback, subscribeFrame(`${topic}/1`, 1))
  const { got, all } = readAll(healthy, reliable)
  const [loosePublisher, reliablePublisher] = [new RawClient(port), new RawClient(port)]
  await loosePublisher.ask(Type.connack, connectFrame(unique('loose')))
  await reliablePublisher.ask(Type.connack, connectFrame(unique('reliable')))
  const before = residentBytes(broker.process.pid)
  const deaf: RawClient[] = []
  for (let i = 0; i < 5; i++)
    deaf.push(
      await deafReader(port, [
        [`${topic}/0`, 0],
        [`${topic}/1`, 1],
      ]),
    )

  let highest = 0
  const watch = setInterval(() => (highest = Math.max(highest, residentBytes(broker.process.pid))), 50)
  try {
    await Promise.all([
      flood(loosePublisher, loose, (number) => publishFrame(`${topic}/0`, payload(number, 1000))),
      publishReliably(reliablePublisher, `${topic}/1`, reliable),
    ])
    await within(all, () => `${reliable} messages at the healthy reader: ${got.length}`)
  } finally {
    clearInterval(watch)
  }
  // Everything, once and in order.
  expect(got).toEqual(Array.from({ length: reliable }, (_, i) => i))
  expect(Math.round((highest - before) / megabyte), 'megabytes more than at the start').toBeLessThanOrEqual(128)
  await broker.process.until(
    'stderr',
    new RegExp(`message dropped client=deaf\\S+ reason=slow-consumer topic=${topic}/0`),
  )
  const [, calls] = await broker.process.until('stderr', /event=dropped calls=(\d+)/)
  expect(Number(calls)).toBeGreaterThan(0)
  expect(deaf.every(({ socket }) => !socket.destroyed)).toBe(true)
  expect((await broker.stop()).code).toBe(0)
}, 120_000)

test('a reader of QoS 1 with a session that is kept gets everything once it reads again, in order', async () => {
  const broker = await startBroker(['--log-level', 'info', '--set', 'limits.stallTimeout=10m'])
  const topic = unique('paused')
  const count = 10_000
  const reader = await deafReader(broker.port, [[topic, 1]], kept)
  const publisher = new RawClient(broker.port)
  await publisher.ask(Type.connack, connectFrame(unique('publisher')))
  await publishReliably(publisher, topic, count)
  const { got, all } = readAll(reader, count)
  reader.socket.resume()
  await within(all, () => `${count} messages: ${got.length}`)
  expect(got).toEqual(Array.from({ length: count }, (_, i) => i))
  expect((await broker.stop()).code).toBe(0)
})

test('a reader that takes nothing for the stall timeout is cut off', async () => {
  const broker = await startBroker(['--log-level', 'debug', '--set', 'limits.stallTimeout=1s'])
  const topic = unique('stalled')
  const id = unique('deaf')
  const reader = await deafReader(broker.port, [[topic, 0]], [], id)
  const publisher = new RawClient(broker.port)
  await publisher.ask(Type.connack, connectFrame(unique('publisher')))
  await flood(publisher, 20_000, (number) => publishFrame(topic, payload(number, 1000)))
  await broker.gone(id, 10_000)
  // Its end shows only to one that reads.
  reader.socket.resume()
  await reader.untilClosed()
  expect((await broker.stop()).code).toBe(0)
})
