import { describe, expect, test } from 'vitest'
import { sharedBroker, startBroker } from './support/broker.ts'
import { closed, connectJs, publishAll } from './support/mqtt-js.ts'
import { connectFrame, field, frame, pingFrame, publishFrame, RawClient, subscribeFrame, Type } from './support/raw.ts'
import { unique } from './support/unique.ts'

const limits = {
  topicLevels: '4',
  subscriptions: '3',
  maxPacketSize: '1KiB',
  connectPacketSize: '256B',
  receiveMaximum: '7',
  topicAliasMaximum: '5',
  maxKeepAlive: '20s',
  clientIdLength: '30',
  retainAvailable: 'false',
  sharedSubscriptions: 'false',
  sessionExpiry: '1h',
  inflight: '2',
}

describe('limits that --set gives are in force', () => {
  const broker = sharedBroker(Object.entries(limits).flatMap(([name, value]) => ['--set', `limits.${name}=${value}`]))

  const raw = async (): Promise<RawClient> => {
    const client = new RawClient(broker.port)
    await client.ask(Type.connack, connectFrame(unique('raw')))
    return client
  }
  /** The reason code of the DISCONNECT that answers. */
  const disconnectedFor = async (...frames: Buffer[]): Promise<number | undefined> => {
    const client = await raw()
    const { body } = await client.ask(Type.disconnect, ...frames)
    await client.untilClosed()
    return body[0]
  }

  test('CONNACK announces them', async () => {
    const { connack } = await connectJs(broker.urls['mqtt'], {
      keepalive: 60,
      properties: { sessionExpiryInterval: 7200 },
    })
    expect(connack.properties).toEqual({
      receiveMaximum: 7,
      maximumPacketSize: 1024,
      topicAliasMaximum: 5,
      serverKeepAlive: 20,
      retainAvailable: false,
      sharedSubscriptionAvailable: false,
      sessionExpiryInterval: 3600,
    })
  })

  test('subscriptions: one too many is 0x97', async () => {
    const client = await raw()
    const codes = []
    for (const filter of ['a', 'b', 'c', 'd', 'c'])
      codes.push((await client.ask(Type.suback, subscribeFrame(filter, 1))).body.at(-1))
    expect(codes).toEqual([1, 1, 1, 0x97, 1])
  })

  test('topicLevels: a filter with more is 0x8f, a topic 0x90', async () => {
    const client = await raw()
    expect((await client.ask(Type.suback, subscribeFrame('a/b/c/d/e', 1))).body.at(-1)).toBe(0x8f)
    expect((await client.ask(Type.suback, subscribeFrame('a/b/c/d', 1))).body.at(-1)).toBe(1)
    const { body } = await client.ask(Type.puback, publishFrame('a/b/c/d/e', 'x', { qos: 1, id: 1 }))
    expect(body[2]).toBe(0x90)
  })

  test('maxPacketSize: a packet of exactly so many bytes passes, one more is 0x95', async () => {
    const topic = unique('size')
    const sized = (size: number): Buffer => publishFrame(topic, Buffer.alloc(size - 3 - 2 - topic.length - 1))
    expect(sized(1024)).toHaveLength(1024)
    const client = await raw()
    await client.ask(Type.pingresp, sized(1024), pingFrame)
    expect(await disconnectedFor(sized(1025))).toBe(0x95)
  })

  test('connectPacketSize: a larger CONNECT is hung up on', async () => {
    const client = new RawClient(broker.port)
    const [user, password] = [field('u'), field('p'.repeat(300))]
    const head = Buffer.concat([field('MQTT'), Buffer.from([5, 0xc2, 0, 0, 0]), field('large')])
    client.send(frame(0x10, head, user, password))
    await client.untilClosed()
    expect(client.inbox.all.every(({ type, body }) => type === Type.connack && (body[1] ?? 0) >= 0x80)).toBe(true)
  })

  test('clientIdLength: a longer one is 0x85', async () => {
    const client = new RawClient(broker.port)
    expect((await client.ask(Type.connack, connectFrame('i'.repeat(31)))).body[1]).toBe(0x85)
    await client.untilClosed()
    await new RawClient(broker.port).ask(Type.connack, connectFrame('i'.repeat(30)))
  })

  test('receiveMaximum: one too many is 0x93', async () => {
    const publishes = Array.from({ length: 8 }, (_, i) => publishFrame('t', 'x', { qos: 2, id: i + 1 }))
    const client = await raw()
    client.send(...publishes.slice(0, 7))
    expect((await client.inbox.take(7)).map(({ type }) => type)).toEqual(Array.from({ length: 7 }, () => Type.pubrec))
    const { body } = await client.ask(Type.disconnect, ...publishes.slice(7))
    expect(body[0]).toBe(0x93)
  })

  test('topicAliasMaximum: a higher alias is 0x94', async () => {
    const alias = (number: number): Buffer => frame(0x30, field('t'), Buffer.from([3, 0x23, 0, number]))
    const client = await raw()
    await client.ask(Type.pingresp, alias(5), pingFrame)
    expect(await disconnectedFor(alias(6))).toBe(0x94)
  })

  test('retainAvailable, sharedSubscriptions: 0x9a, 0x9e', async () => {
    expect(await disconnectedFor(frame(0x31, field('t'), Buffer.from([0])))).toBe(0x9a)
    const client = await raw()
    const answer = client.ask(Type.suback, subscribeFrame('$share/g/t', 1))
    const code = await answer.then(
      ({ body }) => body.at(-1),
      () => client.inbox.all.at(-1)?.body[0],
    )
    expect(code).toBe(0x9e)
  })

  test('inflight: no more than so many wait for their acknowledgement', async () => {
    const topic = unique('inflight')
    const client = await raw()
    await client.ask(Type.suback, subscribeFrame(topic, 1))
    await publishAll(await connectJs(broker.urls['mqtt']), topic, { qos: 0, count: 1 })
    await client.inbox.next()
    const pub = await connectJs(broker.urls['mqtt'])
    for (let i = 0; i < 5; i++) await pub.client.publishAsync(topic, String(i), { qos: 1 })
    client.send(pingFrame)
    expect((await client.inbox.take(3)).map(({ type }) => type)).toEqual([Type.publish, Type.publish, Type.pingresp])
  })
})

