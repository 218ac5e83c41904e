import { describe, expect, test } from 'vitest'
import { type Bench, of, seed } from './of-route.ts'
import { type Rig, rig } from './rig.ts'

of('POST /api/v5/publish', 'to those who are there, in text or base64', async (bench) => {
  const { a } = await seed(bench)
  a.splice(0)
  const publish = (body: object): ReturnType<Rig['call']> => bench.call('POST', '/api/v5/publish', body)
  expect(await publish({ topic: 'u', payload: 'hello', qos: 1 })).toMatchObject({
    status: 200,
    body: { id: expect.any(String) },
  })
  expect((await publish({ topic: 'u', payload: btoa('bytes'), payload_encoding: 'base64' })).status).toBe(200)
  await bench.host.settle()
  expect(a).toEqual(['u hello', 'u bytes'])
  expect(await publish({ topic: 'nobody' })).toMatchObject({
    status: 202,
    body: { reason_code: 16, message: 'no_matching_subscribers' },
  })
  for (const bad of [
    { topic: 'a/#' },
    { topic: '' },
    { topic: 'u', qos: 3 },
    { topic: 'u', payload: '*', payload_encoding: 'base64' },
    { payload: 'x' },
  ])
    expect((await publish(bad)).status).toBe(400)
  const properties = {
    content_type: 'text/plain',
    user_properties: { a: 'b' },
    message_expiry_interval: 5,
    correlation_data: 'c',
    response_topic: 'r',
  }
  await publish({ topic: 'kept', payload: 'x', retain: true, properties })
  expect(bench.broker.retained.get('kept')).toMatchObject({
    contentType: 'text/plain',
    headers: [['a', 'b']],
    responseTopic: 'r',
  })
})

of('POST /api/v5/publish/bulk', 'in order', async (bench) => {
  const { a } = await seed(bench)
  a.splice(0)
  const all = ['1', '2', '3'].map((payload) => ({ topic: 'u', payload }))
  expect((await bench.call('POST', '/api/v5/publish/bulk', all)).body).toHaveLength(3)
  await bench.host.settle()
  expect(a).toEqual(['u 1', 'u 2', 'u 3'])
  expect((await bench.call('POST', '/api/v5/publish/bulk', { topic: 'u' })).status).toBe(400)
})

of('GET /api/v5/mqtt/retainer/messages', 'without payloads', async (bench) => {
  await seed(bench)
  const { body } = await bench.call('GET', '/api/v5/mqtt/retainer/messages?topic=t/%23')
  expect(body).toMatchObject({
    data: [{ topic: 't/kept', qos: 1, payload_bytes: 3, from_clientid: 'p' }],
    meta: { count: 1 },
  })
  expect(JSON.stringify(body)).not.toContain('"payload"')
  expect((await bench.call('GET', '/api/v5/mqtt/retainer/messages?topic=u')).body).toMatchObject({ data: [] })
})

of('DELETE /api/v5/mqtt/retainer/messages', 'those of a filter, which must be said', async (bench) => {
  await seed(bench)
  expect((await bench.call('DELETE', '/api/v5/mqtt/retainer/messages')).status).toBe(400)
  expect((await bench.call('DELETE', '/api/v5/mqtt/retainer/messages?topic=t/%2B')).body).toEqual({ cleared: 1 })
  expect(bench.broker.retained.size).toBe(0)
})

const retainedPath = '/api/v5/mqtt/retainer/message'
of('GET /api/v5/mqtt/retainer/message/:topic{.+}', 'with its payload', async (bench) => {
  await seed(bench)
  for (const topic of ['t%2Fkept', 't/kept'])
    expect((await bench.call('GET', `${retainedPath}/${topic}`)).body).toMatchObject({
      topic: 't/kept',
      payload: btoa('old'),
      payload_encoding: 'base64',
    })
  expect((await bench.call('GET', `${retainedPath}/none`)).status).toBe(404)
})

of('DELETE /api/v5/mqtt/retainer/message/:topic{.+}', 'once', async (bench) => {
  await seed(bench)
  expect((await bench.call('DELETE', `${retainedPath}/t%2Fkept`)).status).toBe(204)
  expect((await bench.call('DELETE', `${retainedPath}/t%2Fkept`)).status).toBe(404)
})

const delay = async ({ broker, host }: Rig): Promise<void> => {
  const now = host.clock.now()
  const adding = broker.publish({
    topic: 'later',
    payload: new Uint8Array(2),
    qos: 1,
    retain: false,
    publisher: 'p',
    timestamp: now,
    dueAt: now + 9000,
  })
  await host.settle()
  await adding
}
of('GET /api/v5/mqtt/delayed/messages', 'with the time they wait for', async (bench) => {
  await delay(bench)
  const expected_at = new Date(bench.host.clock.now() + 9000).toJSON()
  expect((await bench.call('GET', '/api/v5/mqtt/delayed/messages')).body).toMatchObject({
    data: [{ topic: 'later', expected_at, msgid: expect.any(String) }],
  })
})

