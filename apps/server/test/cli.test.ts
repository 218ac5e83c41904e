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
  [['bogus'], 'isomq: unknown command bogus; there are serve, config, pub, sub, rr, passwd\n'],
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
  [['rr', '-t', 'a', '-m', 'x'], 'isomq: no response topic: give one with -e\n'],
  [['rr', '-e', 'a', '-m', 'x'], 'isomq: no topic: give one with -t\n'],
  [['rr', '-t', 'a', '-e', 'a/+', '-m', 'x'], 'isomq: -e a/+: a message cannot be published to a wildcard\n'],
  [['rr', '-t', 'a', '-e', 'b'], 'isomq: no message: give one with -m, or choose -f, -n or -s\n'],
  [['rr', '-t', 'a', '-e', 'b', '-m', 'x', '-s'], 'isomq: only one of -m, -f, -n and -s can be used\n'],
  [
    ['pub', '-t', 'a', '-f', '/nowhere/x'],
    "isomq: -f /nowhere/x: ENOENT: no such file or directory, open '/nowhere/x'\n",
  ],
  [
    ['sub', '-t', 'a', '-V', '4', '--no-local', '--retain-handling', 'new', '--retain-as-published'],
    'isomq: --retain-as-published, --retain-handling, --no-local needs MQTT 5 (-V 5)\n',
  ],
  [
    ['sub', '-t', 'a', '--unix', '/x', '-p', '1', '--ws', '--insecure'],
    'isomq: --unix cannot go together with -p, --ws, TLS\n',
  ],
  [['sub', '-t', 'a', '--unix', '/nowhere/x'], 'isomq: cannot connect to unix:/nowhere/x: there is no such socket\n'],
  [
    ['sub', '-t', 'a', '-h', '127.0.0.1', '-p', '1', '-A', '192.0.2.1'],
    'isomq: cannot connect to mqtt://127.0.0.1:1: the address of -A is not one of this machine\n',
  ],
  [['sub', '-t', 'a', '--tls-alpn', 'mqtt'], 'isomq: --tls-alpn goes with TLS, and not by WebSocket\n'],
  [['sub', '-t', 'a', '--keyform', 'engine'], 'isomq: --keyform: only pem is supported\n'],
  [['pub', '--psk', '0a'], 'isomq: --psk is not supported: use --cert and --key\n'],
  [['sub', '-S'], 'isomq: -S is not supported: name the host that the SRV record points to with -h and -p\n'],
  [
    ['rr', '--proxy', 'socks5h://x'],
    'isomq: --proxy is not supported: connect without a proxy, or through a tunnel such as `ssh -L`\n',
  ],
  [
    ['sub', '-t', 'a', '--random-filter', '0'],
    "isomq: option '--random-filter <percent>' argument '0' is invalid. It must be a number from 0.1 to 100.\n",
  ],
  [
    ['sub', '-t', 'a', '--capath', '/nowhere', '-p', '1'],
    "isomq: --capath /nowhere: ENOENT: no such file or directory, scandir '/nowhere'\n",
  ],
  [
    ['sub', '-t', 'a', '--insecure', '--ciphers', 'nonsense', '-p', '1'],
    /^isomq: TLS cannot be set up as the flags say: .*cipher.*\n$/,
  ],
  [['sub', '-o', '/nowhere/o'], "isomq: -o /nowhere/o: ENOENT: no such file or directory, open '/nowhere/o'\n"],
  [['sub', '-t', 'a', '--will-topic', 'w/#'], 'isomq: --will-topic w/#: a message cannot be published to a wildcard\n'],
  [
    ['sub', '-t', 'a', '-t', 'a/#/b', '-T', 'x+'],
    'isomq: -t "a/#/b": is not a topic filter; + stands for a level, # for all at the end\n',
  ],
  [
    ['sub', '-t', 'a', '-T', 'x+'],
    'isomq: -T "x+": is not a topic filter; + stands for a level, # for all at the end\n',
  ],
  [
    ['sub', '-t', 'a', '-x', '5s'],
    "isomq: option '-x, --session-expiry-interval <seconds>' argument '5s' is invalid. It must be a whole number of seconds, or -1 for ever.\n",
  ],
  [
    ['sub', '-L', 'mqtt://me:secret@h:99999/t'],
    'isomq: -L mqtt://…@h:99999/t: is not a URL such as mqtt://localhost/topic\n',
  ],
  [['sub', '-t', 'a', '-F', '%z'], 'isomq: -F: unknown sequence %z\n'],
  [['sub', '-t', 'a', '-D', 'subscribe', 'colour', 'red'], 'isomq: -D subscribe colour red: unknown property colour\n'],
])('%j is refused in one line', async (args, line) => {
  expect(await run(args)).toBe(1)
  if (typeof line === 'string') expect(err).toBe(line)
  else expect(err).toMatch(line)
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
