import { readUtf8 } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { PacketType, type Publish } from '../src/codec/packet.ts'
import { defaultSysOptions, type SysOptions, sysTopics } from '../src/sys/sys-topics.ts'
import { type Bench, bench, publishPacket, type TestClient, text } from './harness.ts'

const interval = 10_000

function begin(b: Bench, sys: Partial<SysOptions> = {}): () => void {
  return sysTopics(b.broker, b.counters, { ...defaultSysOptions, version: '1.2.3', ...sys })
}

function found(b: Bench, filter: string = '$SYS/#'): string[] {
  const topics: string[] = []
  b.broker.retained.find(filter, ({ topic }) => void topics.push(topic))
  return topics
}

/** Takes everything received: `topic text`, in order. */
function take(client: TestClient): string[] {
  return client.received.splice(0).map((packet) => {
    const publish = packet as Publish
    expect(publish.type).toBe(PacketType.Publish)
    return `${publish.topic} ${text(publish)}`
  })
}

async function rows(b: Bench): Promise<string[]> {
  const keys: string[] = []
  for await (const [key] of b.storage.table('retained').scan('')) keys.push(key)
  return keys
}

describe('$SYS/broker while it is subscribed to', () => {
  it('comes at each interval, marked as live, as far as it has changed', async () => {
    const b = await bench()
    begin(b)
    const sub = await b.connect({ version: 4 })
    await sub.subscribe('$SYS/broker/clients/+')
    expect(take(sub)).toHaveLength(7)
    await sub.subscribe('$SYS/broker/uptime')
    take(sub)
    await b.host.advance(interval - 1)
    sub.expectNothing()
    await b.host.advance(1)
    const [first] = sub.received as Publish[]
    expect(first?.retain).toBe(false)
    expect(take(sub).toSorted()).toEqual([
      '$SYS/broker/clients/active 1',
      '$SYS/broker/clients/connected 1',
      '$SYS/broker/clients/maximum 1',
      '$SYS/broker/clients/total 1',
      '$SYS/broker/uptime 10 seconds',
    ])
    await b.host.advance(interval)
    expect(take(sub)).toEqual(['$SYS/broker/uptime 20 seconds'])
  })

  it('goes on though the function that measures memory throws, and that is reported', async () => {
    const b = await bench()
    let broken = false
    const memory = (): number => {
      if (broken) throw new Error('no memory')
      return 1
    }
    begin(b, { memory })
    broken = true
    await b.host.advance(interval)
    expect(b.takeReports()).toEqual(['publishing $SYS topics: Error: no memory'])
    broken = false
    await b.host.advance(interval)
    const uptime = b.broker.retained.get('$SYS/broker/uptime')!.payload
    expect(readUtf8(uptime, 0, uptime.length)).toBe('20 seconds')
  })

  it('a clock that is set back makes no speed and no negative time of it', async () => {
    const b = await bench()
    begin(b)
    const { clock } = b.host
    const now = clock.now()
    await (await b.connect({ version: 4 })).publish('t', 'x')
    clock.now = () => now - 3_600_000
    await b.host.advance(interval)
    const sub = await b.connect({ version: 4 })
    await sub.subscribe('$SYS/broker/uptime')
    await sub.subscribe('$SYS/broker/load/publish/received/+')
    expect(take(sub).map((line) => line.split(' ')[1])).toEqual(['0', '0.00', '0.00', '0.00'])
  })

  it.each(['#', '+/broker/uptime', '+/+/uptime', '+/#', '/#', '$share/g/#'])(
    'is not matched by %s [MQTT-4.7.2-1]',
    async (filter) => {
      const b = await bench()
      begin(b, { events: true })
      const sub = await b.connect()
      expect(await sub.subscribe(filter)).toBe(0)
      await b.connect()
      await b.host.advance(interval)
      sub.expectNothing()
    },
  )

  it('is matched by filters that begin with its name, one of them shared', async () => {
    const b = await bench()
    begin(b)
    for (const filter of ['$SYS/#', '$SYS/+/uptime', '$SYS/broker/uptime', '$share/g/$SYS/broker/uptime']) {
      const sub = await b.connect({ version: 4 })
      await sub.subscribe(filter)
      sub.received.length = 0
      await b.host.advance(interval)
      expect(
        take(sub).some((line) => line.startsWith('$SYS/broker/uptime ')),
        filter,
      ).toBe(true)
    }
  })

  it('a durable session at QoS 1 gets it at QoS 0, and nothing waits for it while it is away', async () => {
    const b = await bench()
    begin(b, { events: true })
    const durable = { clientId: 'durable', cleanStart: false, properties: { sessionExpiryInterval: 3600 } }
    const client = await b.connect(durable)
    expect(await client.subscribe('$SYS/#', { qos: 1 })).toBe(1)
    await b.connect({ clientId: 'other' })
    await b.host.advance(interval)
    expect(new Set((client.received.splice(0) as Publish[]).map(({ qos }) => qos))).toEqual(new Set([0]))
    await client.disconnect()
    await b.connect({ clientId: 'another' })
    await b.host.advance(10 * interval)
    const { outbound } = b.broker.sessions.get('durable')!
    expect([outbound.queued, outbound.inflight.length, b.broker.counters.stored]).toEqual([0, 0, 0])
    const back = await b.connect(durable)
    back.expectNothing()
  })
})

