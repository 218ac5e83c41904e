import { slowStorage } from '@isomq/testkit'
import { memoryStorage } from '@isomq/storage-memory'
import { describe, expect, it } from 'vitest'
import { type AutoSubscription, autoSubscriptionFault } from '../src/auto-subscribe.ts'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { defaultMqttOptions } from '../src/options.ts'
import { bench, type Bench, type BenchOptions, connectPacket, gate, guardOf, publishPacket, text } from './harness.ts'

/** A bench whose clients are subscribed to these, and what it was told of those that were skipped. */
async function start(autoSubscribe: AutoSubscription[], options: BenchOptions = {}): Promise<[Bench, string[]]> {
  const b = await bench({ ...options, mqtt: { ...options.mqtt, autoSubscribe } })
  const skipped: string[] = []
  b.broker.watch((event) => event.type === 'refused' && skipped.push(event.detail))
  return [b, skipped]
}

/** What a client is subscribed to, as a filter of SUBSCRIBE would say it. */
function filters(b: Bench, id: string): string[] {
  const { subscriptions } = b.broker.sessions.get(id)!
  return Array.from(subscriptions.values(), ({ filter, options: { group, exclusive } }) => {
    if (exclusive === true) return `$exclusive/${filter}`
    return group === undefined ? filter : `$share/${group}/${filter}`
  })
}

const named: AutoSubscription[] = [{ filter: 'c/${clientid}/#' }, { filter: 'u/${username}' }, { filter: 'all' }]

describe('auto-subscription', () => {
  it.each([3, 4, 5] as ProtocolVersion[])('is there with the CONNACK, names filled in, version %i', async (version) => {
    const [b, skipped] = await start([{ filter: 'to/${clientid}/of/${username}/+', qos: 1 }])
    const client = await b.connect({ version, clientId: 'c', username: 'u' })
    const pub = await b.connect({ clientId: 'p', username: 'q' })
    await pub.publish('to/c/of/u/x', 'x', { qos: 2 })
    const got = await client.take('x')
    expect([got.topic, got.qos, skipped]).toEqual(['to/c/of/u/x', 1, []])
    pub.expect(PacketType.Pubrec)
    pub.expectNothing()
  })

  it('has the options it was given; 0 and false unless said', async () => {
    const entry = { qos: 2, noLocal: true, retainAsPublished: true } as const
    const [b] = await start([{ filter: 'a', ...entry }, { filter: 'b' }])
    const client = await b.connect({ clientId: 'c' })
    for (const topic of ['a', 'b']) await client.publish(topic, `mine ${topic}`)
    await client.take('mine b')
    const pub = await b.connect()
    const got = []
    for (const topic of ['a', 'b']) {
      await pub.publish(topic, topic, { qos: 2, retain: true })
      got.push(await client.take(topic))
    }
    expect(got.map(({ qos, retain }) => [qos, retain])).toEqual([
      [2, true],
      [0, false],
    ])
  })

  it('an assigned client identifier is one too', async () => {
    const [b] = await start(named)
    const { connack } = await b.connect()
    const id = connack.properties!.assignedClientIdentifier!
    expect(filters(b, id)).toEqual([`c/${id}/#`, 'all'])
  })

  it('retained messages follow the CONNACK, at every connection, once, or never', async () => {
    const [b] = await start([
      { filter: 'always' },
      { filter: 'once', qos: 1, retainHandling: 1 },
      { filter: 'never', retainHandling: 2 },
    ])
    const pub = await b.connect()
    for (const topic of ['always', 'once', 'never']) await pub.publish(topic, topic, { qos: 1, retain: true })
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    for (const _ of [1, 2]) await first.take(text(first.received[0] as never))
    first.expectNothing()
    await first.drop()
    const second = await b.connect(connect)
    expect([second.connack.sessionPresent, (await second.take('always')).retain]).toEqual([true, true])
    second.expectNothing()
  })

  it('on a session that is resumed it replaces what the client had made of it, and comes back when it was given up', async () => {
    const [b] = await start([{ filter: 'a', qos: 1 }, { filter: 'b' }])
    const connect = { clientId: 'c', cleanStart: false, properties: { sessionExpiryInterval: 100 } }
    const first = await b.connect(connect)
    await first.subscribe('a', { qos: 2, identifier: 7 })
    await first.send({ type: PacketType.Unsubscribe, packetId: 1, filters: ['b'] })
    await first.drop()
    await b.connect(connect)
    const { subscriptions } = b.broker.sessions.get('c')!
    expect(
      Array.from(subscriptions.values(), ({ filter, options }) => [filter, options.qos, options.identifier]),
    ).toEqual([
      ['a', 1, undefined],
      ['b', 0, undefined],
    ])
  })

  it('$share/, $queue/ and $exclusive/ work in it', async () => {
    const [b, skipped] = await start([
      { filter: '$share/${username}/s' },
      { filter: '$queue/q/#' },
      { filter: '$exclusive/x/${clientid}' },
      { filter: '$exclusive/one' },
    ])
    await b.connect({ clientId: 'c', username: 'u' })
    await b.connect({ clientId: 'd', username: 'u' })
    expect(filters(b, 'c')).toEqual(['$share/u/s', '$share/$queue/q/#', '$exclusive/x/c', '$exclusive/one'])
    expect(filters(b, 'd')).toEqual(['$share/u/s', '$share/$queue/q/#', '$exclusive/x/d'])
    expect(skipped).toEqual(['auto-subscription $exclusive/one skipped: quota-exceeded'])
  })

  it('is durable before the CONNACK leaves', async () => {
    const memory = memoryStorage()
    const commits = gate()
    let slow = false
    const storage = slowStorage(memory, () => (slow ? commits.wait() : Promise.resolve()))
    const [b] = await start([{ filter: 'a', qos: 1 }], { storage })
    slow = true
    const client = b.dial()
    await client.send(connectPacket({ clientId: 'c', properties: { sessionExpiryInterval: 100 } }))
    expect([client.received, await memory.table('subscriptions').get('c\0\0a')]).toEqual([[], undefined])
    commits.open()
    await b.host.settle()
    client.expect(PacketType.Connack)
    expect(await memory.table('subscriptions').get('c\0\0a')).toBeDefined()
    expect(commits.waiting).toBe(0)
  })
})

