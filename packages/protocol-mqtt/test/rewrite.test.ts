import { describe, expect, it } from 'vitest'
import { type Connect, PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import type { RewriteRule } from '../src/rewrite.ts'
import {
  type Bench,
  bench,
  type BenchOptions,
  gate,
  guardOf,
  publishPacket,
  request,
  connectPacket,
} from './harness.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

function rule(fields: Partial<RewriteRule> = {}): RewriteRule {
  return { action: 'all', source: 'x/#', regex: '^x/(.+)$', target: 'y/$1', ...fields }
}

interface Scene {
  readonly b: Bench
  /** Topics of everything published. */
  readonly heard: string[]
  /** What the guard was asked. */
  readonly asked: string[]
}

/** A broker with these rules, whose guard allows all but what begins with `no`. */
async function scene(rules: readonly RewriteRule[], options: BenchOptions = {}): Promise<Scene> {
  const asked: string[] = []
  const heard: string[] = []
  const guard = guardOf({
    authorize(_, action, name) {
      asked.push(`${action} ${name}`)
      return !name.startsWith('no')
    },
  })
  const b = await bench({ guard, ...options, mqtt: { ...options.mqtt, rewrite: rules } })
  b.broker.tap('#', (message) => heard.push(message.topic))
  return { b, heard, asked }
}

describe.each(versions)('a PUBLISH whose topic is rewritten, version %i', (version) => {
  it.each([0, 1, 2] as const)('QoS %i goes to the new topic, by which its readers know it', async (qos) => {
    const { b, heard, asked } = await scene([rule()])
    const sub = await b.connect({ version, clientId: 'sub' })
    await sub.subscribe('y/#', { qos })
    asked.length = 0
    const client = await b.connect({ version, clientId: 'c' })
    await client.publish('x/a/b', 'm', { qos, retain: true })
    const got = await sub.take('m')
    expect([got.topic, heard, b.broker.retained.get('y/a/b')?.topic]).toEqual(['y/a/b', ['y/a/b'], 'y/a/b'])
    // As it was given, and what was made of it.
    expect(asked).toEqual(['publish x/a/b', 'publish y/a/b'])
    await client.publish('x/c', 'n', { qos, packetId: qos === 0 ? 0 : 9 })
    expect((await sub.take('n')).topic).toBe('y/c')
  })

  it.each([
    ['its own name is not allowed', rule({ source: 'no/#', regex: '(.+)', target: 'yes' }), ['no/a'], 0x87],
    ['the new one is not allowed', rule({ target: 'no/$1' }), ['x/a', 'no/a'], 0x87],
    ['the rules lead nowhere', rule({ target: '${username}/$1' }), ['x/a'], 0x90],
    ['the new name has too many levels', rule({ target: 'y/$1/c/d/e' }), ['x/a', 'y/a/c/d/e'], 0x90],
  ] as const)('is refused where %s', async (_, one, names, code) => {
    const { b, heard, asked } = await scene([one], { limits: { topicLevels: 4 } })
    for (const [qos, type] of [
      [0, undefined],
      [1, PacketType.Puback],
      [2, PacketType.Pubrec],
    ] as const) {
      const client = await b.connect({ version, clientId: `c${qos}` })
      client.chunks.length = 0
      asked.length = 0
      await client.publish(names[0], 'm', { qos, retain: true })
      expect(asked).toEqual(names.map((name) => `publish ${name}`))
      if (type === undefined) client.expectNothing()
      else if (version === 5) expect(client.expect(type).reasonCode).toBe(code)
      else if (code === 0x87) expect(client.expect(type).reasonCode).toBe(0)
      else expect([client.chunks, client.closed]).toEqual([[], true])
    }
    expect([heard, b.broker.retained.size]).toEqual([[], 0])
  })
})

describe('a PUBLISH', () => {
  it('that no rule is for costs the guard one question and stays what it is', async () => {
    const { b, heard, asked } = await scene([rule({ action: 'subscribe' }), rule({ source: 'z' })])
    const sub = await b.connect({ clientId: 'sub' })
    await sub.subscribe('#')
    asked.length = 0
    const client = await b.connect()
    await client.publish('x/a', 'm')
    await sub.take('m')
    expect([heard, asked]).toEqual([['x/a'], ['publish x/a']])
  })

  it('by alias is rewritten anew each time: what the alias stands for is the name the client gave', async () => {
    const { b, heard, asked } = await scene([rule({ target: '${clientid}/$1' })])
    const client = await b.connect({ clientId: 'c' })
    await client.publish('x/a', '', { properties: { topicAlias: 1 } })
    await client.publish('', '', { properties: { topicAlias: 1 }, qos: 1 })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0)
    expect(heard).toEqual(['c/a', 'c/a'])
    // The guard's answers are kept.
    expect(asked).toEqual(['publish x/a', 'publish c/a'])
  })

  it('with a delay: the name behind it is rewritten, when it comes', async () => {
    const { b, heard, asked } = await scene([rule(), rule({ source: 'y/#', regex: '^y', target: 'z' })])
    const client = await b.connect()
    await client.publish('$delayed/5/x/a', 'm')
    expect(Array.from(b.broker.delayed, ({ message }) => message.topic)).toEqual(['y/a'])
    await b.host.advance(5000)
    expect(heard).toEqual(['y/a'])
    expect(asked).toEqual(['publish x/a', 'publish y/a', 'publish y/a'])
  })

  it.each(['$SYS/a', '$delayed/1/a', '$share/g/a'])('cannot be led to %s', async (name) => {
    const { b, heard } = await scene([rule({ target: '$1' })])
    const client = await b.connect()
    b.broker.tap('$SYS/#', ({ topic }) => heard.push(topic))
    await client.publish(`x/${name}`, 'm', { qos: 1 })
    expect(client.expect(PacketType.Puback).reasonCode).toBe(0x90)
    await b.host.advance(5000)
    expect([heard, b.broker.delayed.size]).toEqual([[], 0])
  })

  it('is rewritten in the name of who was let in, not of who came before', async () => {
    const { b, heard } = await scene([rule({ target: 'u/${username}/$1' })])
    for (const username of ['ada', 'bob', undefined, 'a/b', '+']) {
      const client = await b.connect({ clientId: 'c', ...(username === undefined ? {} : { username }) })
      await client.publish('x/a', 'm', { qos: 1 })
      const known = username === 'ada' || username === 'bob'
      expect(client.expect(PacketType.Puback).reasonCode).toBe(known ? 0 : 0x90)
      await client.disconnect()
    }
    expect(heard).toEqual(['u/ada/a', 'u/bob/a'])
  })

  it('waits for a guard that thinks about the one name and then about the other', async () => {
    const { wait, open } = gate()
    const asked: string[] = []
    const guard = guardOf({
      authorize: (_, __, name) => {
        asked.push(name)
        return wait().then(() => true)
      },
    })
    const { b, heard } = await scene([rule()], { guard })
    const client = await b.connect()
    client.write(publishPacket('x/a', '', { qos: 1 }), { type: PacketType.Pingreq })
    await b.host.settle()
    expect(asked).toEqual(['x/a'])
    open()
    await b.host.settle()
    expect([asked, heard, client.received.length]).toEqual([['x/a', 'y/a'], [], 0])
    open()
    await b.host.settle()
    expect(heard).toEqual(['y/a'])
    client.expect(PacketType.Puback)
    client.expect(PacketType.Pingresp)
  })
})

