import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { connect, folderWith, start } from './access-harness.ts'

const message = (topic: string, more: object = {}): never =>
  ({ topic, payload: Buffer.from('x'), qos: 1, retain: false, ...more }) as never

async function served(keys: object = {}): Promise<{ running: Awaited<ReturnType<typeof start>>; http: string }> {
  const running = await start({ 'listeners.http': { port: 0 }, ...keys })
  return { running, http: running.server.urls.find((url) => url.startsWith('http'))! }
}

/** Samples by name and labels. */
async function scrape(url: string): Promise<Map<string, number>> {
  const response = await fetch(url)
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ])
  const text = await response.text()
  const samples = new Map<string, number>()
  const types = new Map<string, string>()
  for (const line of text.trimEnd().split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? []
    if (name !== undefined) types.set(name, type!)
    if (line.startsWith('#')) {
      expect(line).toMatch(/^# (HELP|TYPE) [a-z][a-z0-9_]+ .+$/)
      continue
    }
    const [, key, family, value] =
      /^(([a-z][a-z0-9_]+)(?:\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})?) (\S+)$/.exec(line) ?? []
    expect([line, types.has(family!.replace(/_(bucket|sum|count)$/, '')) || types.has(family!)]).toEqual([line, true])
    expect(Number.isFinite(Number(value))).toBe(true)
    expect(samples.has(key!)).toBe(false)
    samples.set(key!, Number(value))
  }
  return samples
}