of('DELETE /api/v5/mqtt/delayed/messages/:id', 'once', async (bench) => {
  await delay(bench)
  const id = Array.from(bench.broker.delayed)[0]!.id
  const path = `/api/v5/mqtt/delayed/messages/${encodeURIComponent(id)}`
  const answer = bench.call('DELETE', path)
  await bench.host.settle()
  expect((await answer).status).toBe(204)
  expect((await bench.call('DELETE', path)).status).toBe(404)
})

of('POST /api/v5/banned', 'and whoever it covers is gone', async (bench) => {
  const { a, b } = await seed(bench)
  const until = new Date(bench.host.clock.now() + 60_000).toJSON()
  const ban = async (body: object): ReturnType<Rig['call']> => {
    const answer = bench.call('POST', '/api/v5/banned', body)
    await bench.host.settle()
    return answer
  }
  expect((await ban({ as: 'clientid_re', who: 'a*', reason: 'r', until })).body).toMatchObject({
    as: 'clientid_re',
    who: 'a*',
    reason: 'r',
    until,
  })
  expect([a.at(-1), b.at(-1)]).toEqual(['ended', undefined])
  expect((await ban({ as: 'peerhost', who: '192.0.2.7' })).body).toMatchObject({ as: 'peerhost', until: 'infinity' })
  expect(b.at(-1)).toBe('ended')
  for (const bad of [
    { as: 'x', who: 'y' },
    { as: 'peerhost', who: 'no address' },
    { as: 'clientid', who: 'y', until: 'soon' },
    { as: 'clientid', who: 'y', until: '1999-01-01' },
  ])
    expect((await ban(bad)).status).toBe(400)
})

of('GET /api/v5/banned', 'those in force', async (bench) => {
  void bench.broker.bans.add({ kind: 'address', value: '10.0.0.0/8' })
  expect((await bench.call('GET', '/api/v5/banned')).body).toMatchObject({
    data: [{ as: 'peerhost_net', who: '10.0.0.0/8' }],
  })
})

of('DELETE /api/v5/banned/:as/:who', 'once', async (bench) => {
  void bench.broker.bans.add({ kind: 'address', value: '10.0.0.0/8' })
  const remove = async (path: string): Promise<number> => {
    const answer = bench.call('DELETE', `/api/v5/banned/${path}`)
    await bench.host.settle()
    return (await answer).status
  }
  expect([await remove('peerhost_net/10.0.0.0%2F8'), await remove('peerhost/10.0.0.1'), await remove('x/y')]).toEqual([
    204, 404, 400,
  ])
})

of(
  'GET /api/v1/log',
  'by offset, time and filter',
  async (bench) => {
    const publish = async (topic: string, text: string): Promise<void> => {
      const payload = new TextEncoder().encode(text)
      const done = bench.broker.publish({
        topic,
        payload,
        qos: 1,
        retain: false,
        publisher: 'p',
        timestamp: bench.host.clock.now(),
      })
      await bench.host.settle()
      await done
    }
    await publish('a/1', 'one')
    bench.host.clock.advance(1000)
    await publish('b', 'two')
    await publish('a/2', 'three')
    const texts = async (query: string): Promise<string[]> =>
      ((await bench.call('GET', `/api/v1/log${query}`)).body as { data: { payload: string }[] }).data.map(
        ({ payload }) => payload,
      )
    expect(await texts('')).toEqual(['one', 'two', 'three'])
    expect(await texts('?from=1')).toEqual(['two', 'three'])
    expect(await texts('?filter=a/%2B')).toEqual(['one', 'three'])
    expect(await texts(`?since=${bench.host.clock.now()}`)).toEqual(['two', 'three'])
    expect(await texts('?limit=1&payload=base64')).toEqual([btoa('one')])
    expect((await bench.call('GET', '/api/v1/log')).body).toMatchObject({ meta: { start: 0, end: 3, next: 3 } })
    for (const bad of ['?filter=a/%23/b', '?since=soon', '?from=-1', '?limit=1001'])
      expect((await bench.call('GET', `/api/v1/log${bad}`)).status).toBe(400)
  },
  [{}, { history: { filters: ['#'], maxBytes: Infinity, maxAge: Infinity } }],
)

