import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { sharedBroker, startBroker } from './support/broker.ts'
import { connectFrame, Packets, pingFrame, publishFrame, subscribeFrame, Type } from './support/raw.ts'
import { eachTest } from './support/scope.ts'
import { unique } from './support/unique.ts'
import { within } from './support/within.ts'

const broker = sharedBroker()

interface WebSocketClient {
  readonly socket: WebSocket
  readonly packets: Packets
  /** The code with which it was closed. */
  readonly closed: Promise<number>
}

function open(url: string, protocols: string[], options: object = {}): Promise<WebSocketClient> {
  const socket = new WebSocket(url, protocols, options)
  eachTest.add(() => socket.terminate())
  const packets = new Packets()
  socket.on('message', (data) => packets.push(data as Buffer))
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  const opened = new Promise<WebSocketClient>((resolve, reject) => {
    socket.once('open', () => resolve({ socket, packets, closed }))
    socket.on('error', reject)
  })
  return within(opened, `${url} to open`)
}

test('the old browser way: subprotocol mqttv3.1 at /mqtt', async () => {
  const { socket, packets } = await open(broker.urls['ws'] ?? '', ['mqttv3.1'])
  expect(socket.protocol).toBe('mqttv3.1')
  socket.send(connectFrame(unique('old'), 3))
  expect(await packets.inbox.next()).toMatchObject({ type: Type.connack, body: Buffer.from([0, 0]) })
  const topic = unique('old')
  socket.send(subscribeFrame(topic, 0, 3))
  expect((await packets.inbox.next()).type).toBe(Type.suback)
  socket.send(Buffer.concat([Buffer.from([0x30, 2 + topic.length + 2, 0, topic.length]), Buffer.from(`${topic}hi`)]))
  expect((await packets.inbox.next()).body.toString()).toContain('hi')
})

test.each(['/mqtt', '/', '/mqtt?token=1'])('path %s is answered', async (path) => {
  const { socket } = await open(new URL(path, broker.urls['ws']).href, ['mqtt'])
  expect(socket.protocol).toBe('mqtt')
})

test.each([
  ['another path', '/other', ['mqtt'], 404],
  ['another subprotocol', '/mqtt', ['chat'], 400],
  ['no subprotocol', '/mqtt', [], 400],
])('%s is refused', async (_, path, protocols, status) => {
  const refused = open(new URL(path, broker.urls['ws']).href, protocols)
  await expect(refused).rejects.toThrow(`Unexpected server response: ${status}`)
})

test('of several subprotocols one we know is chosen', async () => {
  const { socket } = await open(broker.urls['ws'] ?? '', ['chat', 'mqttv3.1', 'mqtt'])
  expect(['mqtt', 'mqttv3.1']).toContain(socket.protocol)
})

test('packets may be cut and joined in frames as one likes', async () => {
  const { socket, packets } = await open(broker.urls['ws'] ?? '', ['mqtt'])
  const topic = unique('cut')
  const all = Buffer.concat([
    connectFrame(unique('cut')),
    subscribeFrame(topic, 1),
    publishFrame(topic, 'x'.repeat(300)),
    pingFrame,
  ])
  for (const byte of all) socket.send(Buffer.from([byte]))
  expect((await packets.inbox.take(4)).map(({ type }) => type)).toEqual([
    Type.connack,
    Type.suback,
    Type.publish,
    Type.pingresp,
  ])
  socket.send(Buffer.concat([pingFrame, pingFrame, publishFrame(topic, 'y'), pingFrame]), { fin: false })
  socket.send(pingFrame, { fin: true })
  expect((await packets.inbox.take(5)).filter(({ type }) => type === Type.pingresp)).toHaveLength(4)
})

test('text frames are refused', async () => {
  const { socket, closed } = await open(broker.urls['ws'] ?? '', ['mqtt'])
  socket.send('hello')
  expect(await within(closed, 'the end')).toBe(1003)
})

test('a plain request is told what this is', async () => {
  const url = (broker.urls['ws'] ?? '').replace('ws:', 'http:')
  const answer = await fetch(url)
  expect([answer.status, await answer.text()]).toEqual([426, 'This port speaks MQTT over WebSocket.\n'])
})

test('pages of foreign origins are refused where origins are named', async () => {
  const strict = await startBroker([
    '--set',
    'listeners.ws.origins=["https://example.com"]',
    '--set',
    'listeners.ws.paths=["/here"]',
  ])
  expect(strict.urls['ws']).toMatch(/\/here$/)
  await open(strict.urls['ws'] ?? '', ['mqtt'], { origin: 'https://example.com' })
  await open(strict.urls['ws'] ?? '', ['mqtt'])
  await expect(open(strict.urls['ws'] ?? '', ['mqtt'], { origin: 'https://evil.example' })).rejects.toThrow('403')
  await expect(open((strict.urls['ws'] ?? '').replace('/here', '/mqtt'), ['mqtt'])).rejects.toThrow('404')
})