describe.each(versions)('a SUBSCRIBE whose filter is rewritten, version %i', (version) => {
  it('is to the new filter, and UNSUBSCRIBE by the name the client knows ends it', async () => {
    const { b, asked } = await scene([rule({ action: 'subscribe', target: '${clientid}/$1' })])
    const client = await b.connect({ version, clientId: 'c' })
    expect(await client.subscribe('x/+/#', { qos: 1 })).toBe(1)
    const filters = (): string[] => Array.from(b.broker.sessions.get('c')!.subscriptions.values(), (s) => s.filter)
    expect(filters()).toEqual(['c/+/#'])
    expect(asked).toEqual(['subscribe x/+/#', 'subscribe c/+/#'])
    await client.send({ type: PacketType.Unsubscribe, packetId: 9, filters: ['x/+/#'] })
    client.expect(PacketType.Unsuback)
    expect(filters()).toEqual([])
  })

  it('keeps its group: the name behind it is rewritten', async () => {
    const { b, asked } = await scene([rule(), rule({ source: '#', regex: 'share', target: 'wrong' })])
    const client = await b.connect({ version, clientId: 'c' })
    expect(await client.subscribe('$share/g/x/a', { qos: 1 })).toBe(1)
    expect(asked).toEqual(['subscribe x/a', 'subscribe y/a'])
    const other = await b.connect()
    await other.publish('y/a', 'm', { qos: 1 })
    await client.take('m')
    const [subscription] = b.broker.sessions.get('c')!.subscriptions.values()
    expect([subscription?.filter, subscription?.options.group]).toEqual(['y/a', 'g'])
    await client.send({ type: PacketType.Unsubscribe, packetId: 9, filters: ['$share/g/x/a'] })
    client.expect(PacketType.Unsuback)
    expect(b.broker.sessions.get('c')!.subscriptions.size).toBe(0)
  })

  it('each filter by itself: what may not be, leads nowhere or is too deep is refused alone', async () => {
    const rules = [
      rule({ source: 'x/no', regex: '$', target: 'no/x' }),
      rule({ source: 'x/deep', regex: '$', target: 'y/a/b/c/d' }),
      rule({ source: 'x/who', regex: '$', target: 'y/${username}' }),
      rule({ source: 'x/broker/#', regex: '^x/broker/(.+)$', target: '$1' }),
      rule({ source: 'x/half/#', regex: '^x/half/(.+)$', target: 'y/a$1', action: 'subscribe' }),
      rule(),
    ]
    const { b } = await scene(rules, { limits: { topicLevels: 4 } })
    const client = await b.connect({ version, clientId: 'c' })
    const filters = ['no', 'x/no', 'x/deep', 'x/who', 'x/broker/$SYS/#', 'x/half/+', 'x/a']
    const requests = filters.map((filter) => request(filter, { qos: 1 }))
    await client.send({ type: PacketType.Subscribe, packetId: 1, filters: requests })
    const [no, invalid] = version === 5 ? [0x87, 0x8f] : [0x80, 0x80]
    expect(client.expect(PacketType.Suback).reasonCodes).toEqual([no, no, invalid, invalid, invalid, invalid, 1])
    expect(Array.from(b.broker.sessions.get('c')!.subscriptions.values(), (s) => s.filter)).toEqual(['y/a'])
    await client.send({ type: PacketType.Unsubscribe, packetId: 2, filters: ['x/who', 'y/who', 'x/a'] })
    const unsuback = client.expect(PacketType.Unsuback)
    if (version === 5) expect(unsuback.reasonCodes).toEqual([0x8f, 0x11, 0])
  })

  it('does not grow by a client identifier that is a wildcard, or two levels', async () => {
    const { b } = await scene([rule({ target: 'c/${clientid}/$1' })])
    for (const clientId of ['+', '#', 'a/b', 'a+']) {
      const client = await b.connect({ version, clientId })
      expect(await client.subscribe('x/a')).toBe(version === 5 ? 0x8f : 0x80)
      expect(b.broker.sessions.get(clientId)!.subscriptions.size).toBe(0)
    }
  })
})

