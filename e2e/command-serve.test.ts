import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { isomq, startIsomq } from './support/isomq.ts'
import { closed, connectJs } from './support/mqtt-js.ts'
import { connectFrame, publishFrame, RawClient, subscribeFrame, Type } from './support/raw.ts'
import { eachTest } from './support/scope.ts'
import { temporaryDirectory } from './support/temporary.ts'
import { unique } from './support/unique.ts'

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s: clients are told, nothing new is accepted, exit code 0',
  async (signal) => {
    const broker = await startBroker()
    const five = await connectJs(broker.urls['mqtt'])
    const web = await connectJs(broker.urls['ws'])
    const four = await connectJs(broker.urls['mqtt'], { protocolVersion: 4 })
    const silent = new RawClient(broker.port)
    const over = [five, web, four].map(closed)
    broker.process.kill(signal)
    expect([await five.disconnects.next(), await web.disconnects.next()]).toEqual([0x8b, 0x8b])
    await Promise.all(over)
    await silent.untilClosed()
    const { code, stdout, stderr } = await broker.process.exit()
    expect(code).toBe(0)
    expect(four.disconnects.all).toEqual([])
    expect(stdout).toBe(`isomq 0.0.0 ready\n  ${broker.urls['mqtt']}\n  ${broker.urls['ws']}\n`)
    expect(stderr).toMatch(new RegExp(`INFO {2}stopping signal=${signal}\n[^]*INFO {2}stopped\n$`))
    await expect(connectJs(broker.urls['mqtt'])).rejects.toThrow(/ECONNREFUSED|closed/)
  },
)

test('what was sent just before the end arrives', async () => {
  const broker = await startBroker()
  const topic = unique('last')
  const [sub, pub] = [await connectJs(broker.urls['mqtt']), await connectJs(broker.urls['mqtt'])]
  await sub.client.subscribeAsync(topic, { qos: 1 })
  await Promise.all(
    Array.from({ length: 50 }, (_, i) => pub.client.publishAsync(topic, `${i}${'x'.repeat(10_000)}`, { qos: 1 })),
  )
  broker.process.kill('SIGTERM')
  expect((await broker.process.exit()).code).toBe(0)
  expect((await sub.inbox.take(50)).map(({ text }) => Number.parseInt(text, 10))).toEqual(
    Array.from({ length: 50 }, (_, i) => i),
  )
})

/** A broker that cannot stop at once: a client takes nothing of much that is for it. */
async function loaded(): Promise<Awaited<ReturnType<typeof startBroker>>> {
  const broker = await startBroker(['--log-level', 'debug'])
  const topic = unique('held')
  const [deaf, publisher] = [new RawClient(broker.port), new RawClient(broker.port)]
  await deaf.ask(Type.connack, connectFrame(unique('deaf')))
  await deaf.ask(Type.suback, subscribeFrame(topic, 0))
  deaf.socket.pause()
  await publisher.ask(Type.connack, connectFrame(unique('publisher')))
  for (let i = 0; i < 10_000; i++) publisher.send(publishFrame(topic, Buffer.alloc(1000)))
  await broker.process.until('stderr', /message dropped/)
  return broker
}

test('a client that does not read does not keep the broker from stopping in order', async () => {
  const broker = await loaded()
  expect((await broker.stop()).code).toBe(0)
})

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('a second signal, %s, ends it at once with %d', async (signal, code) => {
  const broker = await loaded()
  broker.process.kill('SIGTERM')
  await broker.process.until('stderr', /stopping/)
  broker.process.kill(signal)
  expect((await broker.process.exit()).code).toBe(code)
})

test('a port in use: one line that says what to do, exit code 1', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  eachTest.add(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const mqtt = await isomq(['serve', '--memory', '--mqtt', `127.0.0.1:${port}`, '--ws', '127.0.0.1:0'])
  expect(mqtt).toMatchObject({
    code: 1,
    stdout: '',
    stderr: `isomq: port ${port} on 127.0.0.1 is in use (listeners.mqtt); choose another with --mqtt HOST:PORT\n`,
  })
  const both = await isomq(['serve', '--memory', '--mqtt', `127.0.0.1:${port}`, '--ws', `127.0.0.1:${port}`])
  expect(both.code).toBe(1)
  expect(both.stderr.trim().split('\n')).toHaveLength(2)
})

test('an address of another machine: one line, exit code 1', async () => {
  const { code, stderr } = await isomq([
    'serve',
    '--memory',
    '--mqtt',
    '192.0.2.1:0',
    '--ws',
    'off',
    '--allow-anonymous',
    '--log-level',
    'error',
  ])
  expect([code, stderr]).toEqual([
    1,
    'isomq: 192.0.2.1 is not an address of this machine (listeners.mqtt); choose another with --mqtt HOST:PORT\n',
  ])
})

test('without a command it serves; a listener can be off', async () => {
  const cwd = temporaryDirectory()
  const process = startIsomq(['--mqtt', '127.0.0.1:0', '--ws', 'off'], { cwd })
  const [, url = ''] = await process.until('stdout', /ready\n {2}(\S+)\n$/)
  expect(url).toMatch(/^mqtt:/)
  await connectJs(url)
  process.kill('SIGTERM')
  expect((await process.exit()).code).toBe(0)
})

test('other machines may reach it only when that is said, and the log warns', async () => {
  const refused = await isomq(['serve', '--memory', '--mqtt', '0.0.0.0:0', '--ws', 'off'])
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('add --allow-anonymous')
  const broker = await startBroker(['--mqtt', '0.0.0.0:0', '--ws', 'off', '--allow-anonymous'])
  await broker.process.until('stderr', /WARN {2}anyone who can reach this machine may connect/)
  await connectJs(broker.urls['mqtt'])
  expect((await broker.stop()).code).toBe(0)
})

test('a log that nobody reads any more, or that is closed, does not end the broker', async () => {
  const broker = await startBroker()
  broker.process.closeOutput()
  for (let i = 0; i < 20; i++) await (await connectJs(broker.urls['mqtt'])).client.endAsync()
  expect((await broker.stop()).code).toBe(0)
})

test.each([
  [['nonsense'], 'isomq: unknown command nonsense; there are serve, config, pub, sub, rr, passwd\n'],
  [['serve', '--nonsense'], "isomq: unknown option '--nonsense'\n"],
  [['serve', '--data', 'd', '--memory'], /^isomq: --data: cannot go together with --memory\n/],
])('%j is refused with exit code 1', async (args, message) => {
  const { code, stdout, stderr } = await isomq(args)
  expect([code, stdout]).toEqual([1, ''])
  if (typeof message === 'string') expect(stderr).toBe(message)
  else expect(stderr).toMatch(message)
})

test('--version and --help', async () => {
  expect(await isomq(['--version'])).toMatchObject({ code: 0, stdout: '0.0.0\n', stderr: '' })
  for (const args of [[], ['serve'], ['config'], ['pub'], ['sub'], ['rr']]) {
    const { code, stdout } = await isomq([...args, '--help'])
    expect([code, stdout.startsWith(`Usage: ${['isomq', ...args].join(' ')} [options]`)]).toEqual([0, true])
  }
})
