import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { connectJs, dialects } from './support/mqtt-js.ts'
import { temporaryDirectory } from './support/temporary.ts'

test.each(dialects)('queues by topic and auto-subscription over $name', async ({ scheme, options }) => {
  const auto = JSON.stringify([{ filter: 'for/${clientid}/#', qos: 1 }])
  const broker = await startBroker(['--set', `autoSubscribe=${auto}`, '--set', 'sharing=hash-topic'])
  const [one, two, pub] = [
    await connectJs(broker.urls[scheme], { ...options, clientId: 'one' }),
    await connectJs(broker.urls[scheme], { ...options, clientId: 'two' }),
    await connectJs(broker.urls[scheme], { ...options, clientId: 'pub' }),
  ]
  for (const { client } of [one, two]) await client.subscribeAsync('$queue/jobs/+', { qos: 1 })
  for (const round of [1, 2, 3])
    for (let key = 0; key < 10; key++) await pub.client.publishAsync(`jobs/${key}`, String(round), { qos: 1 })
  const got = new Map<string, string[]>()
  for (const { client, id, inbox } of [one, two]) {
    await pub.client.publishAsync(`for/${id}/end`, 'end', { qos: 1 })
    for (let next = await inbox.next(); next.text !== 'end'; next = await inbox.next())
      got.set(`${next.topic} ${id}`, [...(got.get(`${next.topic} ${id}`) ?? []), next.text])
    await client.endAsync()
  }
  expect(got.size).toBe(10)
  expect(new Set(Array.from(got.keys(), (each) => each.split(' ')[1]))).toEqual(new Set(['one', 'two']))
  for (const texts of got.values()) expect(texts).toEqual(['1', '2', '3'])
})

test('an exclusive subscription is its session’s over kill -9, until that unsubscribes', async () => {
  const flags = ['--data', join(temporaryDirectory(), 'data')]
  const kept = { clientId: 'owner', clean: false, properties: { sessionExpiryInterval: 3600 } }
  let broker = await startBroker(flags)
  const owner = await connectJs(broker.urls['mqtt'], kept)
  await owner.client.subscribeAsync('$exclusive/door', { qos: 1 })
  broker.process.kill('SIGKILL')
  await broker.process.exit()

  broker = await startBroker(flags)
  const [late, old] = [await connectJs(broker.urls['mqtt']), await connectJs(broker.urls['ws'], { protocolVersion: 4 })]
  const [first] = await late.client.subscribeAsync('$exclusive/door').catch((error: Error) => [error])
  expect(first).toMatchObject({ message: expect.stringContaining('Quota exceeded') as string })
  await expect(old.client.subscribeAsync('$exclusive/door')).rejects.toThrow('Unspecified error')
  await late.client.publishAsync('door', 'open', { qos: 1 })
  const again = await connectJs(broker.urls['mqtt'], kept)
  expect(await again.inbox.next()).toMatchObject({ topic: 'door', text: 'open' })
  await again.client.unsubscribeAsync('$exclusive/door')
  expect(await late.client.subscribeAsync('$exclusive/door')).toMatchObject([{ qos: 0 }])
})