it('a SUBSCRIBE waits for a guard that thinks about both names', async () => {
  const { wait, open } = gate()
  const { b } = await scene([rule()], { guard: guardOf({ authorize: () => wait().then(() => true) }) })
  const client = await b.connect({ clientId: 'c' })
  await client.send({ type: PacketType.Subscribe, packetId: 1, filters: [request('x/a')] })
  open()
  await b.host.settle()
  client.expectNothing()
  open()
  await b.host.settle()
  expect(client.expect(PacketType.Suback).reasonCodes).toEqual([0])
})

describe.each(versions)('a will whose topic is rewritten, version %i', (version) => {
  const will = (topic: string): NonNullable<Connect['will']> => {
    return { topic, payload: new TextEncoder().encode('gone'), qos: 1, retain: false }
  }

  it('is allowed by its own name when its client comes, and by the new one when it is published', async () => {
    const { b, heard, asked } = await scene([rule({ target: 'c/${clientid}/$1' })])
    const client = await b.connect({ version, clientId: 'c', will: will('x/a') })
    expect(asked).toEqual(['publish x/a'])
    await client.drop()
    expect(asked).toEqual(['publish x/a', 'publish c/c/a'])
    expect(heard).toEqual(['c/c/a'])
  })

  it('with a delay keeps it', async () => {
    const { b, heard } = await scene([rule()])
    await (await b.connect({ version, clientId: 'c', will: will('$delayed/5/x/a') })).drop()
    await b.host.advance(4999)
    expect(heard).toEqual([])
    await b.host.advance(1)
    expect(heard).toEqual(['y/a'])
  })

  it('whose own name is not allowed is refused with its client', async () => {
    const { b, heard } = await scene([rule({ source: 'no/#', regex: '', target: 'yes' })])
    const client = b.dial(version)
    const connack = await client.login({ clientId: 'c', will: will('no/a') })
    expect([connack.reasonCode, client.closed]).toEqual([version === 5 ? 0x87 : 5, true])
    expect([heard, b.broker.sessions.size]).toEqual([[], 0])
  })

  it('whose new name is not allowed is not published', async () => {
    const { b, heard, asked } = await scene([rule({ target: 'no/$1' })])
    await (await b.connect({ version, clientId: 'c', will: will('x/a') })).drop()
    expect([heard, asked]).toEqual([[], ['publish x/a', 'publish no/a']])
  })

  it('that leads nowhere is refused with its client', async () => {
    const { b } = await scene([rule({ target: 'u/${username}' })])
    const client = b.dial(version)
    await client.send(connectPacket({ version, clientId: 'c', will: will('x/a') }))
    if (version === 5) expect(client.expect(PacketType.Connack).reasonCode).toBe(0x90)
    client.expectNothing()
    expect([client.closed, b.broker.sessions.size]).toEqual([true, 0])
  })

  it('of a client that is gone before the guard has answered is none', async () => {
    const { wait, open } = gate()
    const { b, heard } = await scene([rule()], { guard: guardOf({ authorize: () => wait().then(() => true) }) })
    const client = b.dial(version)
    await client.send({
      type: PacketType.Connect,
      version,
      cleanStart: true,
      keepAlive: 0,
      clientId: 'c',
      will: will('x/a'),
    })
    client.expectNothing()
    await client.drop()
    open()
    await b.host.settle()
    expect([heard, b.broker.sessions.size]).toEqual([[], 0])
  })

  it('that no rule is for is asked about when it is published, as ever', async () => {
    const { b, heard, asked } = await scene([rule()])
    const client = await b.connect({ version, clientId: 'c', will: will('z') })
    expect(asked).toEqual([])
    await client.drop()
    expect([heard, asked]).toEqual([['z'], ['publish z']])
  })
})