describe('$SYS/broker and what is kept', () => {
  it('is never written to the storage, and gone after a restart', async () => {
    const b = await bench()
    begin(b)
    await (await b.connect()).publish('mine', 'x', { retain: true })
    await b.host.advance(3 * interval)
    expect(found(b).length).toBeGreaterThan(50)
    expect([await rows(b), b.broker.counters.commits]).toEqual([['mine'], 1])
    const over = await b.restart()
    expect([found(over), found(over, '#')]).toEqual([[], ['mine']])
  })

  it('counts against no limit of retained messages', async () => {
    const b = await bench({ limits: { retained: 1, retainedBytes: 3 } })
    begin(b)
    const client = await b.connect()
    await client.publish('a', 'xyz', { qos: 1, retain: true })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0)
    await client.publish('b', '', { qos: 1, retain: true })
    await client.publish('b', 'x', { qos: 1, retain: true })
    expect([client.expect(PacketType.Puback).reasonCode, client.expect(PacketType.Puback).reasonCode]).toEqual([
      0, 0x97,
    ])
    await b.host.advance(interval)
    expect([found(b).length > 50, b.broker.retained.size, b.broker.retained.bytes]).toEqual([true, 1, 3])
  })

  it('leaves out what has more levels than the broker serves', async () => {
    const b = await bench({ limits: { topicLevels: 4 } })
    begin(b, { events: true })
    await b.connect()
    await b.host.advance(interval)
    expect(Math.max(...found(b).map((topic) => topic.split('/').length))).toBe(4)
  })

  it('is not counted as received from publishers', async () => {
    const b = await bench()
    begin(b)
    await (await b.connect()).publish('t', 'x')
    await b.host.advance(interval)
    expect(b.broker.counters.received).toBe(1)
  })

  it('ends when it is stopped, and never begins at interval 0', async () => {
    const b = await bench()
    const stop = begin(b, { events: true })
    stop()
    begin(b, { interval: 0 })
    expect(b.host.clock.pending).toBe(0)
    const off = await bench()
    begin(off, { interval: 0 })
    await off.host.advance(10 * interval)
    expect(found(off)).toEqual([])
  })
})

describe('$SYS and those who publish', () => {
  it.each([3, 4, 5] as const)('nobody else changes it, version %i', async (version) => {
    const b = await bench()
    begin(b)
    const sub = await b.connect({ version: 4 })
    await sub.subscribe('$SYS/broker/version')
    take(sub)
    const topic = '$SYS/broker/version'
    const client = await b.connect({
      version,
      clientId: 'c',
      will: { topic, payload: new Uint8Array(0), qos: 1, retain: true },
    })
    const code = version === 5 ? 0x87 : 0
    await client.send(publishPacket(topic, '', { retain: true }))
    client.expectNothing()
    await client.publish(topic, 'x', { qos: 1, retain: true })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(code)
    await client.publish(topic, 'x', { qos: 2, packetId: 9, retain: true })
    expect(client.expect(PacketType.Pubrec).reasonCode).toBe(code)
    await client.drop()
    sub.expectNothing()
    const reader = await b.connect({ version: 4 })
    await reader.subscribe(topic)
    expect(take(reader)).toEqual([`${topic} isomq version 1.2.3`])
  })
})
