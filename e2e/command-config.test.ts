import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { isomq, plainEnv } from './support/isomq.ts'
import { connectJs } from './support/mqtt-js.ts'
import { temporaryDirectory } from './support/temporary.ts'

const verifier =
  'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='

/** Another value than the default for every documented key, as `config print` shows it. */
const values: Readonly<Record<string, string>> = {
  'listeners.mqtt.host': '"127.0.0.2"',
  'listeners.mqtt.port': '1884',
  'listeners.ws.host': '"::1"',
  'listeners.ws.port': '8085',
  'listeners.ws.paths': '["/a","/b"]',
  'listeners.ws.origins': '["https://example.com"]',
  'listeners.mqtts.host': '"127.0.0.3"',
  'listeners.mqtts.port': '8884',
  'listeners.mqtts.cert': '"c.pem"',
  'listeners.mqtts.key': '"k.pem"',
  'listeners.mqtts.ca': '"a.pem"',
  'listeners.mqtts.requestCert': 'true',
  'listeners.wss.host': '"localhost"',
  'listeners.wss.port': '8086',
  'listeners.wss.paths': '["/c"]',
  'listeners.wss.origins': '["https://example.org"]',
  'listeners.wss.cert': '"c.pem"',
  'listeners.wss.key': '"k.pem"',
  'listeners.wss.ca': '"a.pem"',
  'listeners.wss.requestCert': 'true',
  'listeners.http.host': '"127.0.0.4"',
  'listeners.http.port': '18084',
  'listeners.http.origins': '["https://example.net"]',
  'listeners.https.host': '"127.0.0.5"',
  'listeners.https.port': '18085',
  'listeners.https.origins': '["https://example.edu"]',
  'listeners.https.cert': '"c.pem"',
  'listeners.https.key': '"k.pem"',
  'listeners.https.ca': '"a.pem"',
  'listeners.https.requestCert': 'true',
  'listeners.mqtts.alpn': '["mqtt"]',
  'listeners.mqtt.proxyProtocol': 'true',
  'listeners.ws.proxyProtocol': 'true',
  'listeners.mqtts.proxyProtocol': 'true',
  'listeners.wss.proxyProtocol': 'true',
  'listeners.http.proxyProtocol': 'true',
  'listeners.https.proxyProtocol': 'true',
  sites: '[{"path":"/app","directory":"web"}]',
  allowAnonymous: 'true',
  'authentication.passwordFile': '"passwords"',
  'authentication.certificate': '"cn"',
  'authentication.admins': '["root"]',
  'authentication.jwt.secretFile': '"secret"',
  'authentication.jwt.publicKeyFile': '"key.pem"',
  'authentication.jwt.jwks': '"https://example.com/keys"',
  'authentication.jwt.algorithms': '["ES256"]',
  'authentication.jwt.issuer': '"us"',
  'authentication.jwt.audience': '"mqtt"',
  'authentication.jwt.clockTolerance': '7s',
  'authentication.jwt.usernameClaim': '"name"',
  'authentication.jwt.aclClaim': '"rules"',
  'authentication.jwt.adminClaim': '"root"',
  'authentication.http.url': '"http://127.0.0.1:1/"',
  'authentication.http.timeout': '2s',
  'authentication.http.cache': '1m',
  'authorization.file': '"acl"',
  'authorization.rules': '[{"effect":"allow","publish":["a"]}]',
  'authorization.otherwise': '"allow"',
  'authentication.scram.users': JSON.stringify([{ username: 'ann', verifier }]),
  'storage.type': '"memory"',
  'storage.durability': '"os"',
  'storage.path': '"elsewhere"',
  'storage.maxBytes': '1GiB',
  sharing: '"least-inflight"',
  autoSubscribe: '[{"filter":"a/${clientid}","qos":1}]',
  'limits.topicLevels': '7',
  'limits.logAge': '2d',
  'limits.subscriptions': '8',
  'limits.maxQueued': '9',
  'limits.queuedBytes': '2KiB',
  'limits.inflight': '5',
  'limits.sessionExpiry': '1h',
  'limits.sessions': '10',
  'limits.retained': '11',
  'limits.retainedBytes': '1MiB',
  'limits.delayed': '20',
  'limits.delayedBytes': '6KiB',
  'limits.logBytes': '2MiB',
  'limits.topicLength': '100B',
  'limits.bans': '14',
  'limits.connections': '15',
  'limits.connectionsPerAddress': '16',
  'limits.connectRate': '17',
  'limits.publishRate': '18',
  'limits.publishByteRate': '5KiB',
  'limits.memory': '1GiB',
  'limits.overRate': '"disconnect"',
  'limits.maxPacketSize': '3MiB',
  'limits.connectPacketSize': '1KiB',
  'limits.receiveMaximum': '12',
  'limits.topicAliasMaximum': '13',
  'limits.connectTimeout': '3s',
  'limits.maxKeepAlive': '1m',
  'limits.clientIdLength': '30',
  'limits.maximumQos': '1',
  'limits.retainAvailable': 'false',
  'limits.sharedSubscriptions': 'false',
  'limits.exclusiveSubscriptions': 'false',
  'limits.delayedPublish': 'false',
  'limits.responseInformation': 'false',
  'limits.unsentPause': '1KiB',
  'limits.unsentLimit': '4KiB',
  'limits.stallTimeout': '40s',
  'history.filters': '["a/#"]',
  'history.maxBytes': '64MiB',
  'history.maxAge': '2h',
  bridges:
    '[{"name":"n","url":"mqtt://127.0.0.1:1","topics":["a/#"],"keepAlive":20000,"minBackoff":2000,"maxBackoff":3000,"maxBytes":1000,"ttl":60000,"insecure":true}]',
  'admin.enabled': 'false',
  'admin.origins': '["https://admin.example"]',
  'metrics.tokenFile': '"token"',
  rewrite: '[{"action":"all","source":"a/#","regex":"^a/(.*)$","target":"b/$1"}]',
  'sys.interval': '20s',
  'sys.events': 'true',
  'sys.node': '"n1"',
  'flapping.enabled': 'true',
  'flapping.maxConnects': '19',
  'flapping.window': '2m',
  'flapping.banFor': '3h',
  'slowSubscriptions.enabled': 'true',
  'slowSubscriptions.threshold': '50ms',
  'slowSubscriptions.top': '20',
  'slowSubscriptions.expireAfter': '4m',
  'log.level': '"warn"',
  'log.format': '"json"',
}

