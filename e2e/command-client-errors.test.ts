import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { isomq, startIsomq } from './support/isomq.ts'
import { freePorts } from './support/mosquitto.ts'
import { eachTest } from './support/scope.ts'
import { unique } from './support/unique.ts'

test.each(['pub', 'sub'])('isomq %s: nobody listens: one line, exit code 1', async (command) => {
  const [port] = await freePorts(1)
  const { code, stdout, stderr } = await isomq([
    command,
    '-h',
    '127.0.0.1',
    '-p',
    String(port),
    '-t',
    't',
    ...(command === 'pub' ? ['-m', 'x'] : []),
  ])
  expect([code, stdout, stderr]).toEqual([
    1,
    '',
    `isomq: cannot connect to mqtt://127.0.0.1:${port}: connection refused (does a broker listen there?)\n`,
  ])
})

test.each([
  [['pub', '-m', 'x'], 'isomq: no topic: give one with -t\n'],
  [['pub', '-t', 't'], 'isomq: no message: give one with -m, or choose -f, -l, -n or -s\n'],
  [['pub', '-t', 't', '-m', 'x', '-n'], 'isomq: only one of -m, -f, -l, -n and -s can be used\n'],
  [['pub', '-t', 'a/#', '-m', 'x'], 'isomq: -t a/#: a message cannot be published to a wildcard\n'],
  [['sub'], 'isomq: no topic: give one with -t\n'],
  [['sub', '-t', 't', '-c'], 'isomq: -c needs a client id: give one with -i\n'],
  [['sub', '-t', 't', '--will-payload', 'x'], 'isomq: a will needs --will-topic\n'],
  [['sub', '-L', 'http://x', '-t', 't'], 'isomq: -L http://x: must begin with mqtt://, mqtts://, ws:// or wss://\n'],
  [
    ['sub', '-t', 't', '-q', '3'],
    /^isomq: option '-q, --qos <qos>' argument '3' is invalid\. It must be a whole number from 0 to 2\.\n/,
  ],
  [
    ['pub', '-V', '3.1.1', '-t', 't', '-m', 'x', '-D', 'publish', 'content-type', 'a'],
    'isomq: -D needs MQTT 5 (-V 5)\n',
  ],
  [
    ['pub', '-t', 't', '-m', 'x', '-D', 'publish', 'nonsense', 'a'],
    'isomq: -D publish nonsense a: unknown property nonsense\n',
  ],
])('%j is refused', async (args, message) => {
  const { code, stdout, stderr } = await isomq(args)
  expect([code, stdout]).toEqual([1, ''])
  if (typeof message === 'string') expect(stderr).toBe(message)
  else expect(stderr).toMatch(message)
})

test('what the broker refuses is told, with exit code 1', async () => {
  const broker = await startBroker([
    '--set',
    'limits.clientIdLength=23',
    '--set',
    'limits.maxPacketSize=1KiB',
    '--set',
    'limits.retainAvailable=false',
  ])
  const at = ['-h', '127.0.0.1', '-p', String(broker.port), '-t', 't']
  const id = 'i'.repeat(24)
  const refused = await isomq(['pub', ...at, '-i', id, '-m', 'x'])
  expect([refused.code, refused.stderr]).toEqual([1, 'isomq: Connection refused: client identifier not valid (0x85)\n'])
  const large = await isomq(['pub', ...at, '-q', '1', '-s'], { stdin: 'x'.repeat(2000) })
  expect(large.code).toBe(1)
  expect(large.stderr).toMatch(/^isomq: .*(too large|larger)/)
  const retained = await isomq(['pub', ...at, '-m', 'x', '-r'])
  expect([retained.code, retained.stderr]).toEqual([1, 'isomq: the broker does not keep retained messages\n'])
  const deep = Array.from({ length: 129 }, () => 'a').join('/')
  const sub = await isomq(['sub', '-h', '127.0.0.1', '-p', String(broker.port), '-t', deep])
  expect([sub.code, sub.stderr]).toEqual([1, `isomq: Subscription to ${deep} refused: topic filter invalid (0x8f)\n`])
  expect((await broker.stop()).code).toBe(0)
})

test('a server that is none', async () => {
  const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')).listen(0, '127.0.0.1')
  eachTest.add(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const { code, stderr } = await isomq(['pub', '-h', '127.0.0.1', '-p', String(port), '-t', 't', '-m', 'x'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/^isomq: [^\n]+\n$/)
})

test.each(['SIGTERM', 'SIGKILL'] as const)('isomq sub comes back when the broker does after %s', async (signal) => {
  const broker = await startBroker()
  const [id, topic] = [unique('back'), unique('back')]
  const sub = startIsomq([
    'sub',
    '-h',
    '127.0.0.1',
    '-p',
    String(broker.port),
    '-i',
    id,
    '-t',
    topic,
    '-q',
    '1',
    '-C',
    '1',
  ])
  await broker.subscribed(id)
  broker.process.kill(signal)
  await broker.process.exit()
  await sub.until('stderr', /; trying again\n/)
  const revived = await startBroker(['--mqtt', `127.0.0.1:${broker.port}`])
  await revived.subscribed(id)
  await isomq(['pub', '-h', '127.0.0.1', '-p', String(broker.port), '-t', topic, '-q', '1', '-m', 'here again'])
  expect(await sub.exit()).toMatchObject({ code: 0, stdout: 'here again\n' })
  expect((await revived.stop()).code).toBe(0)
})

test('isomq sub ends when somebody else takes its client id', async () => {
  const broker = await startBroker()
  const id = unique('same')
  const where = ['-h', '127.0.0.1', '-p', String(broker.port)]
  const sub = startIsomq(['sub', ...where, '-i', id, '-t', 't'])
  await broker.subscribed(id)
  expect((await isomq(['pub', ...where, '-i', id, '-t', 't', '-m', 'x'])).code).toBe(0)
  const { code, stderr } = await sub.exit()
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^isomq: .*session taken over \(0x8e\)\n$/)])
  expect((await broker.stop()).code).toBe(0)
})

test('isomq sub ends in order when the reader of its output has enough', async () => {
  const broker = await startBroker()
  const id = unique('head')
  const where = ['-h', '127.0.0.1', '-p', String(broker.port)]
  const sub = startIsomq(['sub', ...where, '-i', id, '-t', 't', '-q', '1'])
  await broker.subscribed(id)
  sub.closeOutput()
  await isomq(['pub', ...where, '-t', 't', '-q', '1', '-l'], { stdin: 'x\n'.repeat(100) })
  expect((await sub.exit()).code).toBe(0)
  expect((await broker.stop()).code).toBe(0)
})
