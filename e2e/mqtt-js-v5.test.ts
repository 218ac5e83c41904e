import { describe, expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { connectJs, type JsClient } from './support/mqtt-js.ts'
import { connectFrame, pingFrame, RawClient, subscribeFrame, Type } from './support/raw.ts'
import { unique } from './support/unique.ts'
import { eventually } from './support/within.ts'

const broker = sharedBroker()

describe.each(['mqtt', 'ws'])('MQTT 5 with MQTT.js over %s', (scheme) => {
  const connect = (options: object = {}): Promise<JsClient> => connectJs(broker.urls[scheme], options)

  test('CONNACK announces the limits', async () => {
    const { connack } = await connect()
    expect(connack.properties).toEqual({ receiveMaximum: 100, maximumPacketSize: 1_048_576, topicAliasMaximum: 16 })
  })

  test('a client without an id is given one', async () => {
    const { connack } = await connect({ clientId: '' })
    expect(connack.properties?.assignedClientIdentifier).toMatch(/^\S{8,}$/)
  })

  test('every property of a message arrives, live, retained, queued and as a will', async () => {
    const topic = unique('properties')
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain; charset=utf-8',
      responseTopic: 'answer/here',
      correlationData: Buffer.from([0, 1, 254, 255]),
      userProperties: { one: 'eins', two: ['zwei', 'deux'], ключ: '値' },
    }
    const expected = {
      payloadFormatIndicator: true,
      contentType: properties.contentType,
      responseTopic: properties.responseTopic,
      correlationData: properties.correlationData,
    }
    const check = ({ packet, text }: { packet: JsClient['inbox']['all'][number]['packet']; text: string }): void => {
      expect(text).toBe('grüße')
      expect(packet.properties).toMatchObject(expected)
      expect({ ...packet.properties?.userProperties }).toEqual(properties.userProperties)
    }
    const session = { clean: false, properties: { sessionExpiryInterval: 3600 } }
    const [live, away, pub] = [await connect(), await connect(session), await connect()]
    for (const { client } of [live, away]) await client.subscribeAsync([topic, `${topic}/will`], { qos: 1 })
    await away.client.endAsync()
    await broker.gone(away.id)
    await pub.client.publishAsync(topic, 'grüße', {
      qos: 1,
      retain: true,
      properties: { ...properties, messageExpiryInterval: 1000 },
    })
    const arrived = await live.inbox.next()
    check(arrived)
    expect(arrived.packet.properties?.messageExpiryInterval).toBe(1000)
    const late = await connect()
    await late.client.subscribeAsync(topic, { qos: 1 })
    check(await late.inbox.next())
    const victim = await connect({
      will: { topic: `${topic}/will`, payload: Buffer.from('grüße'), qos: 1, retain: false, properties },
    })
    victim.client.stream.destroy()
    check(await live.inbox.next())
    const back = await connect({ ...session, clientId: away.id })
    for (const each of await back.inbox.take(2)) check(each)
  })

  test('a delayed will waits, and does not come when the client is back before', async () => {
    const topic = unique('delayed')
    const watcher = await connect()
    await watcher.client.subscribeAsync(`${topic}/+`, { qos: 1 })
    const options = (name: string, willDelayInterval: number): object => ({
      clientId: unique('delayed'),
      clean: false,
      properties: { sessionExpiryInterval: 3600 },
      will: {
        topic: `${topic}/${name}`,
        payload: Buffer.from(name),
        qos: 1,
        retain: false,
        properties: { willDelayInterval },
      },
    })
    const back = options('back', 3)
    const first = await connect(back)
    first.client.stream.destroy()
    await broker.gone(first.id)
    await connect({ ...back, will: undefined })
    const away = await connect(options('away', 4))
    away.client.stream.destroy()
    expect(await watcher.inbox.next()).toMatchObject({ text: 'away' })
  })

  test('subscription identifiers, one for each subscription that matched', async () => {
    const topic = unique('identifiers')
    const [sub, pub] = [await connect(), await connect()]
    await sub.client.subscribeAsync(topic, { qos: 1, properties: { subscriptionIdentifier: 7 } })
    await pub.client.publishAsync(topic, 'a', { qos: 1 })
    expect((await sub.inbox.next()).packet.properties?.subscriptionIdentifier).toEqual(7)
    await sub.client.subscribeAsync(`${topic}/#`, { qos: 0, properties: { subscriptionIdentifier: 268_435_455 } })
    await pub.client.publishAsync(topic, 'b', { qos: 1 })
    const seen: unknown[] = [(await sub.inbox.next()).packet.properties?.subscriptionIdentifier].flat()
    // A broker may send one message with both identifiers or one for each.
    if (seen.length === 1) seen.push((await sub.inbox.next()).packet.properties?.subscriptionIdentifier)
    expect(new Set(seen)).toEqual(new Set([7, 268_435_455]))
  })

  test('no local, retain as published, retain handling', async () => {
    const topic = unique('options')
    const [a, b] = [await connect(), await connect()]
    await a.client.subscribeAsync(`${topic}/local`, { qos: 1, nl: true })
    await a.client.publishAsync(`${topic}/local`, 'own', { qos: 1 })
    await b.client.publishAsync(`${topic}/local`, 'other', { qos: 1 })
    expect(await a.inbox.next()).toMatchObject({ text: 'other' })
    await a.client.subscribeAsync(`${topic}/rap`, { qos: 1, rap: true })
    await b.client.publishAsync(`${topic}/rap`, 'kept', { qos: 1, retain: true })
    expect(await a.inbox.next()).toMatchObject({ text: 'kept', packet: { retain: true } })
    const handled = async (rh: number, marker: string): Promise<string[]> => {
      await a.client.subscribeAsync(`${topic}/rap`, { qos: 1, rh })
      await b.client.publishAsync(`${topic}/local`, marker, { qos: 1 })
      const texts = []
      do texts.push((await a.inbox.next()).text)
      while (texts.at(-1) !== marker)
      return texts
    }
    expect(await handled(2, 'never')).toEqual(['never'])
    expect(await handled(1, 'not new')).toEqual(['not new'])
    expect(await handled(0, 'always')).toEqual(['kept', 'always'])
  })

  test('topic aliases in both directions', async () => {
    const root = unique('alias')
    const sub = await connect({ properties: { topicAliasMaximum: 3 } })
    const pub = await connect({ autoAssignTopicAlias: true, autoUseTopicAlias: true })
    const wire: { topic: string; alias: number | undefined }[] = []
    sub.client.on('packetreceive', (packet) => {
      if (packet.cmd === 'publish') wire.push({ topic: packet.topic, alias: packet.properties?.topicAlias })
    })
    await sub.client.subscribeAsync(`${root}/#`, { qos: 1 })
    const topics = Array.from({ length: 100 }, (_, i) => `${root}/${i % 5}`)
    // More topics than the broker takes aliases: those used last replace others.
    for (const topic of topics) await pub.client.publishAsync(topic, topic, { qos: 1 })
    for (let i = 0; i < 40; i++) await pub.client.publishAsync(`${root}/other/${i}`, `${root}/other/${i}`, { qos: 1 })
    const got = await sub.inbox.take(140)
    expect(got.map(({ topic }) => topic)).toEqual([
      ...topics,
      ...Array.from({ length: 40 }, (_, i) => `${root}/other/${i}`),
    ])
    expect(got.every(({ topic, text }) => topic === text)).toBe(true)
    expect(wire.every(({ alias }) => alias === undefined || (alias >= 1 && alias <= 3))).toBe(true)
    expect(wire.filter(({ topic }) => topic === '').length).toBeGreaterThan(50)
  })

  test('a shared subscription gives each message to one member, and what a member leaves behind to the others', async () => {
    const topic = unique('shared')
    const members = [await connect(), await connect(), await connect()]
    for (const { client } of members) await client.subscribeAsync(`$share/g/${topic}`, { qos: 1 })
    const pub = await connect()
    for (let i = 0; i < 90; i++) await pub.client.publishAsync(topic, String(i), { qos: 1 })
    const texts = (): number[] =>
      members.flatMap(({ inbox }) => inbox.all.map(({ text }) => Number(text))).toSorted((a, b) => a - b)
    const upTo = async (count: number): Promise<void> => {
      await eventually(
        () => texts().length >= count,
        () => `${count} messages: ${texts().length}`,
      )
      expect(texts()).toEqual(Array.from({ length: count }, (_, i) => i))
    }
    await upTo(90)
    for (const { inbox } of members) expect(inbox.all.length).toBeGreaterThan(0)
    const [first, second] = members
    await first?.client.endAsync()
    await second?.client.unsubscribeAsync(`$share/g/${topic}`)
    await broker.gone(first?.id ?? '')
    for (let i = 90; i < 100; i++) await pub.client.publishAsync(topic, String(i), { qos: 1 })
    await upTo(100)
  })

  test('refusals have the reason codes of the specification', async () => {
    const client = await connect()
    const codes: unknown[] = []
    client.client.on('packetreceive', (packet) => {
      if (packet.cmd === 'suback' || packet.cmd === 'unsuback') codes.push(packet.granted)
    })
    const deep = Array.from({ length: 129 }, () => 'a').join('/')
    await client.client.subscribeAsync([deep, unique('fine')], { qos: 1 }).catch(() => undefined)
    await client.client.unsubscribeAsync(unique('never subscribed')).catch(() => undefined)
    // Topic filter invalid beside one that is granted; no subscription existed.
    expect(codes).toEqual([[0x8f, 1], [0x11]])
    expect(client.disconnects.all).toEqual([])
  })

  test('a packet that is too large ends the connection with 0x95', async () => {
    const { client, disconnects } = await connect()
    client.publish('too/large', Buffer.alloc(1_048_577))
    expect(await disconnects.next()).toBe(0x95)
  })
})

