import { BrokerError, type Consumer } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { PacketType, type Publish } from '../src/codec/packet.ts'
import { defaultSysOptions, type SysOptions, sysTopics } from '../src/sys/sys-topics.ts'
import { type Bench, bench, type BenchOptions, guardOf, request, type TestClient, text } from './harness.ts'

/** A bench that tells what clients do, and somebody who listens. */
async function start(
  sys: Partial<SysOptions> = {},
  options: BenchOptions = {},
): Promise<{ b: Bench; watcher: TestClient; stop: () => void }> {
  const b = await bench(options)
  const events = { ...defaultSysOptions, version: '1.2.3', interval: 0, events: true, ...sys }
  const stop = sysTopics(b.broker, b.counters, events)
  const watcher = await b.connect({ version: 4, clientId: 'watcher' })
  await watcher.subscribe('$SYS/brokers/#')
  watcher.received.length = 0
  return { b, watcher, stop }
}

interface Told {
  readonly topic: string
  readonly event: Record<string, unknown>
}

/** Takes all events received. */
function take(client: TestClient): Told[] {
  return client.received.splice(0).map((packet) => {
    const publish = packet as Publish
    expect([publish.type, publish.qos, publish.retain]).toEqual([PacketType.Publish, 0, false])
    return { topic: publish.topic, event: JSON.parse(text(publish)) as Record<string, unknown> }
  })
}

const reasonsOf = (told: readonly Told[]): unknown[] => told.flatMap(({ event }) => event['reason'] ?? [])

