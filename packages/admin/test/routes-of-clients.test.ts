import { expect } from 'vitest'
import { of, seed } from './of-route.ts'
import { rig } from './rig.ts'

of('GET /api/v5/status', 'whether it runs', async ({ call }) => {
  expect((await call('GET', '/api/v5/status', undefined, { authorization: '' })).body).toEqual({
    node: 'n1',
    status: 'running',
    health: 'ok',
  })
})

of('GET /api/v5/nodes', 'the one node', async (bench) => {
  await seed(bench)
  bench.host.clock.advance(5000)
  expect((await bench.call('GET', '/api/v5/nodes')).body).toMatchObject([
    { node: 'n1', version: '1.2.3', connections: 2, live_connections: 2, uptime: 5000 },
  ])
})

of('GET /api/v5/nodes/:node', 'by its name', async ({ call }) => {
  expect((await call('GET', '/api/v5/nodes/n1')).body).toMatchObject({ node: 'n1' })
  expect(await call('GET', '/api/v5/nodes/n2')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
})

of('GET /api/v5/stats', 'how many there are', async (bench) => {
  await seed(bench)
  expect((await bench.call('GET', '/api/v5/stats')).body).toMatchObject([
    { 'connections.count': 2, 'subscriptions.count': 3, 'retained.count': 1 },
  ])
})

of('GET /api/v5/metrics', 'what was counted', async (bench) => {
  await seed(bench)
  expect((await bench.call('GET', '/api/v5/metrics')).body).toMatchObject([
    { 'messages.received': 1, 'messages.sent': 1, 'delivery.dropped.queue_full': 0 },
  ])
})

of('GET /api/v5/monitor_current', 'the numbers of the moment', async (bench) => {
  await seed(bench)
  expect((await bench.call('GET', '/api/v5/monitor_current')).body).toMatchObject({
    live_connections: 2,
    retained_msg_count: 1,
    received: 1,
    memory_short_since: null,
  })
})

of(
  'GET /api/v5/prometheus/stats',
  'what the option gives, or nothing',
  async ({ call }) => {
    const { status, body, headers } = await call('GET', '/api/v5/prometheus/stats')
    expect([status, body, headers.get('content-type')]).toEqual([200, 'emqx!', 'text/plain; version=0.0.4'])
    const bare = await rig()
    expect((await bare.call('GET', '/api/v5/prometheus/stats')).status).toBe(404)
  },
  [{ metricsText: (compat) => `${compat}!` }],
)

of(
  'GET /api/v5/listeners',
  'what the option gives',
  async ({ call }) => {
    expect((await call('GET', '/api/v5/listeners')).body).toEqual([
      { id: 'tcp:default', type: 'tcp', address: 'mqtt://x' },
    ])
  },
  [{ listeners: () => [{ id: 'tcp:default', type: 'tcp', address: 'mqtt://x' }] }],
)

of(
  'GET /api/v5/configs',
  'what the option gives',
  async ({ call }) => {
    expect((await call('GET', '/api/v5/configs')).body).toEqual({ a: 1 })
  },
  [{ config: () => ({ a: 1 }) }],
)

of('GET /api/v5/slow_subscriptions', 'a page of them', async ({ call }) => {
  expect((await call('GET', '/api/v5/slow_subscriptions')).body).toEqual({
    data: [],
    meta: { page: 1, limit: 100, count: 0, hasnext: false },
  })
})

of(
  'GET /api/v1/bridges',
  'with what went wrong last, in words',
  async ({ call }) => {
    expect((await call('GET', '/api/v1/bridges')).body).toMatchObject([
      { name: 'cloud', status: 'waiting', lagMessages: 3, lastError: 'no' },
    ])
  },
  [
    {
      bridges: () => [
        {
          name: 'cloud',
          state: {
            status: 'waiting',
            lagMessages: 3,
            lagBytes: 4,
            oldestUnsent: 1,
            inFlight: 0,
            nextRetryAt: 5,
            lastError: new Error('no'),
          },
        },
      ],
    },
  ],
)

of('POST /api/v5/login', 'a token for the password', async ({ call, password }) => {
  const { status, body } = await call('POST', '/api/v5/login', { username: 'admin', password }, { authorization: '' })
  expect([status, body]).toEqual([200, { token: expect.stringMatching(/^[0-9a-f]{64}$/), role: 'administrator' }])
  expect(await call('POST', '/api/v5/login', { username: 'admin', password: 'wrong' })).toMatchObject({
    status: 401,
    body: { code: 'BAD_USERNAME_OR_PWD' },
  })
  expect((await call('POST', '/api/v5/login', { username: 'admin' })).status).toBe(400)
})

of('GET /api/v5/users', 'without what proves them', async ({ call }) => {
  expect((await call('GET', '/api/v5/users')).body).toEqual([{ username: 'admin', role: 'administrator' }])
})

of('POST /api/v5/users', 'a new one, once', async ({ call }) => {
  const user = { username: 'ann', password: 'long enough', role: 'viewer' }
  expect(await call('POST', '/api/v5/users', user)).toMatchObject({
    status: 201,
    body: { username: 'ann', role: 'viewer' },
  })
  expect(await call('POST', '/api/v5/users', user)).toMatchObject({ status: 409, body: { code: 'ALREADY_EXISTS' } })
  expect((await call('POST', '/api/v5/users', { ...user, password: 'short' })).status).toBe(400)
  expect((await call('POST', '/api/v5/users', { ...user, username: 'a b' })).status).toBe(400)
})

of('DELETE /api/v5/users/:username', 'with all that he has open, but not oneself', async ({ call, accounts }) => {
  await accounts.setUser('ann', 'password', 'viewer')
  const { token } = await accounts.login('ann', 'password')
  const asAnn = { authorization: `Bearer ${token}` }
  expect((await call('GET', '/api/v5/nodes', undefined, asAnn)).status).toBe(200)
  expect((await call('DELETE', '/api/v5/users/ann')).status).toBe(204)
  expect((await call('GET', '/api/v5/nodes', undefined, asAnn)).status).toBe(401)
  expect((await call('DELETE', '/api/v5/users/ann')).status).toBe(404)
  expect((await call('DELETE', '/api/v5/users/admin')).status).toBe(400)
})

of('POST /api/v5/users/:username/change_pwd', 'by who knows the old one', async ({ call, accounts, password }) => {
  const change = { old_pwd: password, new_pwd: 'another one' }
  expect((await call('POST', '/api/v5/users/admin/change_pwd', { ...change, old_pwd: 'x' })).status).toBe(401)
  expect((await call('POST', '/api/v5/users/ann/change_pwd', change)).status).toBe(403)
  expect((await call('POST', '/api/v5/users/admin/change_pwd', change)).status).toBe(204)
  expect((await accounts.login('admin', 'another one')).role).toBe('administrator')
})

of('POST /api/v5/api_key', 'its secret is told once, and lets a program in', async ({ call }) => {
  const made = await call('POST', '/api/v5/api_key', { name: 'script', role: 'viewer' })
  const { api_key, api_secret } = made.body as { api_key: string; api_secret: string }
  expect(made.status).toBe(201)
  const as = (secret: string): Record<string, string> => ({ authorization: `Basic ${btoa(`${api_key}:${secret}`)}` })
  expect((await call('GET', '/api/v5/nodes', undefined, as(api_secret))).status).toBe(200)
  expect((await call('GET', '/api/v5/nodes', undefined, as('wrong'))).status).toBe(401)
  expect((await call('GET', '/api/v5/users', undefined, as(api_secret))).status).toBe(403)
  expect(JSON.stringify((await call('GET', '/api/v5/api_key')).body)).not.toContain(api_secret)
})

of('GET /api/v5/api_key', 'keys without their secrets', async ({ call, accounts }) => {
  const { api_key } = await accounts.createKey('k', 'administrator')
  expect((await call('GET', '/api/v5/api_key')).body).toMatchObject([{ api_key, name: 'k', role: 'administrator' }])
})

of('DELETE /api/v5/api_key/:key', 'it lets nobody in any more', async ({ call, accounts }) => {
  const { api_key, api_secret } = await accounts.createKey('k', 'viewer')
  expect((await call('DELETE', `/api/v5/api_key/${api_key}`)).status).toBe(204)
  expect((await call('DELETE', `/api/v5/api_key/${api_key}`)).status).toBe(404)
  expect(
    (await call('GET', '/api/v5/nodes', undefined, { authorization: `Basic ${btoa(`${api_key}:${api_secret}`)}` }))
      .status,
  ).toBe(401)
})

of('GET /api/v5/clients', 'by pages and filters', async (bench) => {
  await seed(bench)
  const ids = async (query: string): Promise<string[]> =>
    ((await bench.call('GET', `/api/v5/clients${query}`)).body as { data: { clientid: string }[] }).data.map(
      ({ clientid }) => clientid,
    )
  expect(await ids('')).toEqual(['a/1', 'b'])
  expect(await ids('?like_clientid=/')).toEqual(['a/1'])
  expect(await ids('?username=b-user')).toEqual(['b'])
  expect(await ids('?like_username=user&conn_state=disconnected')).toEqual([])
  expect(await ids('?ip_address=192.0.2.7')).toEqual(['a/1', 'b'])
  expect(await ids('?page=2&limit=1')).toEqual(['b'])
  expect((await bench.call('GET', '/api/v5/clients?limit=1')).body).toMatchObject({
    meta: { page: 1, limit: 1, count: 2, hasnext: true },
  })
  for (const bad of ['?page=0', '?limit=10001', '?limit=x'])
    expect((await bench.call('GET', `/api/v5/clients${bad}`)).status).toBe(400)
})

of(
  'GET /api/v5/clients/:clientid',
  'whatever characters it has',
  async (bench) => {
    await seed(bench)
    expect((await bench.call('GET', '/api/v5/clients/a%2F1')).body).toMatchObject({
      clientid: 'a/1',
      username: 'a/1-user',
      connected: true,
      ip_address: '192.0.2.7',
      proto_ver: 5,
      expiry_interval: 60,
      is_persistent: true,
      subscriptions_cnt: 2,
      connected_at: new Date(bench.host.clock.now()).toJSON(),
    })
    expect(await bench.call('GET', '/api/v5/clients/none')).toMatchObject({
      status: 404,
      body: { code: 'CLIENTID_NOT_FOUND' },
    })
  },
  [{ clientFacts: () => ({ proto_name: 'MQTT', proto_ver: 5, keepalive: 60, clean_start: true }) }],
)

of('DELETE /api/v5/clients/:clientid', 'first its connection, then its session', async (bench) => {
  const { b } = await seed(bench)
  expect((await bench.call('DELETE', '/api/v5/clients/b')).status).toBe(204)
  expect(b).toEqual(['ended'])
  expect(bench.broker.sessions.get('b')?.consumer).toBeUndefined()
  expect((await bench.call('DELETE', '/api/v5/clients/b')).status).toBe(204)
  expect((await bench.call('DELETE', '/api/v5/clients/b')).status).toBe(404)
})

of('POST /api/v5/clients/kickout/bulk', 'several, and none that are not there', async (bench) => {
  const { a, b } = await seed(bench)
  expect((await bench.call('POST', '/api/v5/clients/kickout/bulk', ['a/1', 'none', 'b'])).status).toBe(204)
  expect([a.at(-1), b.at(-1)]).toEqual(['ended', 'ended'])
})

of('GET /api/v5/clients/:clientid/subscriptions', 'with their options', async (bench) => {
  await seed(bench)
  expect((await bench.call('GET', '/api/v5/clients/a%2F1/subscriptions')).body).toMatchObject([
    { clientid: 'a/1', topic: 't/#', qos: 1, durable: true },
    { topic: 'u', qos: 1 },
  ])
})

of('POST /api/v5/clients/:clientid/subscribe', 'and retained messages come', async (bench) => {
  const { b } = await seed(bench)
  const path = '/api/v5/clients/b/subscribe'
  expect((await bench.call('POST', path, { topic: 't/+', qos: 1 })).body).toMatchObject({
    clientid: 'b',
    topic: 't/+',
    qos: 1,
  })
  await bench.host.settle()
  expect(b).toEqual(['t/kept old'])
  expect((await bench.call('POST', path, { topic: '$share/g/w' })).status).toBe(200)
  expect(bench.broker.counters.sharedSubscriptions).toBe(1)
  expect((await bench.call('POST', path, { topic: 'a/#/b' })).status).toBe(400)
  expect((await bench.call('POST', path, { topic: 'a', qos: 3 })).status).toBe(400)
})

of('POST /api/v5/clients/:clientid/unsubscribe', 'once', async (bench) => {
  await seed(bench)
  const path = '/api/v5/clients/a%2F1/unsubscribe'
  expect((await bench.call('POST', path, { topic: 'u' })).status).toBe(204)
  expect((await bench.call('POST', path, { topic: 'u' })).status).toBe(404)
})

of('GET /api/v5/subscriptions', 'by filters', async (bench) => {
  await seed(bench)
  const topics = async (query: string): Promise<string[]> =>
    (
      (await bench.call('GET', `/api/v5/subscriptions${query}`)).body as { data: { clientid: string; topic: string }[] }
    ).data.map((each) => `${each.clientid} ${each.topic}`)
  expect(await topics('')).toEqual(['a/1 t/#', 'a/1 u', 'b t/x'])
  expect(await topics('?match_topic=t/x')).toEqual(['a/1 t/#', 'b t/x'])
  expect(await topics('?clientid=b')).toEqual(['b t/x'])
  expect(await topics('?topic=u&qos=1')).toEqual(['a/1 u'])
  expect(await topics('?qos=2')).toEqual([])
  expect(await topics('?share_group=g')).toEqual([])
})

of('GET /api/v5/topics', 'each filter once', async (bench) => {
  await seed(bench)
  bench.join('c', ['u'])
  expect((await bench.call('GET', '/api/v5/topics')).body).toMatchObject({
    data: [{ topic: 't/#' }, { topic: 'u' }, { topic: 't/x' }],
    meta: { count: 3 },
  })
})
