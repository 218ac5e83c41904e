import { chmodSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { isomq, startIsomq } from './support/isomq.ts'
import { mosquittoPub, startMosquitto, startMosquittoSub } from './support/mosquitto.ts'
import { describeWith, mosquittoBroker } from './support/peers.ts'
import { eachTest } from './support/scope.ts'
import { temporaryDirectory } from './support/temporary.ts'
import { unique } from './support/unique.ts'

const broker = sharedBroker()
const at = (): string[] => ['-h', '127.0.0.1', '-p', String(broker.port)]

test.skipIf(process.platform !== 'linux')(
  '-A: the address it comes from (only Linux has all of 127.0.0.0/8)',
  async () => {
    const web = ['-L', broker.urls['ws'] ?? '']
    for (const [where, address] of [
      [at(), '127.0.0.2'],
      [web, '127.0.0.3'],
    ] as const) {
      const id = unique('from')
      expect(await isomq(['pub', ...where, '-A', address, '-i', id, '-t', 't', '-m', 'x'])).toMatchObject({ code: 0 })
      const [, seen] = await broker.process.until(
        'stderr',
        new RegExp(`client connected client=${id} .*address=(\\S+)`),
      )
      expect(seen).toBe(address)
    }
  },
)

test('--unix: through a Unix socket, here one that leads to the broker', async () => {
  const path = join(temporaryDirectory(), 'mqtt.sock')
  const relay = createServer((socket) => {
    const onward = connect(broker.port, '127.0.0.1')
    socket.pipe(onward).pipe(socket)
    for (const each of [socket, onward]) each.on('error', () => undefined)
  }).listen(path)
  eachTest.add(() => relay.close())
  await new Promise((resolve) => relay.once('listening', resolve))
  const [topic, id] = [unique('unix'), unique('sub')]
  const sub = startIsomq(['sub', '--unix', path, '-i', id, '-t', topic, '-q', '2', '-C', '1'])
  await broker.subscribed(id)
  expect(await isomq(['pub', '--unix', path, '-t', topic, '-q', '2', '-m', 'hello'])).toMatchObject({
    code: 0,
    stderr: '',
  })
  expect(await sub.exit()).toMatchObject({ code: 0, stdout: 'hello\n' })
})

test('-o: options from a file, and those of the command line before them', async () => {
  const [topic, id] = [unique('file'), unique('sub')]
  const file = join(temporaryDirectory(), 'options')
  writeFileSync(
    file,
    `# where\n-h 127.0.0.1\n-p ${broker.port}\n-q 1\n-t ${topic}\n-D publish user-property a key, a value\n`,
  )
  const sub = startIsomq(['sub', ...at(), '-i', id, '-t', topic, '-q', '2', '-C', '1', '-F', '%q|%p|%P'])
  await broker.subscribed(id)
  expect(await isomq(['pub', '-o', file, '-q', '2', '-m', 'hello'])).toMatchObject({ code: 0, stderr: '' })
  expect((await sub.exit()).stdout).toBe('2|hello|a:key, a value\n')
  writeFileSync(file, `-h 127.0.0.1\nnonsense\n`)
  expect(await isomq(['pub', '-o', file, '-t', 't', '-m', 'x'])).toMatchObject({
    code: 1,
    stderr: `isomq: -o ${file}:2: must begin with an option, such as -h localhost\n`,
  })
})

test.each([1, 2])('-M 1 at QoS %d: the next message waits for the end of the one before', async (qos) => {
  const pub = ['pub', ...at(), '-t', unique('inflight'), '-q', String(qos), '-l', '-d']
  const flow = qos === 1 ? ['PUBLISH', 'PUBACK'] : ['PUBLISH', 'PUBREC', 'PUBREL', 'PUBCOMP']
  const packets = async (more: readonly string[]): Promise<string[]> => {
    const { code, stderr } = await isomq([...pub, ...more], { stdin: 'x\n'.repeat(10) })
    expect(code).toBe(0)
    return [...stderr.matchAll(/(?:sent|received) (PUB\w+)/g)].map(([, name = '']) => name)
  }
  expect(await packets(['-M', '1'])).toEqual(Array.from({ length: 10 }, () => flow).flat())
  expect((await packets([])).slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'PUBLISH'))
})

test('--retain-as-published, --retain-handling, --no-local', async () => {
  const topic = unique('options')
  const pub = (text: string): Promise<unknown> => isomq(['pub', ...at(), '-t', topic, '-q', '1', '-m', text, '-r'])
  await pub('before')
  const ids = Array.from({ length: 3 }, () => unique('sub'))
  const subs = [
    ['-C', '2'],
    ['--retain-as-published', '-C', '2'],
    ['--retain-handling', 'never', '-C', '1'],
  ].map((more, i) => startIsomq(['sub', ...at(), '-i', ids[i] ?? '', '-t', topic, '-q', '1', '-F', '%r %p', ...more]))
  await Promise.all(ids.map((id) => broker.subscribed(id)))
  await pub('live')
  const outputs = await Promise.all(subs.map(async (each) => (await each.exit()).stdout))
  expect(outputs).toEqual(['1 before\n0 live\n', '1 before\n1 live\n', '0 live\n'])
  // A subscription that is shared and not local is against the specification: the broker has seen the flag.
  const both = await isomq(['sub', ...at(), '-t', `$share/g/${topic}`, '--no-local'])
  expect([both.code, both.stderr]).toEqual([1, expect.stringMatching(/^isomq: .*protocol error \(0x82\)/)])
})

