import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { sharedBroker, startBroker, type Broker } from './support/broker.ts'
import { connectJs } from './support/mqtt-js.ts'
import { openDescriptors } from './support/proc.ts'
import { start } from './support/process.ts'
import { connectFrame, RawClient, Type } from './support/raw.ts'
import { unique } from './support/unique.ts'
import { eventually, within } from './support/within.ts'

/** The broker lives and does its work. */
async function serves(broker: Broker): Promise<void> {
  const topic = unique('alive')
  const { client, inbox } = await connectJs(broker.urls['mqtt'])
  await client.subscribeAsync(topic, { qos: 2 })
  await client.publishAsync(topic, 'alive', { qos: 2 })
  expect(await inbox.next()).toMatchObject({ text: 'alive' })
  await client.endAsync()
}

describe('garbage', () => {
  const broker = sharedBroker(['--log-level', 'warn', '--set', 'limits.connectTimeout=1s'])

  test('random bytes, before CONNECT and after', async () => {
    for (let i = 0; i < 200; i++) {
      const client = new RawClient(broker.port)
      if (i % 2 === 1) await client.ask(Type.connack, connectFrame(unique('noise')))
      client.send(randomBytes(1 + ((i * 37) % 5000)))
      // What happens to be the beginning of a long packet waits for the rest: this end goes.
      client.socket.end()
      client.socket.resume()
      await client.untilClosed()
    }
    await serves(broker)
  })

  test('each first byte there is', async () => {
    for (let byte = 0; byte < 256; byte++) {
      const client = new RawClient(broker.port)
      client.send(Buffer.from([byte, 2, 0, 0]))
      await client.untilClosed()
      expect(
        client.inbox.all.every(({ type }) => type === Type.connack || type === Type.disconnect),
        `first byte ${byte}`,
      ).toBe(true)
    }
    await serves(broker)
  })

  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a length of five bytes', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ['a CONNECT of 256 MB', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])],
    ['another protocol', Buffer.from([0x10, 12, 0, 4, ...Buffer.from('AMQP'), 4, 2, 0, 0, 0, 0])],
    ['PUBLISH before CONNECT', Buffer.from([0x30, 5, 0, 1, 97, 120, 120])],
  ])('%s on the MQTT port is hung up on', async (_, bytes) => {
    const client = new RawClient(broker.port)
    client.send(Buffer.from(bytes))
    await client.untilClosed()
    await serves(broker)
  })

  test('TLS on the MQTT port fails at once', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: broker.port, rejectUnauthorized: false })
    const error = await within(new Promise<Error>((resolve) => socket.once('error', resolve)), 'the handshake to fail')
    expect(error.message).toMatch(/socket disconnected before secure TLS|ECONNRESET|packet length|wrong version/i)
    await serves(broker)
  })

  test.each([
    ['nothing at all', Buffer.alloc(0)],
    ['half a CONNECT', connectFrame('half').subarray(0, 9)],
    ['the first byte of one', Buffer.from([0x10])],
  ])('a connection that says %s is closed when its time is up', async (_, bytes) => {
    const client = new RawClient(broker.port)
    client.send(bytes)
    await client.untilClosed()
    expect(client.inbox.all).toEqual([])
  })

  test('a byte now and then does not lengthen the time', async () => {
    const client = new RawClient(broker.port)
    const bytes = connectFrame('a-client-that-drips')
    let sent = 0
    const drip = setInterval(() => client.send(bytes.subarray(sent, ++sent)), 100)
    await client.untilClosed()
    clearInterval(drip)
    expect(sent).toBeLessThan(bytes.length)
  })

  test('half an upgrade on the WebSocket port is closed when its time is up', async () => {
    const client = new RawClient(Number(new URL(broker.urls['ws'] ?? '').port))
    client.send(Buffer.from('GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'))
    await client.untilClosed()
    await serves(broker)
  })
})

test('ten thousand clients come and go, in order, abruptly and without a word, and nothing is left of them', async () => {
  const broker = await startBroker(['--log-level', 'warn'])
  await serves(broker)
  const before = openDescriptors(broker.process.pid)
  const visit = (number: number): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: broker.port })
      socket.on('error', () => undefined)
      socket.once('close', () => resolve())
      socket.once('connect', () => {
        if (number % 4 === 0) socket.destroy()
        else socket.write(connectFrame(`visitor-${number % 97}`))
      })
      socket.on('data', () => {
        if (number % 4 === 1) socket.resetAndDestroy()
        else socket.end(Buffer.from(number % 4 === 2 ? [0xe0, 0] : []))
      })
    })
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < 10_000) await visit(next++)
  }
  await within(Promise.all(Array.from({ length: 50 }, worker)), () => `10,000 visits: ${next}`, 90_000)
  const now = (): number => openDescriptors(broker.process.pid)
  await eventually(
    () => now() <= before,
    () => `${before} descriptors: ${now()}`,
  )
  await serves(broker)
  expect((await broker.stop()).code).toBe(0)
}, 120_000)

test('clients that are killed leave nothing behind', async () => {
  const broker = await startBroker()
  await serves(broker)
  const before = openDescriptors(broker.process.pid)
  // A process of its own each: the system ends their connections, not they.
  const script = `
    const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1')
    socket.write(Buffer.from(process.argv[2], 'hex'))
    socket.on('data', () => console.log('connected'))`
  const ids = Array.from({ length: 6 }, () => unique('victim'))
  const victims = ids.map((id) =>
    start(process.execPath, ['-e', script, String(broker.port), connectFrame(id).toString('hex')]),
  )
  await Promise.all(victims.map((victim) => victim.until('stdout', /connected/)))
  for (const victim of victims) victim.kill('SIGKILL')
  for (const id of ids) await broker.gone(id)
  const now = (): number => openDescriptors(broker.process.pid)
  await eventually(
    () => now() <= before,
    () => `${before} descriptors: ${now()}`,
  )
  await serves(broker)
  expect((await broker.stop()).code).toBe(0)
})