test('a client is sent no more unacknowledged messages than it asked for', async () => {
  const topic = unique('receive-maximum')
  const raw = new RawClient(broker.port)
  await raw.ask(Type.connack, connectFrame(unique('raw'), 5, [0x21, 0, 3]))
  await raw.ask(Type.suback, subscribeFrame(topic, 1))
  const pub = await connectJs(broker.urls['mqtt'])
  for (let i = 0; i < 10; i++) await pub.client.publishAsync(topic, String(i), { qos: 1 })
  raw.send(pingFrame)
  const first = await raw.inbox.take(4)
  expect(first.map(({ type }) => type)).toEqual([Type.publish, Type.publish, Type.publish, Type.pingresp])
  /** Topic, packet id, no properties. */
  const idOf = (body: Buffer): Buffer => body.subarray(2 + body.readUInt16BE(0)).subarray(0, 2)
  for (let acknowledged = 0; acknowledged < 7; acknowledged++) {
    const publishes = raw.inbox.all.filter(({ type }) => type === Type.publish)
    raw.send(Buffer.concat([Buffer.from([0x40, 2]), idOf(publishes[acknowledged]?.body ?? Buffer.alloc(4))]))
    expect((await raw.inbox.next()).type).toBe(Type.publish)
  }
  const texts = raw.inbox.all.filter(({ type }) => type === Type.publish).map(({ body }) => body.at(-1))
  expect(texts).toEqual(Array.from({ length: 10 }, (_, i) => 48 + i))
})