describe('an auto-subscription is skipped, and the client is let in', () => {
  it.each([
    ['a/b', '/'],
    ['a+', '+'],
    ['+', '+'],
    ['#', '#'],
  ])('where a client identifier %s would widen it', async (clientId) => {
    const [b, skipped] = await start(named)
    const client = await b.connect({ clientId, username: 'u' })
    expect(client.connack.reasonCode).toBe(0)
    expect(filters(b, clientId)).toEqual(['u/u', 'all'])
    expect(skipped).toEqual([
      'auto-subscription c/${clientid}/# skipped: the clientid has characters that mean more in a filter',
    ])
  })

  it.each(['x/#', '+', '/', 'a\0b'])('where a user name %j would', async (username) => {
    // No packet has U+0000, but a guard may take the name from elsewhere.
    const guard = guardOf({ authenticate: ({ clientId }) => Promise.resolve({ clientId, username }) })
    const [b, skipped] = await start([...named, { filter: '$share/${username}/x' }], { guard })
    await b.connect({ clientId: 'c' })
    expect([filters(b, 'c'), skipped.length]).toEqual([['c/c/#', 'all'], 2])
  })

  it.each([undefined, ''])('where there is no user name (%j)', async (username) => {
    const [b, skipped] = await start(named)
    await b.connect({ clientId: 'c', username })
    expect(filters(b, 'c')).toEqual(['c/c/#', 'all'])
    expect(skipped).toEqual(['auto-subscription u/${username} skipped: the client has no username'])
  })

  it.each(['$SYS', '$share', '$exclusive'])('where a name (%s) would make it begin with $', async (clientId) => {
    const [b, skipped] = await start([{ filter: '${clientid}/g/x' }, { filter: 'c/${clientid}' }])
    await b.connect({ clientId })
    expect([filters(b, clientId), skipped.length]).toEqual([[`c/${clientId}`], 1])
  })

  it('a name is put in as it is, whatever it looks like', async () => {
    const clientId = "$&${username}$'"
    const [b] = await start([{ filter: 'c/${clientid}' }])
    await b.connect({ clientId, username: 'u' })
    expect(filters(b, clientId)).toEqual([`c/${clientId}`])
  })

  it('where the name makes it too long', async () => {
    const clientId = 'x'.repeat(40_000)
    const [b, skipped] = await start([{ filter: '${clientid}/${clientid}' }])
    await b.connect({ clientId })
    expect([filters(b, clientId), skipped.length]).toEqual([[], 1])
    expect(skipped[0]).toMatch(/: invalid-filter$/)
  })

  it('where the guard says no, at once or later, or fails; it is asked about the bare filter', async () => {
    const asked: string[] = []
    const guard = guardOf({
      authorize({ clientId }, action, topic) {
        asked.push(`${clientId} ${action} ${topic}`)
        if (topic === 'throws') throw new Error('broken')
        return topic === 'yes' || (topic === 'later' ? Promise.resolve(true) : Promise.resolve(false))
      },
    })
    const list = ['no', 'later', '$share/g/yes', 'throws', '$exclusive/yes'].map((filter) => ({ filter }))
    const [b, skipped] = await start(list, { guard })
    await b.connect({ clientId: 'c' })
    expect(asked).toEqual(['no', 'later', 'yes', 'throws', 'yes'].map((topic) => `c subscribe ${topic}`))
    expect(filters(b, 'c')).toEqual(['later', '$share/g/yes', '$exclusive/yes'])
    expect(skipped).toEqual(['no', 'throws'].map((each) => `auto-subscription ${each} skipped: not-authorized`))
    expect(b.takeReports()).toEqual(['authorizing: Error: broken'])
  })

  it('where the session has as many subscriptions as it may', async () => {
    const [b, skipped] = await start([{ filter: 'a' }, { filter: 'b' }], { limits: { subscriptions: 1 } })
    await b.connect({ clientId: 'c' })
    expect([filters(b, 'c'), skipped]).toEqual([['a'], ['auto-subscription b skipped: quota-exceeded']])
  })

  it('where it could never be', async () => {
    const off = { sharedSubscriptions: false, exclusiveSubscriptions: false }
    const list = ['a#', '$share/g/a', '$exclusive/a', 'x/${user}'].map((filter) => ({ filter }))
    const [b, skipped] = await start(list, { mqtt: off })
    await b.connect({ clientId: 'c' })
    expect([filters(b, 'c'), skipped.length]).toEqual([[], 4])
  })
})