describe('metrics', () => {
  test('tell what has happened', async () => {
    const { running, http } = await served()
    const before = await scrape(`${http}metrics`)
    const kept = { clean: false, properties: { sessionExpiryInterval: 100 } }
    const reader = await connect(running.url, { clientId: 'r', ...kept })
    await reader.client.subscribe([
      { topic: 'a/#', qos: 1 },
      { topic: '$share/g/b', qos: 0 },
    ])
    const writer = await connect(running.url, { clientId: 'w' })
    for (let n = 0; n < 200; n++) await writer.client.publish(message('a/1', { qos: n % 2 }))
    await writer.client.publish(message('a/kept', { retain: true }))
    await vi.waitFor(() => expect(reader.heard).toHaveLength(201))
    reader.client.close()
    await vi.waitFor(async () =>
      expect((await scrape(`${http}metrics`)).get('mqtt_sessions{state="disconnected"}')).toBe(1),
    )
    const after = await scrape(`${http}metrics`)
    const change = (name: string): number => after.get(name)! - before.get(name)!
    expect({
      open: after.get('mqtt_connections'),
      accepted: change('mqtt_connections_total'),
      connected: after.get('mqtt_sessions{state="connected"}'),
      received: change('mqtt_messages_received_total'),
      sent: change('mqtt_messages_sent_total'),
      publishes: change('mqtt_packets_received_total{packet="publish"}'),
      pubacks: change('mqtt_packets_sent_total{packet="puback"}'),
      payload: change('mqtt_payload_bytes_received_total'),
      subscriptions: after.get('mqtt_subscriptions'),
      shared: after.get('mqtt_shared_subscriptions'),
      retained: after.get('mqtt_retained_messages'),
      healthy: after.get('isomq_storage_healthy'),
      timed: change('isomq_publish_deliver_seconds_count'),
      acked: change('isomq_publish_ack_seconds_count'),
    }).toEqual({
      open: 1,
      accepted: 2,
      connected: 1,
      received: 201,
      sent: 201,
      publishes: 201,
      pubacks: 101,
      payload: 201,
      subscriptions: 1,
      shared: 1,
      retained: 1,
      healthy: 1,
      timed: 3,
      acked: 101,
    })
    expect(after.get('isomq_commit_seconds_bucket{le="+Inf"}')).toBe(after.get('isomq_commit_seconds_count'))
    expect(after.get('process_resident_memory_bytes')).toBeGreaterThan(10_000_000)
    // Buckets hold all below them.
    const bounds = Array.from(after).filter(([name]) => name.startsWith('isomq_commit_seconds_bucket'))
    expect(bounds.map(([, count]) => count)).toEqual(bounds.map(([, count]) => count).toSorted((a, b) => a - b))
  })

  test('have the names of EMQX for boards that were made for it', async () => {
    const { running, http } = await served()
    const { client } = await connect(running.url, { clientId: 'c' })
    await client.publish(message('a'))
    const samples = await scrape(`${http}metrics?compat=emqx`)
    expect(samples.get('emqx_live_connections_count')).toBe(1)
    expect(samples.get('emqx_messages_received')).toBe(1)
    expect(samples.get('emqx_packets_publish_received')).toBe(1)
    expect(samples.get('emqx_packets_connect')).toBe(1)
    expect(samples.get('emqx_packets_connack_sent')).toBe(1)
    expect(samples.size).toBeGreaterThan(40)
    expect((await fetch(`${http}metrics?compat=other`)).status).toBe(400)
  })

  test('are for who has the token, where there is one', async () => {
    const folder = folderWith({ token: '0123456789abcdef\n' })
    const { http } = await served({ 'metrics.tokenFile': join(folder, 'token') })
    const status = async (authorization?: string): Promise<number> =>
      (await fetch(`${http}metrics`, { headers: authorization === undefined ? {} : { authorization } })).status
    expect([await status(), await status('Bearer x'), await status('Basic 0123456789abcdef')]).toEqual([401, 401, 401])
    expect(await status('Bearer 0123456789abcdef')).toBe(200)
    expect((await fetch(`${http}livez`)).status).toBe(200)
    writeFileSync(join(folder, 'token'), 'short')
    await expect(served({ 'metrics.tokenFile': join(folder, 'token') })).rejects.toThrow('16 characters')
  })

  test('are those that the board in docs/grafana asks for', async () => {
    const { running, http } = await served({
      bridges: [{ name: 'b', url: 'mqtt://127.0.0.1:1', topics: ['a'] }],
    })
    await (await connect(running.url, { clientId: 'c' })).client.publish(message('a'))
    const samples = await scrape(`${http}metrics`)
    const names = new Set(Array.from(samples.keys(), (key) => key.replace(/\{.*/, '')))
    const board = JSON.parse(readFileSync(new URL('../../../docs/grafana/isomq.json', import.meta.url), 'utf8')) as {
      panels: { title: string; targets?: { expr: string }[] }[]
    }
    const asked = board.panels.flatMap(({ title, targets = [] }) =>
      targets.flatMap(({ expr }) =>
        Array.from(expr.matchAll(/\b((?:mqtt|isomq|process)_[a-z_]+)/g), ([, name]) => [title, name!] as const),
      ),
    )
    expect(asked.length).toBeGreaterThan(15)
    expect(asked.filter(([, name]) => !names.has(name))).toEqual([])
  })
})

describe('health', () => {
  test('is told to everybody, by GET alone', async () => {
    const { http } = await served({ 'authorization.rules': [{ effect: 'deny', publish: ['x'] }] })
    for (const path of ['livez', 'readyz', 'healthz']) {
      const response = await fetch(`${http}${path}`)
      expect([path, response.status, await response.text()]).toEqual([path, 200, 'ok\n'])
      expect((await fetch(`${http}${path}`, { method: 'POST' })).status).toBe(405)
    }
  })

  test('is bad while the storage fails', async () => {
    const folder = folderWith({})
    const { running, http } = await served({
      'storage.type': 'lmdb',
      'storage.path': join(folder, 'data'),
      'storage.maxBytes': '16MiB',
    })
    const reader = await connect(running.url, {
      clientId: 'r',
      clean: false,
      properties: { sessionExpiryInterval: 100 },
    })
    await reader.client.subscribe([{ topic: '#', qos: 1 }])
    reader.client.close()
    const { client } = await connect(running.url, { clientId: 'w' })
    const payload = Buffer.alloc(200_000)
    for (let n = 0; n < 200; n++) {
      const isOver = await client.publish(message('a', { payload })).then(
        () => false,
        () => true,
      )
      if (isOver) break
    }
    const ready = await fetch(`${http}readyz`)
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('the storage fails since')])
    expect((await fetch(`${http}livez`)).status).toBe(200)
    expect((await scrape(`${http}metrics`)).get('isomq_storage_healthy')).toBe(0)
    await running.server.stop()
    rmSync(join(folder, 'data'), { recursive: true })
  })
})

test('$SYS tells whether bridges are connected, as mosquitto does', async () => {
  const other = await start({})
  const running = await start({
    bridges: [
      { name: 'up', url: other.url, topics: ['a'] },
      { name: 'down', url: 'mqtt://127.0.0.1:1', topics: ['a'] },
    ],
  })
  const { client, heard } = await connect(running.url, { clientId: 'c' })
  await client.subscribe([{ topic: '$SYS/broker/connection/+/state', qos: 0 }])
  await vi.waitFor(() => {
    expect(heard.findLast((each) => each.includes('/up/'))).toMatch(/^\$SYS\/broker\/connection\/up\/state 1/)
    expect(heard.findLast((each) => each.includes('/down/'))).toMatch(/^\$SYS\/broker\/connection\/down\/state 0/)
  })
  await other.server.stop()
  await vi.waitFor(() => expect(heard.at(-1)).toBe('$SYS/broker/connection/up/state 0'))
})
