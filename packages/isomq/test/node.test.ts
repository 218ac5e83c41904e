import { MqttClient, connectAsync } from 'mqtt'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Broker, BrokerError, createBroker, type CreateBrokerOptions, type EventMap } from '../src/index.ts'
import { listen, type Listening, streamBuilder } from '../src/node/index.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close()
})

async function start(options?: CreateBrokerOptions): Promise<Broker> {
  const broker = await createBroker(options)
  open.push(broker)
  return broker
}

async function listening(broker: Broker, options: Parameters<typeof listen>[1]): Promise<Listening> {
  const there = await listen(broker, options)
  open.push(there)
  return there
}

/** MQTT.js in this process. */
async function client(broker: Broker, options: object = {}): Promise<MqttClient> {
  const made = new MqttClient(streamBuilder(broker), { protocolVersion: 5, reconnectPeriod: 0, ...options })
  open.push({ close: () => made.endAsync(true) })
  await new Promise((resolve, reject) => void made.once('connect', resolve).once('error', reject))
  return made
}

describe('listen', () => {
  it('lets clients in by TCP and WebSocket until it is closed; who is in stays', async () => {
    const broker = await start()
    const { urls, close } = await listening(broker, { tcp: 0, ws: { port: 0, paths: ['/here'] } })
    expect(urls).toEqual([
      expect.stringMatching(/^mqtt:\/\/127\.0\.0\.1:\d+$/),
      expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/here$/),
    ])
    const [tcp, ws] = await Promise.all(urls.map((url) => connectAsync(url, { protocolVersion: 5 })))
    const got = new Promise((resolve) => tcp!.once('message', (topic, payload) => resolve([topic, payload.toString()])))
    await tcp!.subscribeAsync('a/#', { qos: 2 })
    await close()
    await close()
    await ws!.publishAsync('a/b', 'x', { qos: 2 })
    expect(await got).toEqual(['a/b', 'x'])
    await expect(connectAsync(urls[0]!, { reconnectPeriod: 0 }, false)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await Promise.all([tcp!.endAsync(), ws!.endAsync()])
  })

  it('opens all or nothing', async () => {
    const broker = await start()
    const { urls } = await listening(broker, { tcp: 0 })
    const taken = Number(new URL(urls[0]!).port)
    await expect(listen(broker, { tcp: taken, ws: 0 })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

describe('a client in the same process', () => {
  it('gets what is large and much, in order, over a stream that is not read for a while', async () => {
    const broker = await start()
    const [slow, fast] = [await client(broker), await client(broker)]
    await slow.subscribeAsync('t', { qos: 1 })
    const sizes: number[] = []
    slow.on('message', (_, payload) => sizes.push(payload.length))
    slow.stream.pause()
    const expected = Array.from({ length: 60 }, (_, i) => i * 1000)
    await Promise.all(expected.map((size) => fast.publishAsync('t', Buffer.alloc(size), { qos: 1 })))
    slow.stream.resume()
    await vi.waitFor(() => expect(sizes).toEqual(expected), 10_000)
  })

  it('ends with its stream, and its stream with it', async () => {
    const broker = await start()
    const ends: EventMap['clientDisconnect'][] = []
    broker.on('clientDisconnect', (event) => ends.push(event))
    const polite = await client(broker, { clientId: 'polite' })
    await polite.endAsync()
    const rude = await client(broker, { clientId: 'rude' })
    rude.stream.destroy()
    const evicted = await client(broker, { clientId: 'evicted' })
    const closed = new Promise((resolve) => evicted.once('close', () => resolve('closed')))
    await broker.close()
    expect(await closed).toBe('closed')
    expect(ends.map(({ clientId, reason }) => `${clientId} ${reason}`)).toEqual(
      expect.arrayContaining(['polite closed', 'rude lost']),
    )
  })
})

describe('hooks', () => {
  it('decide who comes in, under which name', async () => {
    const broker = await start({
      authenticate({ username, password, passwordBytes }) {
        if (username === 'thrown') throw new BrokerError('banned')
        if (username === 'bytes') return passwordBytes?.[0] === 255 && password === undefined
        return { ok: password === 'secret', username: username?.toUpperCase(), error: 'not-authorized' as const }
      },
    })
    const names: unknown[] = []
    broker.on('clientReady', ({ username }) => names.push(username))
    await client(broker, { username: 'ada', password: 'secret' })
    await client(broker, { username: 'bytes', password: Buffer.from([255]) })
    expect(names).toEqual(['ADA', 'bytes'])
    await expect(client(broker, { username: 'ada', password: 'wrong' })).rejects.toMatchObject({ code: 0x87 })
    await expect(client(broker, { username: 'thrown' })).rejects.toMatchObject({ code: 0x8a })
  })

  it('decide what is published, subscribed and forwarded, until the policy has changed', async () => {
    let open = false
    const report = vi.fn()
    const broker = await start({
      report,
      authorizePublish: async (_, { topic }) => topic !== 'no',
      authorizeSubscribe(_, { filter }) {
        if (filter === 'broken') throw new Error('a bug')
        return filter === 'no' ? null : undefined
      },
      authorizeForward: (_, { topic }) => open || topic !== 'secret',
    })
    const c = await client(broker)
    const got: string[] = []
    c.on('message', (topic) => got.push(topic))
    await c.subscribeAsync('#', { qos: 1 })
    await expect(c.subscribeAsync('no')).rejects.toThrow()
    await expect(c.subscribeAsync('broken')).rejects.toThrow()
    expect(report).toHaveBeenCalledTimes(1)
    await expect(c.publishAsync('no', '', { qos: 1 })).rejects.toMatchObject({ code: 0x87 })
    for (const topic of ['secret', 'plain']) await broker.publish(topic, '', { qos: 1 })
    await vi.waitFor(() => expect(got).toEqual(['plain']))
    open = true
    broker.policyChanged()
    await broker.publish('secret', '', { qos: 1 })
    await vi.waitFor(() => expect(got).toEqual(['plain', 'secret']))
  })
})

it('events tell of clients, subscriptions, messages and refusals until they are not listened to', async () => {
  const broker = await start({ authorizePublish: (_, { topic }) => topic !== 'no' })
  const told: unknown[] = []
  const stops = (
    ['clientReady', 'subscribe', 'unsubscribe', 'publish', 'refuse', 'sessionEnd', 'clientDisconnect'] as const
  ).map((name) =>
    broker.on(name, (event) =>
      told.push([
        name,
        'filter' in event ? event.filter : 'topic' in event ? event.topic : 'clientId' in event ? event.clientId : '',
      ]),
    ),
  )
  const c = await client(broker, { clientId: 'c' })
  await c.subscribeAsync('t')
  await c.publishAsync('t', 'x', { qos: 1 })
  await c.unsubscribeAsync('t')
  await c.endAsync()
  await vi.waitFor(() => expect(told.length).toBe(6))
  expect(told).toEqual([
    ['clientReady', 'c'],
    ['subscribe', 't'],
    ['publish', 't'],
    ['unsubscribe', 't'],
    ['clientDisconnect', 'c'],
    ['sessionEnd', 'c'],
  ])
  for (const stop of stops) stop()
  await broker.publish('t', 'unheard')
  expect(told.length).toBe(6)
})
