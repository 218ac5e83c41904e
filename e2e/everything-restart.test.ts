import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { connectJs } from './support/mqtt-js.ts'
import { field, frame, publishFrame, RawClient, type RawPacket, Type } from './support/raw.ts'
import { temporaryDirectory } from './support/temporary.ts'

const kept = { clean: false, properties: { sessionExpiryInterval: 3600 } }
const hour = [0x11, 0, 0, 0x0e, 0x10]

/** CONNECT to a session that is kept for an hour, with a will after so many seconds. */
function connectFrame(clientId: string, willDelay: number): Buffer {
  const head = Buffer.concat([field('MQTT'), Buffer.from([5, 0x0c, 0, 0, hour.length, ...hour])])
  const will = [Buffer.from([5, 0x18, 0, 0, 0, willDelay]), field(`will/${clientId}`), field('gone')]
  return frame(0x10, head, field(clientId), ...will)
}

/** SUBSCRIBE with the identifier 7. */
function subscribeFrame(id: number, filter: string, options: number): Buffer {
  return frame(0x82, Buffer.from([0, id, 2, 0x0b, 7]), field(filter), Buffer.from([options]))
}

function answer(first: number, id: number): Buffer {
  return frame(first, Buffer.from([id >> 8, id & 255]))
}

/** Topic, text, packet identifier and DUP of a PUBLISH of QoS 1 or 2, and its properties. */
function published({ type, flags, body }: RawPacket): {
  readonly told: readonly unknown[]
  readonly id: number
  readonly properties: readonly number[]
} {
  expect(type).toBe(Type.publish)
  const at = 2 + body.readUInt16BE(0)
  const id = body.readUInt16BE(at)
  const end = at + 3 + (body[at + 2] ?? 0)
  const told = [body.toString('utf8', 2, at), body.toString('utf8', end), (flags & 8) !== 0]
  return { told, id, properties: [...body.subarray(at + 3, end)] }
}

test('everything there is survives kill -9 together', async () => {
  const data = ['--data', join(temporaryDirectory(), 'data')]
  const flags = [...data, '--set', 'flapping.enabled=true', '--set', 'flapping.maxConnects=3']
  let broker = await startBroker(flags)
  const connect = (clientId: string) => connectJs(broker.urls['mqtt'], { ...kept, clientId })

  const sleeper = await connect('sleeper')
  for (const filter of ['seen', 'will/#', 'later']) await sleeper.client.subscribeAsync(filter, { qos: 2 })
  await sleeper.client.endAsync()

  // Under way to it are: what it has, what it may have, and a copy of a group's. It has sent what it may send again.
  const half = new RawClient(broker.port)
  await half.ask(Type.connack, connectFrame('half', 100))
  await half.ask(Type.suback, subscribeFrame(1, 't/#', 2))
  await half.ask(Type.suback, subscribeFrame(2, '$share/g/s', 1))
  await half.ask(Type.suback, subscribeFrame(3, '$exclusive/x', 1))
  const speaker = await connect('speaker')
  for (const text of ['0', '1', '2']) await speaker.client.publishAsync('t/x', text, { qos: 2 })
  for (const text of ['s0', 's1']) await speaker.client.publishAsync('s', text, { qos: 1 })
  await speaker.client.publishAsync('x', 'x0', { qos: 1 })
  const sent = (await half.inbox.take(6)).map(published)
  const [first, second, third, s0, s1, x0] = sent.map(({ id }) => id) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  await half.ask(Type.pubrel, answer(0x50, first))
  half.send(answer(0x40, s0))
  await half.ask(Type.pubrec, publishFrame('seen', 'once', { qos: 2, id: 77 }))

  const gone = new RawClient(broker.port)
  await gone.ask(Type.connack, connectFrame('gone', 1))
  gone.socket.destroy()
  await broker.gone('gone')
  const properties = { contentType: 'text/x', messageExpiryInterval: 3600, userProperties: { k: ['1', '2'] } }
  await speaker.client.publishAsync('kept', 'value', { qos: 1, retain: true, properties })
  await speaker.client.publishAsync('$delayed/2/later', 'late', { qos: 2 })
  const flapper = async (): Promise<unknown> => (await connect('flapper')).client.endAsync()
  for (let i = 0; i < 3; i++) await flapper()
  await expect(flapper()).rejects.toMatchObject({ code: 138 })
  // Whoever is told of this was told behind all of the above.
  await speaker.client.publishAsync('seen', 'last', { qos: 2 })
  broker.process.kill('SIGKILL')
  await broker.process.exit()

  broker = await startBroker(flags)
  await expect(flapper()).rejects.toMatchObject({ code: 138 })
  const other = await connect('other')
  const taken = (await other.client
    .subscribeAsync('$exclusive/x', { qos: 1 })
    .catch((error: unknown) => error)) as Error
  expect(String(taken)).toMatch(/quota/i)

  await other.client.subscribeAsync('kept', { qos: 1 })
  const { packet, text } = await other.inbox.next()
  expect([text, packet.retain, packet.properties?.contentType]).toEqual(['value', true, 'text/x'])
  expect(packet.properties?.userProperties).toEqual({ k: ['1', '2'] })
  expect(packet.properties?.messageExpiryInterval).toBeLessThanOrEqual(3600)

  const back = new RawClient(broker.port)
  expect((await back.ask(Type.connack, connectFrame('half', 100))).body[0]).toBe(1)
  const [pubrel, ...again] = await back.inbox.take(5)
  expect([pubrel?.type, pubrel?.body.readUInt16BE(0)]).toEqual([Type.pubrel, first])
  const repeated = again.map(published)
  expect(repeated.map(({ told, id }) => [...told, id])).toEqual([
    ['t/x', '1', true, second],
    ['t/x', '2', true, third],
    ['x', 'x0', true, x0],
    // At QoS 1 the group had it back, and gave it out anew.
    ['s', 's1', false, s1],
  ])
  for (const { properties: bytes } of repeated) expect(bytes).toEqual([0x0b, 7])
  await back.ask(Type.pubrec, publishFrame('seen', 'once', { qos: 2, id: 77 }))
  await back.ask(Type.pubcomp, answer(0x62, 77))

  const awake = await connect('sleeper')
  expect(awake.connack.sessionPresent).toBe(true)
  const heard = (await awake.inbox.take(4)).map((each) => `${each.topic} ${each.text}`)
  expect(heard.toSorted()).toEqual(['later late', 'seen last', 'seen once', 'will/gone gone'])
  await other.client.publishAsync('seen', 'end', { qos: 2 })
  expect((await awake.inbox.next()).text).toBe('end')
})
