import { describe, expect, test } from 'vitest'
import { startBroker, sharedBroker, type Broker } from './support/broker.ts'
import { connectJs, dialects, publishAll, type JsClient } from './support/mqtt-js.ts'
import { unique } from './support/unique.ts'

// Several times what may be in flight: all of that may come at once, before a cut takes effect.
const count = 3000

describe('a session that is cut again and again', () => {
  const broker = sharedBroker()

  /** Breaks the connection each time so many more messages have come to the subscriber. */
  function cutEvery(watched: JsClient, victim: JsClient, messages: number): void {
    let came = 0
    watched.client.on('message', () => {
      came += 1
      if (came % messages === 0 && came < count) victim.client.stream.destroy()
    })
  }

  describe.each(dialects.filter(({ options }) => options.protocolVersion !== 3))(
    'over $name',
    ({ scheme, options, kept }) => {
      const connect = (more: object = {}): Promise<JsClient> =>
        connectJs(broker.urls[scheme], { ...options, ...kept, reconnectPeriod: 5, resubscribe: false, ...more })
      const expected = Array.from({ length: count }, (_, i) => String(i))
      const untilEnd = async ({ inbox }: JsClient): Promise<string[]> => {
        const texts: string[] = []
        for (let text = ''; text !== 'end';) {
          text = (await inbox.next()).text
          if (text !== 'end') texts.push(text)
        }
        return texts
      }
      /** First deliveries, without what came again. */
      const firsts = (texts: string[]): string[] => [...new Set(texts)]

      test.each([1, 2] as const)('QoS %d: a subscriber that loses its connection misses nothing', async (qos) => {
        const topic = unique('cut-sub')
        const [sub, pub] = [await connect(), await connect()]
        await sub.client.subscribeAsync(topic, { qos: 2 })
        cutEvery(sub, sub, 70)
        await publishAll(pub, topic, { qos, count })
        await pub.client.publishAsync(topic, 'end', { qos })
        const texts = await untilEnd(sub)
        expect(qos === 2 ? texts : firsts(texts)).toEqual(expected)
        expect(sub.connacks.all.length).toBeGreaterThan(3)
        expect(sub.connacks.all.slice(1).every(({ sessionPresent }) => sessionPresent)).toBe(true)
      })

      test.each([1, 2] as const)('QoS %d: a publisher that loses its connection loses no message', async (qos) => {
        const topic = unique('cut-pub')
        const [sub, pub] = [await connect(), await connect()]
        await sub.client.subscribeAsync(topic, { qos: 2 })
        cutEvery(sub, pub, 70)
        await publishAll(pub, topic, { qos, count })
        await pub.client.publishAsync(topic, 'end', { qos })
        const texts = await untilEnd(sub)
        expect(qos === 2 ? texts : firsts(texts)).toEqual(expected)
        expect(pub.connacks.all.length).toBeGreaterThan(3)
        expect(pub.connacks.all.slice(1).every(({ sessionPresent }) => sessionPresent)).toBe(true)
      })
    },
  )
})

describe('a broker that is gone and comes back', () => {
  const revive = (port: number): Promise<Broker> => startBroker(['--mqtt', `127.0.0.1:${port}`])

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'clients come back after %s and have new sessions, for memory forgets',
    async (signal) => {
      const broker = await startBroker()
      const topic = unique('revived')
      const kept = { clean: false, properties: { sessionExpiryInterval: 3600 }, reconnectPeriod: 20 }
      const [sub, pub] = [await connectJs(broker.urls['mqtt'], kept), await connectJs(broker.urls['mqtt'], kept)]
      await sub.client.subscribeAsync(topic, { qos: 1 })
      broker.process.kill(signal)
      await broker.process.exit()
      const published = pub.client.publishAsync(topic, 'while it was away', { qos: 1 })
      const revived = await revive(broker.port)
      expect((await sub.connacks.next()).sessionPresent).toBe(false)
      await published
      // MQTT.js subscribes again by itself.
      await revived.subscribed(sub.id)
      await pub.client.publishAsync(topic, 'end', { qos: 1 })
      const texts = [(await sub.inbox.next()).text]
      if (texts[0] !== 'end') texts.push((await sub.inbox.next()).text)
      expect(texts.at(-1)).toBe('end')
      expect((await revived.stop()).code).toBe(0)
    },
  )

  test('a client that connects when told to can be told again', async () => {
    const broker = await startBroker()
    const { client, connacks, inbox } = await connectJs(broker.urls['mqtt'])
    await client.endAsync()
    client.reconnect()
    expect((await connacks.next()).reasonCode).toBe(0)
    const topic = unique('again')
    await client.subscribeAsync(topic)
    await client.publishAsync(topic, 'here')
    expect(await inbox.next()).toMatchObject({ text: 'here' })
    expect((await broker.stop()).code).toBe(0)
  })
})