const readme = readFileSync(new URL('../apps/server/README.md', import.meta.url), 'utf8')
const sections: ReadonlySet<string> = new Set(
  ['mqtt', 'ws', 'mqtts', 'wss', 'http', 'https'].map((name) => `listeners.${name}`),
)
const documented = [...readme.matchAll(/^\| `([a-z]\w*(?:\.\w+)*)` +\|/gm)].map(([, key = '']) => key)

/** `key = value  # source` as keys. */
function printed(text: string): Map<string, { value: string; source: string }> {
  const lines = [...text.matchAll(/^(\S+) = (.*?) +# (.*)$/gm)]
  return new Map(lines.map(([, key = '', value = '', source = '']) => [key, { value, source }]))
}

/** The value as one writes it: texts without quotes, too. */
const written = (value: string): string => (value.startsWith('"') ? (JSON.parse(value) as string) : value)

test('every documented key can be set by --set, by the environment and in a file, and is in force', async () => {
  expect(documented.filter((key) => !sections.has(key)).toSorted()).toEqual(Object.keys(values).toSorted())
  const flags = Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${written(value)}`])
  const env = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`ISOMQ_${key.replaceAll('.', '__').toUpperCase()}`, written(value)]),
  )
  const directory = temporaryDirectory()
  const file: Section = {}
  for (const [key, value] of Object.entries(values)) put(file, key.split('.'), parsed(value))
  writeFileSync(join(directory, 'c.json'), JSON.stringify(file))
  for (const [source, args, more] of [
    ['--set', flags, {}],
    ['ISOMQ_', [], env],
    ['c.json:', ['--config', 'c.json'], {}],
  ] as const) {
    const { code, stdout, stderr } = await isomq(['config', 'print', ...args], { env: plainEnv(more), cwd: directory })
    expect([code, stderr]).toEqual([0, ''])
    const rows = printed(stdout)
    expect(Object.fromEntries([...rows].map(([key, { value }]) => [key, value]))).toEqual({
      ...values,
      'authentication.scram.users': '[{"username":"ann","verifier":"(hidden)"}]',
    })
    expect([...rows].filter(([, row]) => !row.source.startsWith(source))).toEqual([])
  }
})

interface Section {
  [name: string]: unknown
}

function put(section: Section, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) section[name] = value
  else put((section[name] ??= {}) as Section, rest, value)
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

test('what is printed without flags is what the documentation calls the default', async () => {
  const { stdout } = await isomq(['config', 'print', '--json'], { cwd: temporaryDirectory() })
  const inForce = JSON.parse(stdout) as Record<string, { value: unknown; source: string }>
  expect(Object.values(inForce).every(({ source }) => source === 'default')).toBe(true)
  const plain = printed((await isomq(['config', 'print'], { cwd: temporaryDirectory() })).stdout)
  const rows = [...readme.matchAll(/^\| `([a-z]\w*(?:\.\w+)*)` +\|[^|]+\| `([^`]+)` +\|/gm)]
  expect(rows.length).toBeGreaterThan(30)
  for (const [, key = '', fallback] of rows) {
    // A listener that is on has its keys printed, one that is off only that.
    if (!sections.has(key) && !/^listeners\.(mqtts|wss|https?)/.test(key))
      expect([key, plain.get(key)?.value]).toEqual([key, fallback])
  }
  expect(['mqtts', 'wss'].map((name) => plain.get(`listeners.${name}`)?.value)).toEqual(['false', 'false'])
})

test('every problem is told, one a line, with exit code 1; check and serve say the same', async () => {
  const cwd = temporaryDirectory()
  writeFileSync(join(cwd, 'isomq.config.yaml'), 'limits:\n  maxPacketSize: big\n  nonsense: 1\nlog:\n  level: loud\n')
  const lines = [
    'isomq: isomq.config.yaml:3: unknown key limits.nonsense; did you mean limits.sessions?',
    'isomq: --set limits: must look like path.to.key=value',
    'isomq: isomq.config.yaml:2: limits.maxPacketSize must be a size such as 64KiB, 1MiB or a number of bytes, from 128B to 268435460B, not "big"',
    'isomq: isomq.config.yaml:5: log.level must be one of trace, debug, info, warn, error, fatal, silent, not "loud"',
  ]
  for (const command of [['config', 'check'], ['config', 'print'], ['serve']]) {
    const { code, stdout, stderr } = await isomq([...command, '--set', 'limits'], { cwd })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.trim().split('\n')).toEqual(lines)
  }
})

test('a right configuration is confirmed in one line', async () => {
  const cwd = temporaryDirectory()
  expect(await isomq(['config', 'check'], { cwd })).toMatchObject({
    code: 0,
    stdout: 'no configuration file: ok\n',
    stderr: '',
  })
  writeFileSync(join(cwd, 'isomq.config.mjs'), "export default { limits: { maxQueued: 5, sessionExpiry: '7d' } }")
  expect(await isomq(['config', 'check'], { cwd })).toMatchObject({
    code: 0,
    stdout: 'isomq.config.mjs: ok\n',
    stderr: '',
  })
  const print = printed((await isomq(['config', 'print'], { cwd })).stdout)
  expect([print.get('limits.maxQueued'), print.get('limits.sessionExpiry')]).toEqual([
    { value: '5', source: 'isomq.config.mjs' },
    { value: '7d', source: 'isomq.config.mjs' },
  ])
  expect(await isomq(['config', 'check', 'missing.yaml'], { cwd })).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'isomq: missing.yaml: there is no such file\n',
  })
})

