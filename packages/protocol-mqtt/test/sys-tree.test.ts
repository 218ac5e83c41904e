import { describe, expect, it } from 'vitest'
import { encode } from '../src/codec/encoder.ts'
import { type OutgoingPacket, PacketType, type Publish } from '../src/codec/packet.ts'
import { defaultSysOptions, type SysOptions, sysTopics } from '../src/sys/sys-topics.ts'
import { type Bench, bench, type BenchOptions, connectPacket, publishPacket, text } from './harness.ts'

const interval = 10_000

/** A bench that publishes its tree, and how to stop that. */
async function start(
  options: BenchOptions = {},
  sys: Partial<SysOptions> = {},
): Promise<{ b: Bench; stop: () => void }> {
  const b = await bench(options)
  const stop = sysTopics(b.broker, b.counters, { ...defaultSysOptions, version: '1.2.3', ...sys })
  return { b, stop }
}

/** What a client that subscribes now is sent, by topic below `$SYS/broker/`. */
async function read(b: Bench): Promise<Record<string, string>> {
  const reader = await b.connect({ version: 4 })
  await reader.subscribe('$SYS/broker/#', { qos: 2 })
  const got = reader.received.splice(0).map((packet) => {
    const publish = packet as Publish
    expect([publish.type, publish.retain, publish.qos]).toEqual([PacketType.Publish, true, 0])
    return [publish.topic.slice('$SYS/broker/'.length), text(publish)]
  })
  await reader.disconnect()
  return Object.fromEntries(got) as Record<string, string>
}

/** The tree as of the next reading. */
async function next(b: Bench): Promise<Record<string, string>> {
  await b.host.advance(interval)
  return read(b)
}

const loads = [
  'bytes/received',
  'bytes/sent',
  'connections',
  'messages/received',
  'messages/sent',
  'publish/dropped',
  'publish/received',
  'publish/sent',
  'sockets',
]

/** Everything that is a plain number, none of which has moved yet. */
const numbers = [
  'bytes/received',
  'bytes/sent',
  'clients/active',
  'clients/connected',
  'clients/disconnected',
  'clients/expired',
  'clients/inactive',
  'clients/maximum',
  'clients/total',
  'connections/socket/count',
  'messages/received',
  'messages/sent',
  'messages/stored',
  'packet/out/bytes',
  'packet/out/count',
  'publish/bytes/received',
  'publish/bytes/sent',
  'publish/messages/dropped',
  'publish/messages/received',
  'publish/messages/sent',
  'retained messages/count',
  'shared_subscriptions/count',
  'store/messages/bytes',
  'store/messages/count',
  'subscriptions/count',
]

