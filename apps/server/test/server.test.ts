import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { dial } from '../src/client/dial.ts'
import { openClient, type MqttClient } from '../src/client/mqtt-client.ts'
import { readTarget } from '../src/client/target.ts'
import { createLog } from '../src/log.ts'
import { startServer, type Server } from '../src/server.ts'
import { UserError } from '../src/user-error.ts'
import { load } from './config-dir.ts'

const running: Server[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop()
})

async function start(keys: string[] = []): Promise<{ server: Server; lines: string[] }> {
  const lines: string[] = []
  const set = ['storage.type=memory', ...keys]
  const { config } = await load({ flags: { mqtt: '127.0.0.1:0', ws: '127.0.0.1:0', logLevel: 'debug', set } })
  const server = await startServer(
    config,
    createLog(config.log, (line) => lines.push(line)),
  )
  running.push(server)
  return { server, lines }
}

async function client(url: string, onMessage: (topic: string) => void = () => undefined): Promise<MqttClient> {
  const connect = {
    cmd: 'connect',
    clientId: `c\n${running.length}`,
    protocolId: 'MQTT',
    protocolVersion: 5,
    clean: true,
    keepalive: 60,
  } as const
  return openClient(await dial(readTarget({ url }), {}, 5), {
    connect: { ...connect, clientId: `${connect.clientId}${url.slice(0, 2)}` },
    connectTimeout: 5000,
    unreleased: new Set(),
    onMessage: (message) => {
      onMessage(message.topic)
      return true
    },
  })
}

/** A port that is in use until it is released. */
async function takePort(): Promise<{ port: number; place: string; release: () => void }> {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  return { port, place: `127.0.0.1:${port}`, release: () => server.close() }
}

test('free ports are told, and a message goes from TCP to WebSocket', async () => {
  const { server, lines } = await start()
  const [tcp = '', ws = ''] = server.urls
  expect(tcp).toMatch(/^mqtt:\/\/127\.0\.0\.1:[1-9]\d*$/)
  expect(ws).toMatch(/^ws:\/\/127\.0\.0\.1:[1-9]\d*\/mqtt$/)
  const topics: string[] = []
  const reader = await client(ws, (topic) => topics.push(topic))
  expect(await reader.subscribe([{ topic: 'a/#', qos: 1 }])).toEqual([1])
  const writer = await client(tcp)
  await writer.publish({ topic: 'a/b', payload: Buffer.from('x'), qos: 1, retain: false })
  await vi.waitFor(() => expect(topics).toEqual(['a/b']))
  // The client id holds a line feed: it must not become a line of the log.
  expect(lines.filter((line) => line.includes('client connected'))).toHaveLength(2)
  for (const line of lines) expect(line.trimEnd()).not.toContain('\n')
})

test('how subscriptions are shared, made at once, or not made at all is the configuration’s', async () => {
  const { server } = await start([
    'sharing=sticky',
    'autoSubscribe=[{"filter":"auto/${clientid}","qos":1},{"filter":"$queue/jobs"}]',
    'limits.exclusiveSubscriptions=false',
  ])
  const [tcp = '', ws = ''] = server.urls
  const [one, two]: [string[], string[]] = [[], []]
  const writer = await client(tcp, (topic) => one.push(topic))
  const reader = await client(ws, (topic) => two.push(topic))
  expect(await reader.subscribe([{ topic: '$exclusive/a', qos: 1 }])).toEqual([0x8f])
  const topicOfReader = `auto/c\n${running.length}ws`
  for (const topic of ['jobs', 'jobs', 'jobs', topicOfReader])
    await writer.publish({ topic, payload: Buffer.from('x'), qos: 1, retain: false })
  await vi.waitFor(() => expect([one, two]).toEqual([['jobs', 'jobs', 'jobs'], [topicOfReader]]))
})

test('stopping tells the clients, and accepts nobody any more', async () => {
  const { server } = await start()
  const [tcp = ''] = server.urls
  const connected = await client(tcp)
  await Promise.all([server.stop(), server.stop()])
  expect((await connected.closed)?.message).toBe('Disconnected by the broker: server shutting down (0x8b)')
  await expect(client(tcp)).rejects.toThrow(/^cannot connect to mqtt:\/\/127\.0\.0\.1:\d+: connection refused/)
})

test('limits of the configuration reach the protocol', async () => {
  const { server } = await start(['limits.receiveMaximum=7', 'limits.maxPacketSize=2KiB', 'limits.maxKeepAlive=30s'])
  const { connack } = await client(server.urls[0] ?? '')
  expect(connack.properties).toMatchObject({ receiveMaximum: 7, maximumPacketSize: 2048, serverKeepAlive: 30 })
})

test('rewrite rules and bounds of delayed messages reach protocol and kernel', async () => {
  const rule = { action: 'publish', source: 'x/#', regex: '^x/(.+)$', target: 'y/$1' }
  const { server } = await start([`rewrite=${JSON.stringify([rule])}`, 'limits.delayed=1'])
  const topics: string[] = []
  const reader = await client(server.urls[1] ?? '', (topic) => topics.push(topic))
  await reader.subscribe([{ topic: '#', qos: 1 }])
  const writer = await client(server.urls[0] ?? '')
  const publish = (topic: string): Promise<unknown> =>
    writer.publish({ topic, payload: Buffer.from('x'), qos: 1, retain: false })
  await publish('x/direct')
  await publish('$delayed/0/x/later')
  await vi.waitFor(() => expect(topics).toEqual(['y/direct', 'y/later']))
  await publish('$delayed/1000/x/much/later')
  await expect(publish('$delayed/1000/t')).rejects.toThrow('0x97')
  await expect(publish('$delayed/soon/t')).rejects.toThrow('0x90')
})