test('a configuration in TypeScript is read on every Node; a fault in a module is told with its line', async () => {
  const cwd = temporaryDirectory()
  mkdirSync(join(cwd, 'parts'))
  writeFileSync(join(cwd, 'parts', 'limits.ts'), 'export const limits: { maxQueued: number } = { maxQueued: 5 }\n')
  const config = [
    "import { defineConfig } from '@isomq/server'",
    "import { limits } from './parts/limits.ts'",
    "export default defineConfig({ limits, log: { level: 'debug' as const } })",
  ]
  writeFileSync(join(cwd, 'isomq.config.ts'), config.join('\n'))
  const { code, stdout, stderr } = await isomq(['config', 'print'], { cwd })
  expect([code, stderr]).toEqual([0, ''])
  expect(printed(stdout).get('limits.maxQueued')).toEqual({ value: '5', source: 'isomq.config.ts' })
  for (const [name, text, fault] of [
    ['a.ts', 'export default {\n  log: { level: ]\n}', 'a.ts:2: cannot be read: Unexpected token'],
    ['b.mts', 'const a: number = 1\n\nthrow new Error(`no ${a}`)', 'b.mts:3: cannot be read: no 1'],
    [
      'c.ts',
      "\nimport { x } from './nope.ts'\nexport default x",
      "c.ts:2: cannot be read: Cannot find module './nope.ts'",
    ],
    ['d.mjs', 'export default {\n  log: { level: ]\n}', 'd.mjs:2: cannot be read: Unexpected token'],
    ['e.mjs', '\nthrow new Error("no")', 'e.mjs:2: cannot be read: no'],
    ['f.mjs', '\n\nimport "./nope.mjs"', "f.mjs:3: cannot be read: Cannot find module './nope.mjs'"],
  ] as const) {
    writeFileSync(join(cwd, name), text)
    const checked = await isomq(['config', 'check', name], { cwd })
    expect([checked.code, checked.stdout]).toEqual([1, ''])
    expect(checked.stderr).toBe(`isomq: ${fault}\n`)
  }
})