test('--random-filter prints some messages; -C counts all', async () => {
  const [topic, id] = [unique('random'), unique('sub')]
  const sub = startIsomq(['sub', ...at(), '-i', id, '-t', topic, '-q', '1', '--random-filter', '50', '-C', '400'])
  await broker.subscribed(id)
  await isomq(['pub', ...at(), '-t', topic, '-q', '1', '-m', 'x', '--repeat', '400'])
  const { code, stdout } = await sub.exit()
  expect(code).toBe(0)
  // Less likely to be outside than one in 10^40.
  expect(stdout.length / 2).toBeGreaterThan(50)
  expect(stdout.length / 2).toBeLessThan(350)
})

describeWith([mosquittoBroker], 'beside mosquitto', () => {
  /** Time and packet identifier are each connection's own. */
  const plain = (text: string): string => text.replaceAll(/("tst":\s*"|"mid":\s*)[^",]+/g, '$1')

  test('-F prints what mosquitto_sub prints, letter by letter', async () => {
    const topic = unique('same')
    const letters = [
      '%t|%12t|%-12t|%.2t|%5.1t|%012t',
      '%p|%x|%X|%q|%r|%l|%5l|%05l|%-5l|%.3l|%m|%05m',
      '%A|%3A|%C|%8C|%-8C|%.2C|%D|%E|%5E|%05E|%-5E|%F|%3F|%03F|%P|%R|%.2R|%S|%6S|%-6S|%06S',
      '%%|@@|\\\\|\\t|\\a|\\e|\\0|\\r|\\v|\\n|@Y-@m-@d|@A @B @j @y',
    ]
    const flags = ['-t', topic, '-q', '2', '-C', '5', '-D', 'subscribe', 'subscription-identifier', '7']
    const formats = [[letters.join('|')], ['%j'], ['%j', '--pretty'], ['%J'], ['%J', '--pretty']]
    const id = unique('sub')
    const theirs = await Promise.all(
      formats.map((format) => startMosquittoSub(broker, ['-V', 'mqttv5', ...flags, '-F', ...format])),
    )
    const ours = formats.map((format, i) => startIsomq(['sub', ...at(), '-i', `${id}-${i}`, ...flags, '-F', ...format]))
    await Promise.all(formats.map((_, i) => broker.subscribed(`${id}-${i}`)))
    const property = (...parts: string[]): string[] => ['-D', 'publish', ...parts]
    const all = [
      ...property('content-type', 'text/plain'),
      ...property('correlation-data', 'c"d'),
      ...property('message-expiry-interval', '100'),
      ...property('payload-format-indicator', '1'),
      ...property('response-topic', 'an/answer'),
      ...property('user-property', 'b', '1'),
      ...property('user-property', 'a', 'ü 2'),
    ]
    for (const message of [
      ['-m', '1'],
      ['-m', '{"a":15,"b":[1,{"c":null},[]],"d":{},"e":"grüße \\"x\\"\\n"}', '-q', '1', ...all],
      ['-n', '-q', '2', ...property('payload-format-indicator', '0'), ...property('user-property', 'x', 'y')],
      ['-m', '"\\u0001"', '-q', '1', '-r', ...property('content-type', 'json')],
      ['-m', 'true', '-q', '2'],
    ])
      await mosquittoPub(broker.port, ['-V', 'mqttv5', '-t', topic, ...message])
    const outputs = async (subs: typeof ours): Promise<string[]> =>
      await Promise.all(subs.map(async (each) => plain((await each.exit()).stdout)))
    const [got, expected] = [await outputs(ours), await outputs(theirs)]
    expect(got[0]?.split('|')).toEqual(expected[0]?.split('|'))
    expect(got).toEqual(expected)
  })

  test('--unix on a mosquitto that listens there', async () => {
    const directory = temporaryDirectory()
    // Started by root it becomes a user of its own.
    chmodSync(directory, 0o777)
    const path = join(directory, 'm.sock')
    await startMosquitto(eachTest, [`listener 0 ${path}`])
    const topic = unique('unix')
    expect(await isomq(['pub', '--unix', path, '-t', topic, '-q', '1', '-r', '-m', 'x'])).toMatchObject({ code: 0 })
    const sub = await isomq(['sub', '--unix', path, '-t', topic, '-C', '1', '-F', '%r %p'])
    expect([sub.code, sub.stdout, sub.stderr]).toEqual([0, '1 x\n', ''])
  })
})
