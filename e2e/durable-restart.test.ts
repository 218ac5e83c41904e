import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { startIsomq } from './support/isomq.ts'
import { connectJs, publishAll } from './support/mqtt-js.ts'
import { temporaryDirectory } from './support/temporary.ts'

const kept = { clean: false, properties: { sessionExpiryInterval: 3600 } }

describe.each(['flush', 'os'])('a broker with a data directory, durability %s', (durability) => {
  test.each([1, 2] as const)('QoS %d: what was acknowledged is there after kill -9, once and in order', async (qos) => {
    const flags = ['--data', join(temporaryDirectory(), 'data'), '--set', `storage.durability=${durability}`]
    let broker = await startBroker(flags)
    const sub = await connectJs(broker.urls['mqtt'], { ...kept, clientId: 'sleeper' })
    await sub.client.subscribeAsync('owed/#', { qos: 2 })
    await sub.client.endAsync()
    const pub = await connectJs(broker.urls['mqtt'], { ...kept, clientId: 'speaker' })
    await publishAll(pub, 'owed/x', { qos, count: 300 })
    await pub.client.publishAsync('kept', 'last', { qos: 1, retain: true })
    broker.process.kill('SIGKILL')
    await broker.process.exit()

    broker = await startBroker(flags)
    const again = await connectJs(broker.urls['mqtt'], { ...kept, clientId: 'sleeper' })
    expect(again.connack.sessionPresent).toBe(true)
    for (let i = 0; i < 300; i++) expect((await again.inbox.next()).text).toBe(String(i))
    const speaker = await connectJs(broker.urls['mqtt'], { ...kept, clientId: 'speaker' })
    expect(speaker.connack.sessionPresent).toBe(true)
    await speaker.client.subscribeAsync('kept')
    const { text, packet } = await speaker.inbox.next()
    expect([text, packet.retain]).toEqual(['last', true])
    await speaker.client.publishAsync('owed/x', 'after', { qos })
    expect((await again.inbox.next()).text).toBe('after')
  })
})

test.each([1, 2] as const)(
  'QoS %d: what is to be published later is so after kill -9, once and in order',
  async (qos) => {
    const flags = ['--data', join(temporaryDirectory(), 'data')]
    let broker = await startBroker(flags)
    const sub = await connectJs(broker.urls['mqtt'], { ...kept, clientId: 'sleeper' })
    await sub.client.subscribeAsync('owed/#', { qos: 2 })
    await sub.client.endAsync()
    const pub = await connectJs(broker.urls['mqtt'], { ...kept, clientId: 'speaker' })
    await publishAll(pub, '$delayed/1/owed/x', { qos, count: 300 })
    broker.process.kill('SIGKILL')
    await broker.process.exit()

    broker = await startBroker(flags)
    const again = await connectJs(broker.urls['mqtt'], { ...kept, clientId: 'sleeper' })
    for (let i = 0; i < 300; i++) expect((await again.inbox.next()).text).toBe(String(i))
    const speaker = await connectJs(broker.urls['mqtt'], { ...kept, clientId: 'speaker' })
    await speaker.client.publishAsync('$delayed/0/owed/x', 'after', { qos })
    const { text, packet } = await again.inbox.next()
    expect([text, packet.topic]).toEqual(['after', 'owed/x'])
  },
)

test('a data directory has one broker at a time', async () => {
  const data = join(temporaryDirectory(), 'data')
  const broker = await startBroker(['--data', data])
  const where = ['--mqtt', '127.0.0.1:0', '--ws', 'off', '--data', data]
  const second = await startIsomq(['serve', ...where]).exit()
  expect(second.code).toBe(1)
  expect(second.stderr).toMatch(/^isomq: storage: .*data is in use by another broker, process \d+\n$/)
  expect((await broker.stop()).code).toBe(0)
  const third = await startBroker(['--data', data])
  expect((await third.stop()).code).toBe(0)
})