test('flag before environment before file', async () => {
  const cwd = temporaryDirectory()
  writeFileSync(join(cwd, 'isomq.config.json'), JSON.stringify({ limits: { retained: 1, sessions: 1, maxQueued: 1 } }))
  const env = plainEnv({ ISOMQ_LIMITS__SESSIONS: '2', ISOMQ_LIMITS__MAX_QUEUED: '2' })
  const { stdout } = await isomq(['config', 'print', '--set', 'limits.maxQueued=3'], { cwd, env })
  const print = printed(stdout)
  expect(['retained', 'sessions', 'maxQueued'].map((name) => print.get(`limits.${name}`)?.value)).toEqual([
    '1',
    '2',
    '3',
  ])
})

test('a broker with every limit set starts and serves', async () => {
  const keys = Object.entries(values).filter(([key]) =>
    /^(limits|log|allowAnonymous|listeners\.ws\.(paths|origins))/.test(key),
  )
  const broker = await startBroker(keys.flatMap(([key, value]) => ['--set', `${key}=${written(value)}`]))
  const { connack } = await connectJs(broker.urls['mqtt'], { keepalive: 0 })
  expect(connack.properties).toMatchObject({
    receiveMaximum: 12,
    topicAliasMaximum: 13,
    maximumPacketSize: 3 * 1024 * 1024,
    serverKeepAlive: 60,
  })
  const { code, stderr } = await broker.stop()
  expect(code).toBe(0)
  for (const line of stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level')
})