test('delayed publishing can be switched off', async () => {
  const { server } = await start(['limits.delayedPublish=false'])
  const writer = await client(server.urls[0] ?? '')
  const message = { topic: '$delayed/0/t', payload: Buffer.from('x'), qos: 1, retain: false } as const
  await expect(writer.publish(message)).rejects.toThrow('0x90')
})

test('connections from one address are counted over all listeners', async () => {
  const { server, lines } = await start(['limits.connectionsPerAddress=1'])
  const [tcp = '', ws = ''] = server.urls
  const first = await client(tcp)
  await expect(client(ws)).rejects.toThrow('0x97')
  expect(lines.filter((line) => line.includes('detail="too many connections"'))).toHaveLength(1)
  await first.disconnect()
  await vi.waitFor(async () => (await client(ws)).disconnect())
})

test('a client that flaps is banned, and that is logged', async () => {
  const { server, lines } = await start(['flapping.enabled=true', 'flapping.maxConnects=2', 'flapping.banFor=1h'])
  for (let i = 0; i < 2; i++) await (await client(server.urls[0] ?? '')).disconnect()
  await expect(client(server.urls[0] ?? '')).rejects.toThrow('0x8a')
  const banned = lines.filter((line) => line.includes('banned clientId='))
  expect(banned).toHaveLength(1)
  expect(banned[0]).toMatch(/WARN {2}banned clientId=\S+ reason=flapping until=\d{4}-\S+Z/)
})

test('a ban on disk is in force again after a restart', async () => {
  const path = mkdtempSync(join(tmpdir(), 'isomq-bans-'))
  const set = ['storage.type=lmdb', `storage.path=${path}`, 'flapping.enabled=true', 'flapping.maxConnects=1']
  try {
    const { server } = await start([...set, 'flapping.banFor=1h'])
    await (await client(server.urls[0] ?? '')).disconnect()
    await expect(client(server.urls[0] ?? '')).rejects.toThrow('0x8a')
    await server.stop()
    // The number of servers is part of the client id.
    running.pop()
    const { server: again } = await start(set)
    await expect(client(again.urls[0] ?? '')).rejects.toThrow('0x8a')
    await again.stop()
  } finally {
    rmSync(path, { recursive: true })
  }
})

test('what was recovered from disk is logged, and nothing when there was nothing', async () => {
  const path = mkdtempSync(join(tmpdir(), 'isomq-recovered-'))
  const set = ['storage.type=lmdb', `storage.path=${path}`]
  const recovered = (lines: readonly string[]): string[] =>
    lines.filter((line) => line.includes('recovered from storage'))
  try {
    const { server, lines } = await start(set)
    const speaker = await client(server.urls[0] ?? '')
    await speaker.publish({ topic: 't', payload: Buffer.from('x'), qos: 1, retain: true })
    await speaker.disconnect()
    await server.stop()
    expect(recovered(lines)).toEqual([])
    const { server: again, lines: fresh } = await start(set)
    expect(recovered(fresh)).toHaveLength(1)
    expect(recovered(fresh)[0]).toContain('sessions=0 records=0 retained=1')
    await again.stop()
  } finally {
    rmSync(path, { recursive: true })
  }
})

test('strangers are logged as refused, a flood of them ten at a time', async () => {
  const { server, lines } = await start()
  const url = server.urls[0] ?? ''
  for (let i = 0; i < 15; i++) {
    const connection = await dial(readTarget({ url }), {}, 5)
    await new Promise<void>((resolve) => {
      connection.start({ data: () => undefined, drain: () => undefined, close: () => resolve() })
      connection.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    })
  }
  const refused = lines.filter((line) => line.includes('WARN  refused'))
  expect(refused).toHaveLength(10)
  expect(refused[0]).toContain('WARN  refused transport=tcp address=127.0.0.1')
})

describe('what cannot be opened', () => {
  test('is told at once for every listener', async () => {
    const taken = await takePort()
    const { config } = await load({ flags: { mqtt: taken.place, ws: taken.place, memory: true } })
    const error = await startServer(
      config,
      createLog(config.log, () => undefined),
    ).catch((each: unknown) => each)
    taken.release()
    expect(error).toBeInstanceOf(UserError)
    expect((error as UserError).lines).toEqual([
      `port ${taken.port} on 127.0.0.1 is in use (listeners.mqtt); choose another with --mqtt HOST:PORT`,
      `port ${taken.port} on 127.0.0.1 is in use (listeners.ws); choose another with --ws HOST:PORT`,
    ])
  })

  test('closes what was opened beside it', async () => {
    const [free, taken] = [await takePort(), await takePort()]
    free.release()
    const { config } = await load({ flags: { mqtt: free.place, ws: taken.place, memory: true } })
    await expect(
      startServer(
        config,
        createLog(config.log, () => undefined),
      ),
    ).rejects.toBeInstanceOf(UserError)
    taken.release()
    await expect(dial(readTarget({ url: `mqtt://${free.place}` }), {}, 5)).rejects.toThrow('connection refused')
  })

  test('TLS files that do not exist are named', async () => {
    const { config } = await load({
      flags: { mqtt: 'off', ws: 'off', memory: true, set: ['listeners.mqtts={"cert":"no-c","key":"no-k"}'] },
    })
    const error = await startServer(
      config,
      createLog(config.log, () => undefined),
    ).catch((each: unknown) => each)
    expect((error as UserError).lines).toEqual([
      'listeners.mqtts.cert: no-c does not exist',
      'listeners.mqtts.key: no-k does not exist',
    ])
  })
})
