import { expect, test, vi } from 'vitest'
import { connect, start } from './access-harness.ts'

test('the API is on the HTTP port: whoever has the first password may look and act', async () => {
  const { server, url } = await start({ 'listeners.http': { port: 0 } })
  const http = server.urls.find((each) => each.startsWith('http'))!
  const call = async (
    method: string,
    path: string,
    body?: object,
    token?: string,
  ): Promise<{ status: number; body: never }> => {
    const headers = {
      'Content-Type': 'application/json',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    }
    const response = await fetch(`${http}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as never }
  }
  expect((await call('GET', 'api/v5/clients')).status).toBe(401)
  expect((await call('GET', 'api/v5/status')).body).toMatchObject({ status: 'running' })
  const { body } = await call('POST', 'api/v5/login', { username: 'admin', password: server.firstPassword })
  const { token } = body as { token: string }

  const { client, heard } = await connect(url, { clientId: 'c/1' })
  await client.subscribe([{ topic: 'a', qos: 1 }])
  expect((await call('GET', 'api/v5/clients', undefined, token)).body).toMatchObject({
    data: [{ clientid: 'c/1', subscriptions_cnt: 1, ip_address: '127.0.0.1' }],
  })
  expect((await call('POST', 'api/v5/publish', { topic: 'a', payload: 'from the API' }, token)).status).toBe(200)
  await vi.waitFor(() => expect(heard).toEqual(['a from the API']))
  expect((await call('DELETE', 'api/v5/clients/c%2F1', undefined, token)).status).toBe(204)
  expect((await client.closed)?.message).toContain('0x87')
  expect((await call('POST', 'api/v5/publish', { topic: 'a', payload: 'x'.repeat(1_200_000) }, token)).status).toBe(413)

  // A stream ends with whoever reads it.
  const ending = new AbortController()
  const stream = await fetch(`${http}api/v1/events?type=connected`, {
    headers: { Authorization: `Bearer ${token}` },
    signal: ending.signal,
  })
  const reader = stream.body!.getReader()
  await connect(url, { clientId: 'd' })
  let text = ''
  while (!text.includes('"session":"d"')) text += new TextDecoder().decode((await reader.read()).value)
  ending.abort()
})

test('it can be left out', async () => {
  const { server } = await start({ 'listeners.http': { port: 0 }, 'admin.enabled': false })
  expect(server.firstPassword).toBeUndefined()
  const http = server.urls.find((each) => each.startsWith('http'))!
  expect((await fetch(`${http}api/v5/status`)).status).toBe(404)
})