describe('$SYS/broker', () => {
  it('is there as a whole from the start, in the forms of mosquitto', async () => {
    const { b } = await start({}, { memory: () => 4096 })
    expect(await read(b)).toEqual({
      version: 'isomq version 1.2.3',
      uptime: '0 seconds',
      'heap/current': '4096',
      'heap/maximum': '4096',
      ...Object.fromEntries(numbers.map((name) => [name, '0'])),
      ...Object.fromEntries(loads.flatMap((name) => [1, 5, 15].map((span) => [`load/${name}/${span}min`, '0.00']))),
    })
  })

  it('uptime is seconds, heap/maximum the most that was ever read', async () => {
    const readings = [300, 500, 400]
    const { b } = await start({}, { memory: () => readings.shift()! })
    await b.host.advance(interval)
    expect(await next(b)).toMatchObject({ uptime: '20 seconds', 'heap/current': '400', 'heap/maximum': '500' })
  })

  it('heap is left out where nobody can measure it', async () => {
    const { b } = await start()
    expect(Object.keys(await read(b)).filter((name) => name.startsWith('heap'))).toEqual([])
  })

  it('clients: total, connected, disconnected, their old names, and the most that were connected at once', async () => {
    const { b } = await start()
    const stays = { cleanStart: false, properties: { sessionExpiryInterval: 3600 } }
    const [a, c] = [await b.connect({ clientId: 'a', ...stays }), await b.connect({ clientId: 'c', ...stays })]
    const short = await b.connect()
    await a.disconnect()
    await short.drop()
    await b.connect({ clientId: 'b' })
    const counts = { 'clients/total': '3', 'clients/connected': '2', 'clients/active': '2', 'clients/maximum': '3' }
    expect(await next(b)).toMatchObject({ ...counts, 'clients/disconnected': '1', 'clients/inactive': '1' })
    await c.disconnect()
    expect(await next(b)).toMatchObject({ 'clients/maximum': '3', 'clients/disconnected': '2' })
  })

  it('clients/expired: those nobody came back to in time, and no others', async () => {
    const { b } = await start()
    const expiring = { cleanStart: false, properties: { sessionExpiryInterval: 15 } }
    for (const clientId of ['late', 'back', 'again']) await (await b.connect({ clientId, ...expiring })).disconnect()
    await b.connect({ clientId: 'back', ...expiring })
    await (await b.connect({ clientId: 'again', cleanStart: true })).disconnect()
    await b.host.advance(interval)
    expect(await next(b)).toMatchObject({ 'clients/expired': '1', 'clients/total': '1' })
  })

  it('sockets are counted when they open, connections by their CONNECT', async () => {
    const { b } = await start()
    await b.connect()
    await b.dial().drop()
    await b.dial().send(connectPacket({ clientId: 'x'.repeat(10), keepAlive: 1 }))
    const tree = await next(b)
    const first = (perInterval: number): string => (perInterval * 6 * (1 - Math.exp(-1 / 6))).toFixed(2)
    expect(tree).toMatchObject({ 'connections/socket/count': '3' })
    expect([tree['load/sockets/1min'], tree['load/connections/1min']]).toEqual([first(3), first(2)])
  })

  it('bytes and packets of all types, and the PUBLISH among them with their payloads', async () => {
    const { b } = await start()
    const sub = await b.connect({ clientId: 'sub', version: 4 })
    await sub.subscribe('t/#', { qos: 2 })
    const pub = await b.connect({ clientId: 'pub', version: 4 })
    const sent: OutgoingPacket[] = [
      publishPacket('t', 'four'),
      publishPacket('t', 'retained', { qos: 1, packetId: 7, retain: true }),
      publishPacket('t/long', 'x'.repeat(9000), { qos: 1, packetId: 8 }),
      publishPacket('nobody', '1', { qos: 2, packetId: 9 }),
      { type: PacketType.Pubrel, packetId: 9, reasonCode: 0 },
      { type: PacketType.Pingreq },
    ]
    pub.write(...sent)
    await b.host.settle()
    await sub.take('four')
    await sub.take('retained')
    await sub.take('x'.repeat(9000))
    const connects = ['sub', 'pub'].map((clientId) => connectPacket({ clientId, version: 4 }))
    const acks = [1, 2].map((packetId) => ({ type: PacketType.Puback, packetId, reasonCode: 0 }) as const)
    const filter = { filter: 't/#', qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    const subscribe = { type: PacketType.Subscribe, packetId: 1, filters: [filter] } as const
    const received = [...connects, ...sent, ...acks, subscribe].reduce((sum, p) => sum + encode(p, 4).length, 0)
    const chunks = [...sub.chunks, ...pub.chunks].reduce((sum, chunk) => sum + chunk.length, 0)
    const tree = await next(b)
    expect(tree).toMatchObject({
      'bytes/received': String(received),
      'bytes/sent': String(chunks),
      // 2 CONNECT, SUBSCRIBE, 4 PUBLISH, PUBREL, PINGREQ, 2 PUBACK
      'messages/received': '11',
      // 2 CONNACK, SUBACK, 2 PUBACK, PUBREC, PUBCOMP, PINGRESP, 3 PUBLISH
      'messages/sent': '11',
      'publish/messages/received': '4',
      'publish/messages/sent': '3',
      'publish/bytes/received': String(4 + 8 + 9000 + 1),
      'publish/bytes/sent': String(4 + 8 + 9000),
    })
    const first = (perInterval: number): string => (perInterval * 6 * (1 - Math.exp(-1 / 6))).toFixed(2)
    expect(Object.fromEntries(loads.map((name) => [name, tree[`load/${name}/1min`]]))).toEqual({
      'bytes/received': first(received),
      'bytes/sent': first(chunks),
      connections: first(2),
      'messages/received': first(11),
      'messages/sent': first(11),
      'publish/dropped': first(0),
      'publish/received': first(4),
      'publish/sent': first(3),
      sockets: first(2),
    })
  })

  it('packets that go out again after a session was resumed', async () => {
    const { b } = await start()
    const durable = { clientId: 'c', version: 4, cleanStart: false } as const
    const first = await b.connect(durable)
    await first.subscribe('t', { qos: 2 })
    const pub = await b.connect()
    for (const payload of ['one', 'two']) await pub.publish('t', payload, { qos: 2 })
    await first.ack(PacketType.Pubrec, first.expect(PacketType.Publish).packetId)
    await first.drop()
    await b.connect(durable)
    const { Connack, Suback, Pubrec, Publish, Pubrel } = PacketType
    expect([Connack, Suback, Pubrec, Publish, Pubrel].map((type) => b.counters.packetsSent[type])).toEqual([
      3, 1, 2, 3, 2,
    ])
    expect([b.counters.publishBytesSent, b.counters.open.size]).toEqual([9, 2])
  })

  it('load is an average over 1, 5 and 15 minutes that rises and falls exponentially', async () => {
    const { b } = await start()
    const client = await b.connect({ version: 4 })
    const published = (tree: Record<string, string>): (string | undefined)[] =>
      [1, 5, 15].map((span) => tree[`load/publish/received/${span}min`])
    const after = (before: number[], rate: number): number[] =>
      before.map((value, i) => rate + Math.exp(-10 / (60 * [1, 5, 15][i]!)) * (value - rate))
    const shown = (values: number[]): string[] => values.map((value) => value.toFixed(2))
    for (let i = 0; i < 20; i++) await client.publish('t', 'x')
    const risen = after([0, 0, 0], 120)
    expect(published(await next(b))).toEqual(shown(risen))
    const fallen = after(risen, 0)
    expect(published(await next(b))).toEqual(shown(fallen))
    for (let i = 0; i < 5; i++) await client.publish('t', 'x')
    expect(published(await next(b))).toEqual(shown(after(fallen, 30)))
  })

  it('publish/messages/dropped and its load: deliveries that did not happen', async () => {
    const { b } = await start()
    const sub = await b.connect({ properties: { maximumPacketSize: 100 } })
    await sub.subscribe('t')
    await (await b.connect()).publish('t', 'x'.repeat(100))
    const tree = await next(b)
    const rate = (6 * (1 - Math.exp(-1 / 6))).toFixed(2)
    expect([tree['publish/messages/dropped'], tree['load/publish/dropped/1min']]).toEqual(['1', rate])
  })

  it('subscriptions and shared subscriptions: those there are, of sleeping sessions too', async () => {
    const { b } = await start()
    const a = await b.connect({ clientId: 'a', properties: { sessionExpiryInterval: 3600 } })
    for (const filter of ['t', 't/#', '$share/g/t', '$share/h/t']) await a.subscribe(filter)
    await a.subscribe('t', { qos: 1 })
    const c = await b.connect({ clientId: 'c' })
    await c.subscribe('t')
    await c.subscribe('$share/g/t')
    await a.disconnect()
    expect(await next(b)).toMatchObject({ 'subscriptions/count': '3', 'shared_subscriptions/count': '3' })
    await c.drop()
    const again = await b.connect({ clientId: 'a', cleanStart: false, properties: { sessionExpiryInterval: 3600 } })
    await again.send({ type: PacketType.Unsubscribe, packetId: 9, filters: ['t', '$share/g/t'] })
    expect(await next(b)).toMatchObject({ 'subscriptions/count': '1', 'shared_subscriptions/count': '1' })
    const over = await b.restart()
    sysTopics(over.broker, over.counters, { ...defaultSysOptions, version: '1.2.3' })
    expect(await read(over)).toMatchObject({ 'subscriptions/count': '1', 'shared_subscriptions/count': '1' })
  })

  it('retained messages are those of clients; stored are they and what the log holds', async () => {
    const { b } = await start()
    const away = await b.connect({ clientId: 'away', properties: { sessionExpiryInterval: 3600 } })
    await away.subscribe('t', { qos: 1 })
    await away.disconnect()
    const pub = await b.connect()
    await pub.publish('r', 'four', { retain: true })
    for (let i = 0; i < 3; i++) await pub.publish('t', 'sevenish', { qos: 1 })
    expect(await next(b)).toMatchObject({
      'retained messages/count': '1',
      'messages/stored': '4',
      'store/messages/count': '4',
      'store/messages/bytes': '28',
    })
    const back = await b.connect({ clientId: 'away', cleanStart: false, properties: { sessionExpiryInterval: 3600 } })
    for (let i = 0; i < 3; i++) await back.take('sevenish')
    await b.host.advance(interval)
    expect(await next(b)).toMatchObject({ 'messages/stored': '1', 'store/messages/bytes': '4' })
  })

  it('packet/out: what has been written to connections that do not take it', async () => {
    const { b } = await start()
    const sub = await b.connect({ version: 4 })
    await sub.subscribe('t')
    const pub = await b.connect({ version: 4 })
    sub.pause()
    const payload = 'x'.repeat(40_000)
    // The first still fits into what the connection holds without asking to wait.
    for (let i = 0; i < 4; i++) await pub.publish('t', payload)
    const size = encode(publishPacket('t', payload), 4).length
    expect(await next(b)).toMatchObject({ 'packet/out/count': '3', 'packet/out/bytes': String(4 * size) })
    await sub.resume()
    expect(await next(b)).toMatchObject({ 'packet/out/count': '0', 'packet/out/bytes': '0' })
  })
})