describe('while the guard thinks about an auto-subscription', () => {
  it('nothing behind the CONNECT is done, and a client that leaves is not let in', async () => {
    const waiting: (() => void)[] = []
    const authorize = (_: unknown, action: string): boolean | Promise<boolean> =>
      action === 'publish' || new Promise((resolve) => waiting.push(() => resolve(true)))
    const [b] = await start([{ filter: 'a' }], { guard: guardOf({ authorize }) })
    const client = b.dial()
    await client.send(connectPacket({ clientId: 'c' }), publishPacket('a', 'x'))
    expect([client.received, b.broker.sessions.size]).toEqual([[], 0])
    waiting.shift()!()
    await b.host.settle()
    client.expect(PacketType.Connack)
    await client.take('x')
    const other = b.dial()
    await other.send(connectPacket({ clientId: 'd' }))
    await other.drop()
    waiting.shift()!()
    await b.host.settle()
    expect(b.broker.sessions.get('d')).toBeUndefined()
  })

  it('the time to connect goes on', async () => {
    const authorize = (): Promise<boolean> => new Promise(() => {})
    const [b] = await start([{ filter: 'a' }], { guard: guardOf({ authorize }) })
    const client = b.dial()
    await client.send(connectPacket({ clientId: 'c' }))
    await b.host.advance(defaultMqttOptions.connectTimeout + 1)
    expect(client.closed).toBe(true)
  })
})

describe('autoSubscriptionFault', () => {
  it.each([
    [{ filter: 'a/${clientid}/${username}/#' }, undefined],
    [{ filter: '$share/${username}/a', qos: 2 }, undefined],
    [{ filter: '$exclusive/${clientid}', noLocal: true }, undefined],
    [{ filter: 'a+' }, 'it is not a filter'],
    [{ filter: '$exclusive/+' }, 'it is not a filter'],
    [{ filter: '$queue/a', noLocal: true }, 'a shared subscription cannot have noLocal'],
    [{ filter: 'a/${clientId}' }, '${clientId} stands for nothing'],
    [{ filter: 'a/${}' }, '${} stands for nothing'],
  ] as const)('%j: %s', (entry, fault) => expect(autoSubscriptionFault(entry, defaultMqttOptions)).toBe(fault))

  it.each([
    ['$share/g/a', 'shared subscriptions are off'],
    ['$queue/a', 'shared subscriptions are off'],
    ['$exclusive/a', 'exclusive subscriptions are off'],
  ])('%s where that is not available: %s', (filter, fault) => {
    const off = { sharedSubscriptions: false, exclusiveSubscriptions: false }
    expect(autoSubscriptionFault({ filter }, off)).toBe(fault)
  })
})