describe('events of clients', () => {
  it.each([
    [3, 'MQIsdp', 0xffffffff],
    [4, 'MQTT', 0xffffffff],
    [5, 'MQTT', 60],
  ] as const)('tell of coming and going, version %i', async (version, name, expiry) => {
    const { b, watcher } = await start()
    const ts = b.host.clock.now()
    const client = b.dial(version, { address: '192.0.2.7', port: 5000 })
    const properties = version === 5 ? { sessionExpiryInterval: 60 } : undefined
    await client.login({ clientId: 'c', username: 'u', keepAlive: 30, cleanStart: false, properties })
    const common = { clientid: 'c', username: 'u', ipaddress: '192.0.2.7', protocol: 'mqtt', connected_at: ts }
    const facts = { ...common, proto_name: name, proto_ver: version }
    expect(take(watcher)).toEqual([
      {
        topic: '$SYS/brokers/isomq/clients/c/connected',
        event: { ...facts, keepalive: 30, clean_start: false, expiry_interval: expiry, ts },
      },
    ])
    await b.host.advance(1000)
    await client.disconnect()
    const later = ts + 1000
    expect(take(watcher)).toEqual([
      {
        topic: '$SYS/brokers/isomq/clients/c/disconnected',
        event: { ...facts, reason: 'normal', disconnected_at: later, ts: later },
      },
    ])
  })

  it('say what they do not know with null, and what was decided in place of what was asked', async () => {
    const { b, watcher } = await start({}, { mqtt: { maxKeepAlive: 20 }, limits: { sessionExpiry: 5000 } })
    await b.connect({ clientId: 'c', keepAlive: 0, properties: { sessionExpiryInterval: 0xffffffff } })
    const [told] = take(watcher)
    expect(told?.event).toMatchObject({ username: null, ipaddress: null, keepalive: 20, expiry_interval: 5 })
  })

  it('name the user that the guard made of the client', async () => {
    const authenticate = ({ clientId }: { clientId: string }): Promise<{ clientId: string; username: string }> =>
      Promise.resolve({ clientId, username: `user of ${clientId}` })
    const { b, watcher } = await start({}, { guard: guardOf({ authenticate }) })
    await b.connect({ clientId: 'c', username: 'asked' })
    expect(take(watcher)[0]?.event['username']).toBe('user of c')
  })

  it('tell of subscriptions with their options', async () => {
    const { b, watcher } = await start()
    const ts = b.host.clock.now()
    const client = await b.connect({ clientId: 'c', username: 'u' })
    take(watcher)
    await client.subscribe('t/+', { qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 1 })
    await client.subscribe('t/+', { qos: 1 })
    await client.subscribe('$share/g/t', { qos: 1, retainHandling: 2 })
    await client.send({ type: PacketType.Unsubscribe, packetId: 9, filters: ['t/+', '$share/g/t', 'never'] })
    const common = { clientid: 'c', username: 'u', protocol: 'mqtt', ts }
    const [subscribed, unsubscribed] = ['subscribed', 'unsubscribed'].map((e) => `$SYS/brokers/isomq/clients/c/${e}`)
    expect(take(watcher)).toEqual([
      { topic: subscribed, event: { ...common, topic: 't/+', subopts: { qos: 2, nl: 1, rap: 1, rh: 1 } } },
      { topic: subscribed, event: { ...common, topic: '$share/g/t', subopts: { qos: 1, nl: 0, rap: 0, rh: 2 } } },
      { topic: unsubscribed, event: { ...common, topic: 't/+' } },
      { topic: unsubscribed, event: { ...common, topic: '$share/g/t' } },
    ])
  })

  it('say why a client is gone', async () => {
    const { b, watcher } = await start()
    await (await b.connect()).drop()
    await (await b.connect()).disconnect(4)
    await b.connect({ keepAlive: 10 })
    await b.host.advance(15_000)
    const first = await b.connect({ clientId: 'c' })
    await b.connect({ clientId: 'c' })
    expect(first.closed).toBe(true)
    b.broker.sessions.end(b.broker.sessions.get('c')!, 'not-authorized')
    await b.host.settle()
    const reasons = ['tcp_closed', 'tcp_closed', 'keepalive_timeout', 'takenover', 'not_authorized']
    expect(reasonsOf(take(watcher))).toEqual(reasons)
  })

  it('tell of a session that is taken over as gone first, then as come', async () => {
    const { b, watcher } = await start()
    await b.connect({ clientId: 'c', username: 'one' })
    await b.connect({ clientId: 'c', username: 'two' })
    expect(take(watcher).map(({ topic, event }) => `${topic.split('/').at(-1)} ${String(event['username'])}`)).toEqual([
      'connected one',
      'disconnected one',
      'connected two',
    ])
  })

  it.each([
    ['a/b', 'a%2Fb'],
    ['+', '%2B'],
    ['#', '%23'],
    ['50%', '50%25'],
    ['ä b$', 'ä b$'],
  ])('write the client id %s as one level: %s', async (clientId, level) => {
    const { b, watcher } = await start({ node: 'n/1' })
    await b.connect({ clientId })
    const [told] = take(watcher)
    expect([told?.topic, told?.event['clientid']]).toEqual([`$SYS/brokers/n%2F1/clients/${level}/connected`, clientId])
  })

  it('leave out a client whose id makes the topic too long', async () => {
    const { b, watcher } = await start({}, { mqtt: { connectPacketSize: 100_000 } })
    await b.connect({ clientId: 'x'.repeat(65_535) })
    watcher.expectNothing()
  })

  it('are not made by events: who is subscribed to all of them is told once of each', async () => {
    const { b, watcher } = await start()
    const client = await b.connect({ clientId: 'c' })
    const filters = [request('$SYS/brokers/+/clients/+/subscribed', { qos: 2 })]
    await client.send({ type: PacketType.Subscribe, packetId: 100, filters })
    // What it has done itself is told after its answer.
    client.expect(PacketType.Suback)
    expect(client.received.map((p) => (p as Publish).topic)).toEqual(['$SYS/brokers/isomq/clients/c/subscribed'])
    await client.subscribe('$SYS/brokers/+/clients/#')
    await b.host.advance(60_000)
    expect(client.received.map((p) => (p as Publish).topic)).toEqual([
      '$SYS/brokers/isomq/clients/c/subscribed',
      '$SYS/brokers/isomq/clients/c/subscribed',
    ])
    expect(take(watcher).map(({ topic }) => topic.split('/').at(-1))).toEqual(['connected', 'subscribed', 'subscribed'])
  })

  it('are not kept: who subscribes later gets none of them', async () => {
    const { b } = await start()
    await b.connect({ clientId: 'c' })
    const late = await b.connect({ clientId: 'late' })
    await late.subscribe('$SYS/brokers/+/clients/c/#')
    late.expectNothing()
    let kept = 0
    b.broker.retained.find('$SYS/#', () => void kept++)
    expect(kept).toBe(0)
  })

  it('are off unless asked for, and end when they are stopped', async () => {
    const off = await start({ events: false })
    await off.b.connect()
    off.watcher.expectNothing()
    const { b, watcher, stop } = await start()
    await b.connect()
    expect(take(watcher)).toHaveLength(1)
    const last = await b.connect({ clientId: 'last' })
    take(watcher)
    b.broker.sessions.end(b.broker.sessions.get('last')!, 'banned')
    stop()
    await b.connect()
    expect(last.closed).toBe(true)
    watcher.expectNothing()
  })

  it('say nothing of sessions that speak another protocol', async () => {
    const { b, watcher } = await start()
    const consumer: Consumer = { load: 0, credit: 1, deliver: () => true, confirm() {}, end() {} }
    const peer = { transport: 'test', secure: true }
    const options = { id: 'other', principal: { clientId: 'other' }, peer, consumer, clean: true, expiry: 0 }
    const { session } = b.broker.sessions.open(options)
    session.subscribe('t', { qos: 0 })
    b.broker.sessions.leave(session, consumer, { forgetWill: true, reason: 'closed' })
    await b.host.settle()
    watcher.expectNothing()
  })

  it('say nothing of a client that was refused', async () => {
    const authenticate = (): Promise<never> => Promise.reject(new BrokerError('not-authenticated'))
    let shut = false
    const guard = guardOf({
      authenticate: (c) => (shut ? authenticate() : Promise.resolve({ clientId: c.clientId })),
    })
    const { b, watcher } = await start({}, { guard })
    shut = true
    await b.dial().login({ clientId: 'c' })
    watcher.expectNothing()
  })
})
