import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLog } from '../src/log.ts'
import { startServer, type Server } from '../src/server.ts'
import { load } from './config-dir.ts'

let folder: string
const running: Server[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isomq-sites-'))
  mkdirSync(join(folder, 'app/assets'), { recursive: true })
  mkdirSync(join(folder, 'inner'))
  writeFileSync(join(folder, 'secret.txt'), 'secret')
  writeFileSync(join(folder, 'app/index.html'), '<p>app</p>')
  writeFileSync(join(folder, 'app/.env'), 'hidden')
  writeFileSync(join(folder, 'app/assets/index-Ab12Cd34.js'), 'export {}')
  writeFileSync(join(folder, 'inner/index.html'), '<p>inner</p>')
})
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function start(set: readonly string[] = [], sites = true): Promise<{ port: number; urls: readonly string[] }> {
  const site = sites ? [`/app=${join(folder, 'app')}`, `/app/inner=${join(folder, 'inner')}`] : []
  const flags = { mqtt: 'off', ws: 'off', http: '127.0.0.1:0', memory: true, set }
  const { config } = await load({ flags: { ...flags, ...(sites ? { site } : {}) } })
  const server = await startServer(
    config,
    createLog(config.log, () => undefined),
  )
  running.push(server)
  return { port: Number(new URL(server.urls[0]!).port), urls: server.urls }
}

interface Answered {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** The path goes out as it is: `fetch` would take the dots out of it. */
function get(port: number, path: string, method = 'GET', headers = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode!, text, headers: response.headers }))
    })
      .on('error', reject)
      .end()
  })
}

test('the files of a site are served, and the longest path has them', async () => {
  const { port, urls } = await start()
  expect(urls).toEqual([
    `http://127.0.0.1:${port}/`,
    `http://127.0.0.1:${port}/app/`,
    `http://127.0.0.1:${port}/app/inner/`,
  ])
  const page = await get(port, '/app/')
  expect(page).toMatchObject({ status: 200, text: '<p>app</p>' })
  expect(page.headers).toMatchObject({
    'content-type': 'text/html;charset=utf-8',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
  })
  expect((await get(port, '/app/', 'GET', { 'If-None-Match': page.headers['etag'] })).status).toBe(304)
  expect(await get(port, '/app/', 'HEAD')).toMatchObject({ status: 200, text: '' })
  expect(await get(port, '/app/inner/index.html')).toMatchObject({ status: 200, text: '<p>inner</p>' })
  const script = await get(port, '/app/assets/index-Ab12Cd34.js?x=1')
  expect(script).toMatchObject({ status: 200, text: 'export {}' })
  expect(script.headers['cache-control']).toMatch(/immutable/)
  expect(script.headers['content-type']).toMatch(/javascript/)
  expect(await get(port, '/app?server=x')).toMatchObject({ status: 308, headers: { location: '/app/?server=x' } })
})

test('what was built after the start is served', async () => {
  const { port } = await start()
  writeFileSync(join(folder, 'app/late.txt'), 'late')
  expect(await get(port, '/app/late.txt')).toMatchObject({ status: 200, text: 'late' })
})

describe('nothing else is served', () => {
  test.each([
    '/',
    '/mqtt',
    '/application/',
    '/secret.txt',
    '/app/none.html',
    '/app/.env',
    '/app/%2eenv',
    '/app/assets/../.env',
    '/app/../secret.txt',
    '/app/%2e%2e/secret.txt',
    '/app/..%2fsecret.txt',
    '/app/..%5csecret.txt',
    '/app/inner/../../secret.txt',
    '/app//etc/passwd',
    '/app/%00',
    '/app/%zz',
  ])('%s', async (path) => {
    const { port } = await start()
    expect(await get(port, path)).toMatchObject({ status: 404 })
    // It goes on.
    expect((await get(port, '/app/')).status).toBe(200)
  })

  test('with other methods', async () => {
    const { port } = await start()
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect(await get(port, '/app/', method)).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })

  test('where there are no sites', async () => {
    const { port, urls } = await start([], false)
    expect(urls).toEqual([`http://127.0.0.1:${port}/`])
    expect((await get(port, '/app/')).status).toBe(404)
  })
})

describe('MQTT over WebSocket on the same port', () => {
  /** 101 when it is open. */
  const outcome = (port: number, headers: Record<string, string>, path = '/mqtt'): Promise<number> =>
    new Promise((resolve, reject) => {
      const handshake = {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Protocol': 'mqtt',
      }
      request({ port, host: '127.0.0.1', path, headers: { ...handshake, ...headers }, agent: false })
        .on('upgrade', (response, socket) => {
          socket.destroy()
          resolve(response.statusCode!)
        })
        .on('response', (response) => resolve(response.resume().statusCode!))
        .on('error', reject)
        .end()
    })

  test('is for pages of this port and for programs', async () => {
    const { port } = await start()
    expect(await outcome(port, {})).toBe(101)
    expect(await outcome(port, {}, '/')).toBe(101)
    expect(await outcome(port, { Origin: `http://127.0.0.1:${port}` })).toBe(101)
    for (const Origin of ['https://evil.example', 'http://127.0.0.1:1', 'null', `file://127.0.0.1:${port}`])
      expect(await outcome(port, { Origin })).toBe(403)
    expect(await outcome(port, {}, '/app/')).toBe(404)
  })

  test('is for other origins where they are named', async () => {
    const { port } = await start(['listeners.http.origins=["https://app.example"]'])
    expect(await outcome(port, { Origin: 'https://app.example' })).toBe(101)
    expect(await outcome(port, { Origin: `http://127.0.0.1:${port}` })).toBe(403)
  })
})
