import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Broker, startBroker } from './support/broker.ts'
import { isomq } from './support/isomq.ts'
import { freePorts, mosquittoPub, startMosquitto } from './support/mosquitto.ts'
import { connectJs } from './support/mqtt-js.ts'
import { succeed } from './support/process.ts'
import { eachTest } from './support/scope.ts'
import { temporaryDirectory } from './support/temporary.ts'

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i + 1))

/** Flags of a broker that is linked to another. */
function linked(url: string, topics: readonly string[], more: object = {}): string[] {
  const bridge = { name: 'cloud', url, topics, maxBackoff: '500ms', minBackoff: '100ms', ...more }
  return ['--set', `bridges=${JSON.stringify([bridge])}`]
}

const connected = (broker: Broker): Promise<unknown> => broker.process.until('stderr', /bridge connected/)

describe('a bridge to mosquitto', () => {
  test.each([
    ['TCP, MQTT 5', {}, 'port', 'mqtt'],
    ['TCP, MQTT 3.1.1', { protocolVersion: 4 }, 'port', 'mqtt'],
    ['WebSocket', {}, 'webSocketPort', 'ws'],
  ] as const)('passes messages on both ways, once, under other names: %s', async (_, more, port, scheme) => {
    const far = await startMosquitto()
    const near = await startBroker(linked(`${scheme}://127.0.0.1:${far[port]}`, ['chat/# both 2 "" rooms/'], more))
    await connected(near)
    const here = await connectJs(near.urls['mqtt'])
    const there = await connectJs(`mqtt://127.0.0.1:${far.port}`)
    await here.client.subscribeAsync('#', { qos: 2 })
    await there.client.subscribeAsync('#', { qos: 2 })
    await here.client.publishAsync('chat/ann', 'from here', { qos: 2 })
    await there.client.publishAsync('rooms/chat/bob', 'from there', { qos: 2 })
    await here.client.publishAsync('chat/end', 'end', { qos: 2 })
    const all = async (client: typeof here): Promise<string[]> => {
      const seen: string[] = []
      do seen.push((({ topic, text }) => `${topic} ${text}`)(await client.inbox.next()))
      while (seen.length < 3)
      return seen.toSorted()
    }
    expect(await all(here)).toEqual(['chat/ann from here', 'chat/bob from there', 'chat/end end'])
    expect(await all(there)).toEqual(['rooms/chat/ann from here', 'rooms/chat/bob from there', 'rooms/chat/end end'])
    expect([here.inbox.all.length, there.inbox.all.length]).toEqual([3, 3])
  })

  test('sends what has waited while mosquitto was away and the broker was killed, in order', async () => {
    const [port = 0] = await freePorts(1)
    const flags = [
      '--data',
      join(temporaryDirectory(), 'data'),
      ...linked(`mqtt://127.0.0.1:${port}`, ['orders/# out 1']),
    ]
    let near = await startBroker(flags)
    await mosquittoPub(near.port, ['-t', 'orders/1', '-q', '1', '-l'], { stdin: `${numbers(500).join('\n')}\n` })
    near.process.kill('SIGKILL')
    await near.process.exit()
    near = await startBroker(flags)
    await mosquittoPub(near.port, ['-t', 'orders/1', '-q', '1', '-m', 'last'])
    // Whoever wants it must be known over there before it comes: to a mosquitto that keeps its sessions.
    const directory = temporaryDirectory()
    chmodSync(directory, 0o777)
    const persistent = ['persistence true', `persistence_location ${directory}/`, 'max_queued_messages 0']
    const reader = ['-h', '127.0.0.1', '-i', 'reader', '-c', '-q', '1', '-t', 'orders/#', '-p']
    const before = await startMosquitto(eachTest, persistent)
    await succeed('mosquitto_sub', [...reader, String(before.port), '-E'])
    before.process.kill('SIGTERM')
    await before.process.exit()
    await startMosquitto(eachTest, persistent, port)
    await connected(near)
    expect(await succeed('mosquitto_sub', [...reader, String(port), '-C', '501'])).toBe(
      `${[...numbers(500), 'last'].join('\n')}\n`,
    )
  })
})

describe('a bridge to another isomq', () => {
  test('QoS 2: each message once and in order, whichever of the two is killed', async () => {
    const [port = 0] = await freePorts(1)
    const farFlags = ['--data', join(temporaryDirectory(), 'data'), '--mqtt', `127.0.0.1:${port}`]
    const link = linked(`mqtt://127.0.0.1:${port}`, ['a/# out 2'])
    const nearFlags = ['--data', join(temporaryDirectory(), 'data'), '--set', 'limits.receiveMaximum=1000', ...link]
    let [far, near] = [await startBroker(farFlags), await startBroker(nearFlags)]
    const kept = { clean: false, properties: { sessionExpiryInterval: 3600 }, clientId: 'reader' }
    const reader = await connectJs(far.urls['mqtt'], kept)
    await reader.client.subscribeAsync('a/#', { qos: 2 })
    await reader.client.endAsync()
    for (let round = 0; round < 4; round++) {
      const from = round * 250
      const writer = await connectJs(near.urls['mqtt'])
      await Promise.all(
        numbers(250).map((n) => writer.client.publishAsync('a/b', String(from + Number(n)), { qos: 2 })),
      )
      // While it is passing them on.
      if (round % 2 === 0) {
        far.process.kill('SIGKILL')
        await far.process.exit()
        far = await startBroker(farFlags)
      } else {
        near.process.kill('SIGKILL')
        await near.process.exit()
        near = await startBroker(nearFlags)
      }
    }
    const again = await connectJs(far.urls['mqtt'], kept)
    const texts: string[] = []
    while (texts.length < 1000) texts.push((await again.inbox.next()).text)
    expect(texts).toEqual(numbers(1000))
    expect(again.inbox.all).toHaveLength(1000)
  })

  test('wrong settings are told with line and key, and nothing starts', async () => {
    const cwd = temporaryDirectory()
    const entries = [
      '- { name: a, url: http://x, topics: [a/#/b, "b sideways"], cert: c.pem }',
      '- { name: a, url: mqtt://x, topics: [c] }',
    ]
    writeFileSync(join(cwd, 'isomq.config.yaml'), `bridges:\n${entries.map((entry) => `  ${entry}\n`).join('')}`)
    const { code, stderr } = await isomq(['serve'], { cwd })
    expect(code).toBe(1)
    expect(stderr).toContain('isomq.config.yaml:2: bridges.0.url is of no use: http://x: must begin with mqtt://')
    expect(stderr).toContain('isomq.config.yaml:2: bridges.0.topics.0 is of no use: the topic "a/#/b" means')
    expect(stderr).toContain('bridges.0.topics.1 is of no use: the topic "b sideways" has the direction sideways')
    expect(stderr).toContain('bridges.0.key is of no use: and cert go together')
    expect(stderr).toContain('isomq.config.yaml:3: bridges.1.name is of no use: (a) is that of another bridge')
  })

  test('what is kept for a bridge that is configured no more is forgotten, and that is said', async () => {
    const flags = ['--data', join(temporaryDirectory(), 'data')]
    const near = await startBroker([...flags, ...linked('mqtt://127.0.0.1:1', ['# out 1'])])
    await near.process.until('stderr', /bridge not connected.*connection refused/)
    await mosquittoPub(near.port, ['-t', 'a', '-q', '1', '-m', 'x'])
    await near.stop()
    const after = await startBroker(flags)
    await after.process.until('stderr', /bridge is forgotten/)
  })
})