test('maxQueued: of what waits for a session the oldest is dropped', async () => {
  const broker = await startBroker(['--set', 'limits.maxQueued=10'])
  const topic = unique('queued')
  const session = { clientId: unique('away'), clean: false, properties: { sessionExpiryInterval: 3600 } }
  const away = await connectJs(broker.urls['mqtt'], session)
  await away.client.subscribeAsync(topic, { qos: 1 })
  await away.client.endAsync()
  await broker.gone(away.id)
  await publishAll(await connectJs(broker.urls['mqtt']), topic, { qos: 1, count: 25 })
  const back = await connectJs(broker.urls['mqtt'], session)
  expect((await back.inbox.take(10)).map(({ text }) => Number(text))).toEqual(
    Array.from({ length: 10 }, (_, i) => 15 + i),
  )
  await broker.process.until('stderr', new RegExp(`message dropped client=${away.id} reason=queue-full`))
  expect((await broker.stop()).code).toBe(0)
})

test('retained, sessions: beyond their number both are refused with 0x97', async () => {
  const broker = await startBroker(['--set', 'limits.retained=2', '--set', 'limits.sessions=2'])
  const [pub] = [await connectJs(broker.urls['mqtt']), await connectJs(broker.urls['mqtt'])]
  await pub.client.publishAsync('a', 'x', { qos: 1, retain: true })
  await pub.client.publishAsync('b', 'x', { qos: 1, retain: true })
  await expect(pub.client.publishAsync('c', 'x', { qos: 1, retain: true })).rejects.toMatchObject({ code: 0x97 })
  await pub.client.publishAsync('b', 'y', { qos: 1, retain: true })
  await expect(connectJs(broker.urls['mqtt'])).rejects.toMatchObject({ code: 0x97 })
  const over = closed(pub)
  await pub.client.endAsync()
  await over
  await broker.gone(pub.id)
  await connectJs(broker.urls['mqtt'])
  expect((await broker.stop()).code).toBe(0)
})

test('a session that expires is forgotten', async () => {
  const broker = await startBroker(['--set', 'limits.sessionExpiry=1s'])
  const session = { clientId: unique('short'), clean: false, properties: { sessionExpiryInterval: 3600 } }
  const first = await connectJs(broker.urls['mqtt'], session)
  expect(first.connack.properties?.sessionExpiryInterval).toBe(1)
  await first.client.endAsync()
  await broker.process.until('stderr', new RegExp(`session ended client=${first.id}`))
  expect((await connectJs(broker.urls['mqtt'], session)).connack.sessionPresent).toBe(false)
  expect((await broker.stop()).code).toBe(0)
})

test('log.level silent: not a word', async () => {
  const broker = await startBroker(['--log-level', 'silent'])
  await connectJs(broker.urls['mqtt'])
  expect(await broker.stop()).toMatchObject({ code: 0, stderr: '' })
})
