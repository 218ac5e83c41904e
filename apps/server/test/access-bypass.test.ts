import { describe, expect, test, vi } from 'vitest'
import { connect, type Heard, outcome, type Running, start } from './access-harness.ts'

// Whoever may not publish to, or hear of, what is below `secret` tries to, in every way there is.

const rules = [
  { effect: 'allow', clients: ['root', 'spy'], publish: ['#'], subscribe: ['#'] },
  { effect: 'deny', publish: ['secret/#'], subscribe: ['secret/#'] },
  { effect: 'allow', publish: ['dev/%c/#'], subscribe: ['dev/%c/#'] },
  { effect: 'deny', publish: ['dev/#'], subscribe: ['dev/#'] },
  { effect: 'allow', publish: ['#'], subscribe: ['#'] },
]
const rewrite = [
  { action: 'all', source: 'public/#', regex: '^public/in/(.+)$', target: 'secret/$1' },
  { action: 'all', source: 'secret/#', regex: '^secret/out/(.+)$', target: 'public/$1' },
]

async function arena(
  version: 4 | 5,
): Promise<Running & { root: Heard; spy: Heard; as: (clientId: string, more?: object) => Promise<Heard> }> {
  const running = await start({ 'authorization.rules': rules, rewrite })
  const root = await connect(running.url, { clientId: 'root' })
  const spy = await connect(running.url, { clientId: 'spy' })
  await spy.client.subscribe([
    { topic: 'secret/#', qos: 1 },
    { topic: 'dev/#', qos: 1 },
    { topic: '$SYS/broker/load', qos: 1 },
  ])
  const as = (clientId: string, more: object = {}): Promise<Heard> =>
    connect(version === 5 ? running.url : running.wsUrl, { clientId, protocolVersion: version, ...more })
  return { ...running, root, spy, as }
}
const message = (topic: string, more: object = {}): never =>
  ({ topic, payload: Buffer.from('x'), qos: 1, retain: false, ...more }) as never
const settle = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 60))

describe.each([4, 5] as const)('MQTT %i', (version) => {
  test.each([
    ['directly', 'secret/a'],
    ['to the level above', 'secret'],
    ['later', '$delayed/0/secret/a'],
    ['by a name that the rules lead there', 'public/in/a'],
    ['by a name that the rules lead away from there', 'secret/out/a'],
    ['with an empty level', 'secret//a'],
    ['to what the broker tells of itself', '$SYS/broker/load'],
    ['to that, later', '$delayed/0/$SYS/broker/load'],
    ['to the place of another', 'dev/other/x'],
  ])('publishing %s is denied', async (_, topic) => {
    const { spy, root, as } = await arena(version)
    const { client } = await as('eve')
    for (const retain of [false, true])
      for (const qos of [0, 1, 2]) await client.publish(message(topic, { qos, retain })).catch(() => undefined)
    await settle()
    await root.client.publish(message('secret/end'))
    await vi.waitFor(() => expect(spy.heard).toEqual(['secret/end x']))
    // Nothing is retained there either.
    await root.client.subscribe([
      { topic: 'secret/#', qos: 1 },
      { topic: 'dev/#', qos: 0 },
      { topic: 'public/#', qos: 1 },
    ])
    await settle()
    expect(root.heard).toEqual([])
  })

  test.each(['secret/will', '$delayed/0/secret/will', 'public/in/will', '$SYS/broker/load'])(
    'a will to %s is denied',
    async (topic) => {
      const { spy, root, as } = await arena(version)
      const will = { topic, payload: Buffer.from('x'), qos: 1, retain: true }
      const victim = await as('eve', { will }).catch(() => undefined)
      await settle()
      // Without a farewell.
      victim?.client.close()
      await settle()
      await root.client.publish(message('secret/end'))
      await vi.waitFor(() => expect(spy.heard).toEqual(['secret/end x']))
    },
  )

  test.each(['#', '+', 'a/b', 'other/x', '+/x', '#/x'])(
    'a client id gives no more than its own level: %s',
    async (clientId) => {
      const { spy, root, as } = await arena(version)
      const { client, heard } = await as(clientId)
      for (const topic of ['dev/a/b/x', 'dev/other/x/y', `dev/${clientId.replaceAll(/[+#]/g, 'z')}/x`])
        await client.publish(message(topic)).catch(() => undefined)
      await client
        .subscribe([
          { topic: 'dev/#', qos: 1 },
          { topic: 'dev/+/x', qos: 1 },
        ])
        .catch(() => undefined)
      await root.client.publish(message('dev/other/x'))
      await vi.waitFor(() => expect(spy.heard).toEqual(['dev/other/x x']))
      await settle()
      expect(heard).toEqual([])
    },
  )

  const refusal = version === 5 ? 0x87 : 0x80
  test.each([
    ['secret/#', refusal],
    ['secret', refusal],
    ['secret/+', refusal],
    ['$share/g/secret/#', refusal],
    ['$queue/secret/a', refusal],
    ['$exclusive/secret/a', refusal],
    ['public/in/#', 0],
    ['secret/out/a', refusal],
    ['dev/other/#', refusal],
    ['#', 0],
    ['+/a', 0],
    ['+/+', 0],
    ['$share/g/#', 0],
    ['+/in/#', 0],
  ])('subscribing to %s brings nothing of it', async (filter, code) => {
    const { root, spy, as } = await arena(version)
    await root.client.publish(message('secret/kept', { retain: true }))
    const { client, heard } = await as('eve')
    const [granted] = await client.subscribe([{ topic: filter, qos: 0 }])
    // What the rules lead elsewhere is judged there.
    expect(granted).toBe(filter === 'public/in/#' ? granted : code)
    for (const topic of ['secret/a', 'secret', 'secret/in/a', 'public/in/b', 'dev/other/a'])
      await root.client.publish(message(topic))
    await vi.waitFor(() => expect(spy.heard).toHaveLength(6))
    await settle()
    expect(heard.filter((each) => /^(secret|dev)/.test(each))).toEqual([])
  })

  test.each(['Secret/a', 'SECRET/a', 'secret\u200b/a', 'sеcret/a', 'ｓecret/a', 'secret%2fa', 'xsecret/a'])(
    'what only looks like it is another topic: %j',
    async (topic) => {
      const { spy, root, as } = await arena(version)
      const { client } = await as('eve')
      await client.publish(message(topic))
      await root.client.publish(message('secret/end'))
      await vi.waitFor(() => expect(spy.heard).toEqual(['secret/end x']))
    },
  )

  test('what was kept for an absent session is judged when it is handed over', async () => {
    const { root, as } = await arena(version)
    const kept = { clean: false, ...(version === 5 ? { properties: { sessionExpiryInterval: 100 } } : {}) }
    const first = await as('eve', kept)
    await first.client.subscribe([{ topic: '#', qos: 1 }])
    first.client.close()
    await settle()
    for (const topic of ['secret/a', 'open/a', 'dev/other/a', 'dev/eve/a']) await root.client.publish(message(topic))
    const { heard } = await as('eve', kept)
    await vi.waitFor(() => expect(heard).toEqual(['open/a x', 'dev/eve/a x']))
  })
})

