import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { closed, connectJs, dialects, publishAll, type JsClient } from './support/mqtt-js.ts'
import { unique } from './support/unique.ts'

const broker = sharedBroker()

describe.each(dialects)('MQTT.js over $name', ({ scheme, options, kept }) => {
  const connect = (more: object = {}): Promise<JsClient> => connectJs(broker.urls[scheme], { ...options, ...more })

  test('messages of every QoS arrive in order', async () => {
    const topic = unique('qos')
    const [sub, pub] = [await connect(), await connect()]
    await sub.client.subscribeAsync(topic, { qos: 2 })
    for (const qos of [0, 1, 2] as const) {
      await publishAll(pub, topic, { qos, count: 300 })
      const got = await sub.inbox.take(300)
      expect(got.map(({ text, packet }) => `${packet.qos} ${text}`)).toEqual(
        Array.from({ length: 300 }, (_, i) => `${qos} ${i}`),
      )
    }
  })

  test('a retained message is set, comes to later subscribers, and is cleared', async () => {
    const topic = unique('retained')
    const [live, pub] = [await connect(), await connect()]
    await live.client.subscribeAsync(`${topic}/#`, { qos: 1 })
    await pub.client.publishAsync(topic, 'kept', { qos: 1, retain: true })
    expect(await live.inbox.next()).toMatchObject({ topic, text: 'kept', packet: { retain: false } })
    const later = await connect()
    await later.client.subscribeAsync(topic, { qos: 1 })
    expect(await later.inbox.next()).toMatchObject({ topic, text: 'kept', packet: { retain: true } })
    await pub.client.publishAsync(topic, '', { qos: 1, retain: true })
    const last = await connect()
    await last.client.subscribeAsync(topic, { qos: 1 })
    await pub.client.publishAsync(topic, 'next', { qos: 1 })
    expect(await last.inbox.next()).toMatchObject({ text: 'next', packet: { retain: false } })
  })

  test('the will of a client that breaks off is published, not that of one that takes leave', async () => {
    const topic = unique('will')
    const watcher = await connect()
    await watcher.client.subscribeAsync(`${topic}/+`, { qos: 2 })
    const will = (name: string): object => ({
      will: { topic: `${topic}/${name}`, payload: Buffer.from(name), qos: 2, retain: false },
    })
    const polite = await connect(will('polite'))
    await polite.client.endAsync()
    await broker.gone(polite.id)
    const victim = await connect(will('victim'))
    victim.client.stream.destroy()
    expect(await watcher.inbox.next()).toMatchObject({ text: 'victim', packet: { qos: 2 } })
  })

  test('large and binary payloads arrive byte for byte', async () => {
    const topic = unique('large')
    const [sub, pub] = [await connect(), await connect()]
    await sub.client.subscribeAsync(topic, { qos: 2 })
    for (const size of [1, 127, 128, 16_384, 65_535, 65_536, 500_000, 1_000_000]) {
      const payload = randomBytes(size)
      for (const qos of [0, 1, 2] as const) {
        await pub.client.publishAsync(topic, payload, { qos })
        const { payload: got } = await sub.inbox.next()
        expect(got.equals(payload), `${got.length} of ${size} bytes at QoS ${qos}`).toBe(true)
      }
    }
  })

  test('after an unsubscription nothing more comes', async () => {
    const topic = unique('unsubscribed')
    const [sub, pub] = [await connect(), await connect()]
    await sub.client.subscribeAsync([`${topic}/a`, `${topic}/b`], { qos: 1 })
    await sub.client.unsubscribeAsync(`${topic}/a`)
    await pub.client.publishAsync(`${topic}/a`, 'no', { qos: 1 })
    await pub.client.publishAsync(`${topic}/b`, 'yes', { qos: 1 })
    expect(await sub.inbox.next()).toMatchObject({ text: 'yes' })
  })

  test('a kept session is there again, with its subscriptions and what it missed', async () => {
    const topic = unique('kept')
    const first = await connect(kept)
    expect(first.connack.sessionPresent ?? false).toBe(false)
    await first.client.subscribeAsync(`${topic}/#`, { qos: 2 })
    await first.client.endAsync()
    await broker.gone(first.id)
    const pub = await connect()
    for (const qos of [1, 2] as const) {
      await publishAll(pub, `${topic}/${qos}`, { qos, count: 200 })
    }
    const again = await connect({ ...kept, clientId: first.id })
    // MQTT 3.1 has no such flag; it is a reserved byte there.
    if (options.protocolVersion !== 3) expect(again.connack.sessionPresent).toBe(true)
    const got = await again.inbox.take(400)
    for (const qos of [1, 2]) {
      const texts = got.filter(({ packet }) => packet.qos === qos).map(({ text }) => text)
      expect(texts).toEqual(Array.from({ length: 200 }, (_, i) => String(i)))
    }
    await pub.client.publishAsync(`${topic}/1`, 'end', { qos: 1 })
    expect(await again.inbox.next()).toMatchObject({ text: 'end' })
    const clean = await connect({ clientId: first.id, clean: true })
    expect(clean.connack.sessionPresent ?? false).toBe(false)
  })

  test('a second connection with the same client id ends the first', async () => {
    const first = await connect()
    const over = closed(first)
    const second = await connect({ clientId: first.id })
    await over
    if (options.protocolVersion === 5) expect(first.disconnects.all).toEqual([0x8e])
    await second.client.subscribeAsync(unique('alive'), { qos: 1 })
  })
})
