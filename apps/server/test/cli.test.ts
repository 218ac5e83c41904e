import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { run } from '../src/cli.ts'
import { version } from '../src/version.ts'

let out = ''
let err = ''
beforeEach(() => {
  out = err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true))
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true))
})
afterEach(() => {
  vi.restoreAllMocks()
})

test.each([
  [['bogus'], 'isomq: unknown command bogus; there are serve, config, pub, sub, passwd\n'],
  [['--bogus'], "isomq: unknown option '--bogus'\n"],
  [['serve', '--set', 'log.levle=x'], 'isomq: --set: unknown key log.levle; did you mean log.level?\n'],
  [['--data', '/dev/null/x'], 'isomq: storage.path: /dev/null/x cannot be a directory: there is a file in the way\n'],
  [['--data', '/dev/null'], 'isomq: storage.path: /dev/null cannot be a directory: there is a file in the way\n'],
  [['--mqtt', 'off', '--ws', 'off'], 'isomq: --mqtt: listeners are all off: nobody could connect\n'],
  [['config', 'check', 'no.yaml'], 'isomq: no.yaml: there is no such file\n'],
  [['pub', '-m', 'x'], 'isomq: no topic: give one with -t\n'],
  [['pub', '-t', '', '-m', 'x'], 'isomq: -t: a topic has at least one character\n'],
  [['pub', '-t', 'a/#', '-m', 'x'], 'isomq: -t a/#: a message cannot be published to a wildcard\n'],
  [['pub', '-t', 'a'], 'isomq: no message: give one with -m, or choose -f, -l, -n or -s\n'],
  [['pub', '-t', 'a', '-m', 'x', '-n'], 'isomq: only one of -m, -f, -l, -n and -s can be used\n'],
  [
    ['pub', '-t', 'a', '-m', 'x', '-q', '3'],
    "isomq: option '-q, --qos <qos>' argument '3' is invalid. It must be a whole number from 0 to 2.\n",
  ],
  [
    ['pub', '-h', '127.0.0.1', '-p', '1', '-t', 'a', '-m', 'x'],
    'isomq: cannot connect to mqtt://127.0.0.1:1: connection refused (does a broker listen there?)\n',
  ],
  [['sub'], 'isomq: no topic: give one with -t\n'],
  [['sub', '-t', 'a', '-F', '%z'], 'isomq: -F: unknown sequence %z\n'],
  [['sub', '-t', 'a', '-D', 'subscribe', 'colour', 'red'], 'isomq: -D subscribe colour red: unknown property colour\n'],
])('%j is refused in one line', async (args, line) => {
  expect(await run(args)).toBe(1)
  expect(err).toBe(line)
  expect(out).toBe('')
})

test('--quiet prints no errors', async () => {
  expect(await run(['pub', '-h', '127.0.0.1', '-p', '1', '-t', 'a', '-m', 'x', '--quiet'])).toBe(1)
  expect(err).toBe('')
})

test('--version, and help that tells what -h is', async () => {
  expect(await run(['--version'])).toBe(0)
  expect(out).toBe(`${version}\n`)
  expect(await run(['sub', '--help'])).toBe(0)
  expect(out).toContain('-h, --host <host>')
  expect(out).toMatch(/^ +--help +show this help$/m)
})

test('config print tells every key with its source, as text and as JSON', async () => {
  const flags = ['--set', 'limits.connectTimeout=90s', '--wss', 'off', '--set', 'limits.sessions=unlimited']
  expect(await run(['config', 'print', ...flags])).toBe(0)
  expect(out).toMatch(/^limits\.connectTimeout = 90s +# --set$/m)
  expect(out).toMatch(/^limits\.maxPacketSize = 1MiB +# default$/m)
  expect(out).toMatch(/^listeners\.wss = false +# --wss$/m)
  out = ''
  expect(await run(['config', 'print', '--json', ...flags])).toBe(0)
  expect(JSON.parse(out)).toMatchObject({
    'limits.connectTimeout': { value: 90_000, source: '--set' },
    'limits.sessions': { value: 'unlimited', source: '--set' },
    'listeners.mqtt.port': { value: 1883, source: 'default' },
  })
})

test('config check', async () => {
  expect(await run(['config', 'check'])).toBe(0)
  expect(out).toBe('no configuration file: ok\n')
})
