import { describe, expect, test } from 'vitest'
import { rig } from './rig.ts'

describe('nobody comes in', () => {
  test.each([
    undefined,
    'Bearer x',
    'Bearer ',
    'Basic x',
    `Basic ${btoa('admin:password')}`,
    `Basic ${btoa('constructor:')}`,
    'Digest x',
  ])('with %j', async (authorization) => {
    const { admin } = await rig()
    for (const { method, path, role } of admin.routes) {
      if (role === 'nobody') continue
      const headers = authorization === undefined ? {} : { authorization }
      const url = `http://broker.test${path.replaceAll(/:(\w+)(\{\.\+\})?/g, 'x')}`
      const { status } = await admin.fetch(new Request(url, { method, headers }))
      expect([path, status]).toEqual([path, 401])
    }
  })

  test('as a viewer where administrators alone may', async () => {
    const { admin, accounts, call } = await rig()
    await accounts.setUser('ann', 'password', 'viewer')
    const { token } = await accounts.login('ann', 'password')
    for (const { method, path, role } of admin.routes) {
      const url = path.replaceAll(/:(\w+)(\{\.\+\})?/g, 'x')
      if (role !== 'administrator' || method === 'GET') continue
      expect([path, (await call(method, url, {}, { authorization: `Bearer ${token}` })).status]).toEqual([path, 403])
    }
    expect((await call('GET', '/api/v5/users', undefined, { authorization: `Bearer ${token}` })).status).toBe(403)
  })

  test('with a session that was not used for an hour', async () => {
    const { host, call } = await rig()
    host.clock.advance(3_500_000)
    expect((await call('GET', '/api/v5/nodes')).status).toBe(200)
    host.clock.advance(3_500_000)
    expect((await call('GET', '/api/v5/nodes')).status).toBe(200)
    host.clock.advance(3_700_000)
    expect((await call('GET', '/api/v5/nodes')).status).toBe(401)
  })

  test('by guessing: each failure makes the next wait longer', async () => {
    const { call, password, host } = await rig()
    const login = async (word: string): Promise<number> =>
      (await call('POST', '/api/v5/login', { username: 'admin', password: word })).status
    const answers = []
    for (let n = 0; n < 7; n++) answers.push(await login('wrong'))
    expect(answers).toEqual([401, 401, 401, 401, 401, 429, 429])
    expect(await login(password)).toBe(429)
    host.clock.advance(1000)
    expect(await login(password)).toBe(200)
    expect(await login('wrong')).toBe(401)
  })
})

describe('pages of others', () => {
  const asked = async (origin: string, origins: readonly string[] = []): Promise<[number, string | null]> => {
    const { call } = await rig({ origins })
    const { status, headers } = await call('GET', '/api/v5/nodes', undefined, { origin })
    return [status, headers.get('access-control-allow-origin')]
  }
  test('may not call unless they are listed; those of this host may', async () => {
    expect(await asked('http://evil.example')).toEqual([403, null])
    expect(await asked('null')).toEqual([403, null])
    expect(await asked('http://broker.test')).toEqual([200, null])
    expect(await asked('https://app.example', ['https://app.example'])).toEqual([200, 'https://app.example'])
    expect(await asked('https://app.example.evil', ['https://app.example'])).toEqual([403, null])
  })

  test('ask first', async () => {
    const { admin } = await rig({ origins: ['https://app.example'] })
    const ask = (origin: string): Promise<Response> =>
      admin.fetch(new Request('http://broker.test/api/v5/publish', { method: 'OPTIONS', headers: { origin } }))
    const { status, headers } = await ask('https://app.example')
    expect([status, headers.get('access-control-allow-headers')]).toEqual([204, 'Authorization, Content-Type'])
    expect((await ask('https://evil.example')).status).toBe(403)
  })
})

describe('what makes no sense is refused', () => {
  test.each([
    ['no JSON', '{', 400],
    ['an empty body', '', 400],
    ['a list', '[]', 400],
    ['null', 'null', 400],
    ['a prototype', '{"__proto__":{"topic":"a"}}', 400],
    ['too much of it', `{"topic":"a","payload":"${'x'.repeat(1_100_000)}"}`, 413],
  ])('%s', async (_, body, status) => {
    const { call } = await rig()
    const answer = await call('POST', '/api/v5/publish', body)
    expect(answer).toMatchObject({ status, body: { code: expect.any(String), message: expect.any(String) } })
  })

  test('another type than JSON', async () => {
    const { call } = await rig()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
      expect((await call('POST', '/api/v5/publish', '{"topic":"a"}', { 'Content-Type': type })).status).toBe(415)
  })

  test('other methods and other paths', async () => {
    const { call } = await rig()
    expect(await call('PUT', '/api/v5/nodes')).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED' } })
    for (const path of [
      '/api/v5/none',
      '/api/v6/nodes',
      '/',
      '/api/v5/../../etc/passwd',
      '/api/v5/clients/%2e%2e%2fusers',
    ])
      expect([path, (await call('GET', path)).status]).toEqual([path, 404])
  })

  test('without a word about why it failed inside, which is reported', async () => {
    const { call, host } = await rig({
      config: () => {
        throw new Error('secret detail')
      },
    })
    const { status, body } = await call('GET', '/api/v5/configs')
    expect([status, JSON.stringify(body)]).toEqual([500, expect.not.stringContaining('secret detail')])
    expect(host.reports).toHaveLength(1)
  })

  test('and nothing of it is kept by anybody on the way', async () => {
    const { call } = await rig()
    const { headers } = await call('GET', '/api/v5/nodes')
    expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual(['no-store', 'nosniff'])
  })
})

test('a broker in the page of its callers asks nobody who he is', async () => {
  const { admin } = await rig({ accounts: 'open' })
  expect((await admin.fetch(new Request('http://page/api/v5/nodes'))).status).toBe(200)
  // There are no accounts, so there is nothing to log in to.
  expect(admin.routes.filter(({ path }) => path.includes('login'))).toEqual([])
})

test('the first administrator is made once, and what is kept says nothing of his password', async () => {
  const { accounts, password } = await rig()
  expect(password).toMatch(/^[0-9a-f]{64}$/)
  expect(await accounts.begin()).toBeUndefined()
})
