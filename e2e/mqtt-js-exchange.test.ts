import { describe, expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { connectJs, dialects, type JsClient } from './support/mqtt-js.ts'
import { connectFrame, RawClient, Type } from './support/raw.ts'
import { unique } from './support/unique.ts'
import { within } from './support/within.ts'

const broker = sharedBroker()

describe.each(['mqtt', 'ws'])('MQTT 5 with MQTT.js over %s', (scheme) => {
  const connect = (options: object = {}): Promise<JsClient> => connectJs(broker.urls[scheme], options)

  test('requests and their responses, many at a time', async () => {
    const topic = unique('ask')
    const responder = await connect()
    responder.client.on('message', (_, payload, { properties }) => {
      const { responseTopic = '', correlationData } = properties ?? {}
      const answer = { qos: 1, properties: { ...(correlationData && { correlationData }) } } as const
      responder.client.publish(responseTopic, `${payload.toString()}!`, answer)
    })
    await responder.client.subscribeAsync(topic, { qos: 1 })
    const askers = [await connect(), await connect()]
    for (const { client, id } of askers) await client.subscribeAsync(`${topic}/${id}`, { qos: 1 })
    const ask = ({ client, id }: JsClient, number: number): Promise<unknown> =>
      client.publishAsync(topic, `${id} ${number}`, {
        qos: 1,
        properties: { responseTopic: `${topic}/${id}`, correlationData: Buffer.from([number]) },
      })
    await Promise.all(askers.flatMap((asker) => Array.from({ length: 30 }, (_, number) => ask(asker, number))))
    for (const { inbox, id } of askers) {
      const answers = (await inbox.take(30)).map(({ text, packet }) => [packet.properties?.correlationData?.[0], text])
      expect(answers).toEqual(Array.from({ length: 30 }, (_, number) => [number, `${id} ${number}!`]))
    }
  })

  test('a will has every property it was given, and is kept where it was to be retained', async () => {
    const topic = unique('will')
    const watcher = await connect()
    await watcher.client.subscribeAsync(topic, { qos: 2 })
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'an/answer',
      correlationData: Buffer.from([0, 255]),
      userProperties: { a: ['1', '2'], b: '3' },
    }
    const victim = await connect({
      clean: false,
      properties: { sessionExpiryInterval: 3600 },
      will: {
        topic,
        payload: Buffer.from('gone'),
        qos: 2,
        retain: true,
        properties: { ...properties, willDelayInterval: 1, messageExpiryInterval: 1000 },
      },
    })
    victim.client.stream.destroy()
    const live = await watcher.inbox.next()
    const late = await connect()
    await late.client.subscribeAsync(topic, { qos: 2 })
    for (const [{ packet, text }, retain] of [
      [live, false],
      [await late.inbox.next(), true],
    ] as const) {
      const { messageExpiryInterval, userProperties, ...rest } = packet.properties ?? {}
      expect([text, packet.qos, packet.retain]).toEqual(['gone', 2, retain])
      expect({ ...rest, userProperties: { ...userProperties } }).toEqual(properties)
      expect(messageExpiryInterval).toBeGreaterThan(900)
    }
  })

  test('why it was thrown out a client is told in words', async () => {
    const { client } = await connect()
    const told = new Promise<unknown>((resolve) => {
      client.on('packetreceive', (packet) => {
        if (packet.cmd === 'disconnect') resolve([packet.reasonCode, packet.properties?.reasonString])
      })
    })
    // MQTT.js does not look whether the broker knows this alias.
    client.publish('', 'x', { properties: { topicAlias: 3 } })
    expect(await within(told, 'a DISCONNECT')).toEqual([0x82, expect.stringMatching(/alias/)])
  })
})

test('keep alive: a client that pings stays, over every transport and in every version', async () => {
  const staying = dialects.map(async ({ scheme, options, name }) => {
    const { client } = await connectJs(broker.urls[scheme], { ...options, keepalive: 1 })
    let pongs = 0
    const stayed = new Promise<void>((resolve) => {
      client.on('packetreceive', ({ cmd }) => {
        if (cmd === 'pingresp' && ++pongs === 3) resolve()
      })
    })
    await within(stayed, `three answers to pings over ${name}`)
    expect(client.connected).toBe(true)
  })
  await Promise.all(staying)
})

test('keep alive: a client that keeps silent for too long is cut off, and told so in MQTT 5', async () => {
  const ends = ([3, 4, 5] as const).map(async (version) => {
    const silent = new RawClient(broker.port)
    const head = connectFrame(unique('silent'), version)
    // Keep alive stands behind protocol name, level and flags.
    head.writeUInt16BE(1, (version === 3 ? 8 : 6) + 4)
    await silent.ask(Type.connack, head)
    await silent.untilClosed()
    return silent.inbox.all.slice(1).map(({ type, body }) => [type, body[0]])
  })
  expect(await Promise.all(ends)).toEqual([[], [], [[Type.disconnect, 0x8d]]])
})