test('an alias stands for a topic, and is judged as that', async () => {
  const { spy, root, as } = await arena(5)
  const { client } = await as('eve')
  await client.publish(message('secret/a', { properties: { topicAlias: 1 } })).catch(() => undefined)
  await client.publish(message('', { properties: { topicAlias: 1 } })).catch(() => undefined)
  await settle()
  await root.client.publish(message('secret/end'))
  await vi.waitFor(() => expect(spy.heard).toEqual(['secret/end x']))
})

test('what the broker tells of itself is for administrators, once there are rules', async () => {
  const running = await start({
    'authorization.rules': [{ effect: 'allow', subscribe: ['a'] }],
    sys: { interval: 100 },
  })
  const { client, heard } = await connect(running.url, { clientId: 'eve' })
  expect(
    await client.subscribe([
      { topic: '$SYS/#', qos: 0 },
      { topic: '$SYS/broker/+', qos: 0 },
    ]),
  ).toEqual([0x87, 0x87])
  await settle()
  expect(heard).toEqual([])
  const open = await start({
    'authorization.rules': [{ effect: 'allow', subscribe: ['$SYS/#'] }],
    sys: { interval: 100 },
  })
  const reader = await connect(open.url, { clientId: 'eve' })
  expect(await reader.client.subscribe([{ topic: '$SYS/#', qos: 0 }])).toEqual([0])
  await vi.waitFor(() => expect(reader.heard.length).toBeGreaterThan(10))
})

test('rules are for every listener', async () => {
  const { url, wsUrl } = await start({ 'authorization.rules': [{ effect: 'allow', publish: ['a'] }] })
  for (const each of [url, wsUrl]) {
    const { client } = await connect(each, { clientId: 'c' })
    await client.publish(message('a'))
    await expect(client.publish(message('b'))).rejects.toThrow('0x87')
    expect(await client.subscribe([{ topic: '#', qos: 1 }])).toEqual([0x87])
  }
})

test('how far a right goes: QoS and retained messages', async () => {
  const { url } = await start({
    'authorization.rules': [
      { effect: 'allow', publish: ['a'], subscribe: ['a'], qos: 1, retain: false },
      { effect: 'allow', publish: ['b'], subscribe: ['b/#'], qos: 0 },
    ],
  })
  const { client, heard } = await connect(url, { clientId: 'c' })
  expect(
    await client.subscribe([
      { topic: 'a', qos: 2 },
      { topic: 'b/#', qos: 2 },
    ]),
  ).toEqual([1, 0])
  await client.publish(message('a'))
  await expect(client.publish(message('a', { qos: 2 }))).rejects.toThrow('0x87')
  await expect(client.publish(message('a', { retain: true }))).rejects.toThrow('0x87')
  await expect(client.publish(message('b'))).rejects.toThrow('0x87')
  await client.publish(message('b', { qos: 0, retain: true }))
  await vi.waitFor(() => expect(heard).toEqual(['a x', 'b x']))
  // A will goes no further.
  const will = { topic: 'a', payload: Buffer.from('will'), qos: 2, retain: false } as const
  const victim = await connect(url, { clientId: 'd', will })
  victim.client.close()
  const allowed = await connect(url, { clientId: 'e', will: { ...will, qos: 1 } })
  allowed.client.close()
  await vi.waitFor(() => expect(heard).toEqual(['a x', 'b x', 'a will']))
})

test('an empty list of rules allows nothing, and no rules at all everything', async () => {
  const { url } = await start({ 'authorization.rules': [{ effect: 'deny', publish: ['x'] }] })
  const { client } = await connect(url, { clientId: 'c' })
  await expect(client.publish(message('y'))).rejects.toThrow('0x87')
  const open = await start({})
  expect(await outcome(open.url, { clientId: 'c' })).toBe('in')
  const otherwise = await start({
    'authorization.rules': [{ effect: 'deny', publish: ['x'] }],
    'authorization.otherwise': 'allow',
  })
  const other = await connect(otherwise.url, { clientId: 'c' })
  await other.client.publish(message('y'))
  await expect(other.client.publish(message('x'))).rejects.toThrow('0x87')
})