describe('explain', () => {
  const ask = async (bench: Bench, query: string): Promise<{ gets: boolean; reasons: string[]; verdict: string }> =>
    (await bench.call('GET', `/api/v1/explain?${query}`)).body

  of(
    'GET /api/v1/explain',
    'why somebody gets a message, or does not',
    async (bench) => {
      const { join, broker } = bench
      join('c', ['t/#'])
      broker.sessions.get('c')!.subscribe('own', { qos: 1, noLocal: true })
      broker.sessions.get('c')!.subscribe('s', { qos: 1, group: 'g' })
      expect(await ask(bench, 'client=c&topic=t/x')).toMatchObject({
        gets: true,
        reasons: [],
        verdict: 'It gets each message once, with QoS 1 at most.',
      })
      expect(await ask(bench, 'client=c&topic=u')).toMatchObject({ gets: false, reasons: ['no-subscription'] })
      expect(await ask(bench, 'client=c&topic=own&publisher=c')).toMatchObject({ gets: false, reasons: ['no-local'] })
      expect(await ask(bench, 'client=c&topic=own&publisher=d')).toMatchObject({ gets: true, reasons: [] })
      expect(await ask(bench, 'client=c&topic=s')).toMatchObject({ gets: true, reasons: ['shared'] })
      expect(await ask(bench, 'client=c&topic=t/secret')).toMatchObject({
        gets: false,
        reasons: ['not-authorized'],
        authorization: { receive: false, publish: true },
      })
      broker.sessions.cutOff(broker.sessions.get('c')!, 'not-authorized')
      expect(await ask(bench, 'client=c&topic=t/x')).toMatchObject({
        gets: false,
        reasons: ['offline-queued'],
        session: { connected: false, durable: true },
      })
      expect((await bench.call('GET', '/api/v1/explain?client=none&topic=x')).status).toBe(404)
      expect((await bench.call('GET', '/api/v1/explain?client=c')).status).toBe(400)
    },
    [
      {},
      {
        guard: {
          authenticate: () => Promise.reject(new Error('unused')),
          authorize: () => true,
          receives: (_, topic) => topic !== 't/secret',
          version: 0,
        },
      },
    ],
  )

  test('what was dropped lately is told', async () => {
    const bench = await rig({}, { limits: { maxQueued: 1 } })
    bench.join('c', ['t'])
    bench.broker.sessions.cutOff(bench.broker.sessions.get('c')!, 'not-authorized')
    for (const text of ['1', '2', '3']) {
      void bench.broker.publish({
        topic: 't',
        payload: new TextEncoder().encode(text),
        qos: 1,
        retain: false,
        publisher: 'p',
        timestamp: 0,
      })
      await bench.host.settle()
    }
    expect(await ask(bench, 'client=c&topic=t')).toMatchObject({
      drops: [
        { reason: 'queue-full', count: 1 },
        { reason: 'queue-full', count: 1 },
      ],
    })
  })
})

async function readUntil(response: Response, text: string): Promise<string> {
  const reader = response.body!.getReader()
  let all = ''
  while (!all.includes(text)) {
    const { value, done } = await reader.read()
    if (done) break
    all += new TextDecoder().decode(value)
  }
  reader.releaseLock()
  return all
}

of(
  'GET /api/v1/events',
  'as they happen, until the reader goes',
  async ({ admin, accounts, password, join, broker }) => {
    const { token } = await accounts.login('admin', password)
    const ending = new AbortController()
    const headers = { authorization: `Bearer ${token}` }
    const response = await admin.fetch(
      new Request('http://broker.test/api/v1/events?type=connected,subscribed', { headers, signal: ending.signal }),
    )
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    join('c', ['t'])
    const text = await readUntil(response, 'event: subscribed')
    expect(text).toMatch(
      /^: hello\n\nevent: connected\ndata: \{.*"session":"c".*\}\n\nevent: subscribed\ndata: \{.*"filter":"t".*\}\n\n$/,
    )
    ending.abort()
    broker.sessions.cutOff(broker.sessions.get('c')!, 'banned')
    expect((await response.body!.getReader().read()).done).toBe(true)
  },
)

of('GET /api/v1/metrics/stream', 'again and again', async ({ admin, accounts, password, host }) => {
  const { token } = await accounts.login('admin', password)
  const request = new Request('http://broker.test/api/v1/metrics/stream?interval=100', {
    headers: { authorization: `Bearer ${token}` },
  })
  const response = await admin.fetch(request)
  host.clock.advance(100)
  host.clock.advance(100)
  const text = await readUntil(response, 'sample')
  expect(text).toMatch(/event: sample\ndata: \{"at":\d+,"received":0/)
  await response.body!.cancel()
  const pending = host.clock.pending
  host.clock.advance(1000)
  expect(host.clock.pending).toBeLessThanOrEqual(pending)
  expect(
    (
      await admin.fetch(
        new Request('http://broker.test/api/v1/metrics/stream?interval=1', {
          headers: { authorization: `Bearer ${token}` },
        }),
      )
    ).status,
  ).toBe(400)
})

of('GET /api-docs/swagger.json', 'says all that can be called', async ({ call, admin }) => {
  const { body } = await call('GET', '/api-docs/swagger.json', undefined, { authorization: '' })
  const { openapi, paths } = body as {
    openapi: string
    paths: Record<string, Record<string, { summary: string; requestBody?: object; parameters?: object[] }>>
  }
  expect(openapi).toBe('3.1.0')
  const told = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(told.toSorted()).toEqual(
    admin.routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)(\{\.\+\})?/g, '{$1}')}`).toSorted(),
  )
  expect(paths['/api/v5/publish']!['post']!.requestBody).toMatchObject({
    content: { 'application/json': { schema: { type: 'object', required: ['topic'] } } },
  })
  expect(paths['/api/v5/banned/{as}/{who}']!['delete']!.parameters).toMatchObject([
    { name: 'as', in: 'path' },
    { name: 'who', in: 'path' },
  ])
})
