import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { OldPaho } from './support/old-paho.ts'
import { unique } from './support/unique.ts'

const broker = sharedBroker()
const open = (): OldPaho => new OldPaho(broker.urls['ws'] ?? '')
const login = async (options: Parameters<OldPaho['connect']>[1] = {}, id = unique('old')): Promise<OldPaho> => {
  const client = open()
  expect(await client.connect(id, options)).toBe(0)
  return client
}

test('messages of every QoS, empty, binary and large ones, in order', async () => {
  const topic = unique('old')
  const [sub, pub] = [await login(), await login({ user: ['me', 'secret'] })]
  expect(await sub.subscribe(`${topic}/#`, 2)).toBe(2)
  const payloads = [Buffer.alloc(0), Buffer.from('grüße'), Buffer.from([0, 255, 10]), randomBytes(300_000)]
  for (const qos of [0, 1, 2]) for (const payload of payloads) await pub.publish(`${topic}/${qos}`, payload, { qos })
  const got = await sub.messages.take(12)
  expect(got.map(({ topic: on, qos, retain }) => [on, qos, retain])).toEqual(
    [0, 1, 2].flatMap((qos) => payloads.map(() => [`${topic}/${qos}`, qos, false])),
  )
  expect(got.every(({ payload }, i) => payload.equals(payloads[i % 4] ?? Buffer.from('-')))).toBe(true)
  await sub.ping()
  await sub.unsubscribe(`${topic}/#`)
  await pub.publish(`${topic}/1`, 'unheard', { qos: 1 })
  await sub.ping()
  expect(sub.messages.all).toHaveLength(12)
})

test('a retained message, and its end', async () => {
  const topic = unique('old')
  const pub = await login()
  await pub.publish(topic, 'kept', { qos: 1, retain: true })
  const late = await login()
  await late.subscribe(topic, 1)
  expect(await late.messages.next()).toMatchObject({ topic, qos: 1, retain: true, payload: Buffer.from('kept') })
  await pub.publish(topic, '', { qos: 1, retain: true })
  const last = await login()
  await last.subscribe(topic, 1)
  await last.ping()
  expect(last.messages.all).toEqual([])
})

test('the will of a page that is closed, and none of one that takes leave', async () => {
  const topic = unique('old')
  const watcher = await login()
  await watcher.subscribe(`${topic}/+`, 2)
  const will = (payload: string): object => ({ will: { topic: `${topic}/${payload}`, payload, qos: 2, retain: true } })
  const ids = [unique('old'), unique('old')]
  const polite = await login(will('polite'), ids[0])
  await polite.close(true)
  await broker.gone(ids[0] ?? '')
  const victim = await login(will('victim'), ids[1])
  await victim.close(false)
  expect(await watcher.messages.next()).toMatchObject({ topic: `${topic}/victim`, qos: 2, retain: false })
  const late = await login()
  await late.subscribe(`${topic}/+`, 1)
  expect(await late.messages.next()).toMatchObject({ topic: `${topic}/victim`, qos: 1, retain: true })
})

test('a session that is kept has what came meanwhile, once', async () => {
  const [topic, id] = [unique('old'), unique('old')]
  const first = await login({ clean: false }, id)
  await first.subscribe(topic, 2)
  await first.close(true)
  await broker.gone(id)
  const pub = await login()
  for (let i = 0; i < 50; i++) await pub.publish(topic, String(i), { qos: 1 + (i % 2) })
  const again = await login({ clean: false }, id)
  const got = (await again.messages.take(50)).map(({ payload, qos }) => `${qos} ${payload.toString()}`)
  expect(got).toEqual(Array.from({ length: 50 }, (_, i) => `${1 + (i % 2)} ${i}`))
  await again.ping()
  expect(again.messages.all).toHaveLength(50)
})

test('an identifier that MQTT 3.1 does not allow is refused with code 2', async () => {
  expect(await open().connect('')).toBe(2)
})
