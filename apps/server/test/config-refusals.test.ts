import { expect, test } from 'vitest'
import { refusals, type Given } from './config-dir.ts'

const yaml = (text: string): Given => ({ files: { 'isomq.config.yaml': text } })
const exposed =
  'can be reached by other machines and nobody has to log in; add --allow-anonymous (allowAnonymous: true) if that is meant'

const cases: [name: string, given: Given, lines: string[]][] = [
  [
    'a wrong value in a file',
    yaml('listeners:\n  ws:\n    port: 70000\n'),
    ['isomq.config.yaml:3: listeners.ws.port must be a whole number, from 0 to 65535, not 70000'],
  ],
  [
    'a wrong value in the environment',
    { env: { ISOMQ_LISTENERS__WS__PORT: 'x' } },
    ['ISOMQ_LISTENERS__WS__PORT: listeners.ws.port must be a whole number, from 0 to 65535, not "x"'],
  ],
  [
    'a wrong value of --set',
    { flags: { set: ['log.level=loud'] } },
    ['--set: log.level must be one of trace, debug, info, warn, error, fatal, silent, not "loud"'],
  ],
  [
    'a wrong value of a flag',
    { flags: { logLevel: 'loud' } },
    ['--log-level: log.level must be one of trace, debug, info, warn, error, fatal, silent, not "loud"'],
  ],
  ['a wrong address', { flags: { ws: 'localhost' } }, ['--ws: must be HOST:PORT or off, not "localhost"']],
  ['sites that are none', { flags: { site: ['app', '/a=x'] } }, ['--site: must be PATH=DIRECTORY, not "app"']],
  [
    'paths of sites that are none, or twice there',
    { flags: { site: ['app=x', '/b/=x', '/c=x', '/c=y', '/../d=x'] } },
    [
      '--site: sites.0.path must be a URL path such as /app, not "app"',
      '--site: sites.1.path must be a URL path such as /app, not "/b/"',
      '--site: sites.3.path (/c) is there twice',
      '--site: sites.4.path must be a URL path such as /app, not "/../d"',
    ],
  ],
  [
    'a wrong duration',
    yaml('limits:\n  connectTimeout: 10 sec'),
    [
      'isomq.config.yaml:2: limits.connectTimeout must be a duration such as 500ms, 10s, 5m or a number of milliseconds, from 1ms to 1h, not "10 sec"',
    ],
  ],
  [
    'a wrong size',
    { env: { ISOMQ_LIMITS__LOG_BYTES: '1M' } },
    [
      'ISOMQ_LIMITS__LOG_BYTES: limits.logBytes must be a size such as 64KiB, 1MiB or a number of bytes, at least 0B, or unlimited, not "1M"',
    ],
  ],
  [
    'unlimited where it is not allowed',
    { flags: { set: ['limits.connectTimeout=unlimited'] } },
    [
      '--set: limits.connectTimeout must be a duration such as 500ms, 10s, 5m or a number of milliseconds, from 1ms to 1h, not "unlimited"',
    ],
  ],
  [
    'a wrong boolean',
    { flags: { set: ['allowAnonymous=yes'] } },
    ['--set: allowAnonymous must be true or false, not "yes"'],
  ],
  [
    'a wrong list',
    { flags: { set: ['listeners.ws.paths=/mqtt'] } },
    ['--set: listeners.ws.paths must be a list of texts, not "/mqtt"'],
  ],
  [
    'no value',
    yaml('log:\n  level:\n'),
    ['isomq.config.yaml:2: log.level must be one of trace, debug, info, warn, error, fatal, silent, not null'],
  ],
  [
    'a listener that is a text',
    yaml('listeners:\n  ws: yes please\n'),
    ['isomq.config.yaml:2: listeners.ws must be false, or have keys such as host and port, not "yes please"'],
  ],
  [
    'an unknown key in a file',
    yaml('listeners:\n  ws:\n    prot: 1\n'),
    ['isomq.config.yaml:3: unknown key listeners.ws.prot; did you mean listeners.ws.port?'],
  ],
  [
    'an unknown key of --set',
    { flags: { set: ['limits.maxQueue=1'] } },
    ['--set: unknown key limits.maxQueue; did you mean limits.maxQueued?'],
  ],
  [
    'an unknown key in the environment',
    { env: { ISOMQ_LISTENERS__WSS__POTR: '1' } },
    ['ISOMQ_LISTENERS__WSS__POTR: unknown key; did you mean ISOMQ_LISTENERS__WSS__PORT (listeners.wss.port)?'],
  ],
  [
    'a name every object has',
    yaml('constructor: 1\nlog: { __proto__: { level: debug } }'),
    [
      'isomq.config.yaml:1: unknown key constructor; did you mean history?',
      'isomq.config.yaml:2: unknown key log.__proto__; did you mean log.format?',
    ],
  ],
  ['--set without a value', { flags: { set: ['log.level'] } }, ['--set log.level: must look like path.to.key=value']],
  [
    'TLS without certificate',
    { flags: { mqtts: '127.0.0.1:1' } },
    ['--mqtts: listeners.mqtts.cert is required', '--mqtts: listeners.mqtts.key is required'],
  ],
  [
    'client certificates without authorities',
    { flags: { set: ['listeners.wss={"cert":"c","key":"k","requestCert":true}'] } },
    ['--set: listeners.wss.ca is required with requestCert: it says whose certificates are good'],
  ],
  ['two storages', { flags: { data: 'd', memory: true } }, ['--data: cannot go together with --memory']],
  [
    'a pause above the limit',
    { flags: { set: ['limits.unsentLimit=1KiB'] } },
    ['--set: limits.unsentPause (512KiB) must not be above limits.unsentLimit (1KiB)'],
  ],
  [
    'a keep alive of less than a second',
    { flags: { set: ['limits.maxKeepAlive=500'] } },
    ['--set: limits.maxKeepAlive must be whole seconds'],
  ],
  [
    'a wrong strategy',
    { env: { ISOMQ_SHARING: 'hash' } },
    [
      'ISOMQ_SHARING: sharing must be one of round-robin, random, sticky, hash-client, hash-topic, least-inflight, not "hash"',
    ],
  ],
  [
    'auto-subscriptions that are no list',
    yaml('autoSubscribe: a/b'),
    ['isomq.config.yaml:1: autoSubscribe must be a list, not "a/b"'],
  ],
  [
    'auto-subscriptions with wrong keys and values',
    yaml(
      'allowAnonymous: true\nautoSubscribe:\n  - { filter: a, qos: 3 }\n  - { filtre: a }\n  - a\n  - { filter: "" }\n',
    ),
    [
      'isomq.config.yaml:3: autoSubscribe.0.qos must be one of 0, 1, 2, not 3',
      'isomq.config.yaml:4: autoSubscribe.1.filter is required',
      'isomq.config.yaml:4: autoSubscribe.1.filtre must be one of filter, qos, noLocal, retainAsPublished, retainHandling, not "filtre"',
      'isomq.config.yaml:5: autoSubscribe.2 must have keys, out of filter, qos, noLocal, retainAsPublished, retainHandling, not "a"',
      'isomq.config.yaml:6: autoSubscribe.3.filter must be a text of at least one character, not ""',
    ],
  ],
  [
    'auto-subscriptions that nobody can have',
    yaml(
      'limits: { sharedSubscriptions: false }\nautoSubscribe:\n  - filter: a/#/b\n  - filter: a/${clientID}\n  - filter: $queue/a\n',
    ),
    [
      'isomq.config.yaml:3: autoSubscribe.0.filter (a/#/b) can never be subscribed to: it is not a filter',
      'isomq.config.yaml:4: autoSubscribe.1.filter (a/${clientID}) can never be subscribed to: ${clientID} stands for nothing',
      'isomq.config.yaml:5: autoSubscribe.2.filter ($queue/a) can never be subscribed to: shared subscriptions are off',
    ],
  ],
  ['all interfaces', { flags: { mqtt: '0.0.0.0:1883' } }, [`--mqtt: listeners.mqtt.host 0.0.0.0 ${exposed}`]],
  [
    'all interfaces, v6',
    { env: { ISOMQ_LISTENERS__WS__HOST: '::' } },
    [`ISOMQ_LISTENERS__WS__HOST: listeners.ws.host :: ${exposed}`],
  ],
  [
    'a name',
    yaml('listeners:\n  mqtt:\n    host: example.com'),
    [`isomq.config.yaml:3: listeners.mqtt.host example.com ${exposed}`],
  ],
  ['HTTP for all', { flags: { http: ':::1' } }, ['--http: must be HOST:PORT or off, not ":::1"']],
  ['HTTP on all interfaces', { flags: { http: '0.0.0.0:1' } }, [`--http: listeners.http.host 0.0.0.0 ${exposed}`]],
  ['no listener', { flags: { mqtt: 'off', ws: 'off' } }, ['--mqtt: listeners are all off: nobody could connect']],
  ['a missing file', { flags: { config: 'no.yaml' } }, ['no.yaml: there is no such file']],
  ['a missing module', { flags: { config: 'no.mjs' } }, ['no.mjs: there is no such file']],
  [
    'a file of another kind',
    { flags: { config: 'isomq.toml' } },
    ['isomq.toml: must end in .json, .yaml, .yml, .ts, .mts, .js, .mjs'],
  ],
  [
    'two files',
    { files: { 'isomq.config.json': '{}', 'isomq.config.yaml': '' } },
    ['isomq.config.json and isomq.config.yaml: there is more than one; keep one, or choose it with --config'],
  ],
  ['a list', yaml('- 1'), ['isomq.config.yaml: must hold keys and values']],
  [
    'a module without default export',
    { files: { 'isomq.config.mjs': 'export const a = 1' } },
    ['isomq.config.mjs: must have the configuration as its default export'],
  ],
  [
    'a module that throws',
    { files: { 'isomq.config.mjs': 'throw new Error("no\\nway")' } },
    ['isomq.config.mjs:1: cannot be read: no'],
  ],
  [
    'YAML that is none',
    yaml('log:\n  level: [debug\n'),
    ['isomq.config.yaml:3: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ],
  ['a key that is there twice', yaml('log: {}\nlog: {}\n'), ['isomq.config.yaml:2: Map keys must be unique']],
  [
    'a filter of the history that is none',
    yaml('history:\n  filters:\n    - a/#\n    - a/#/b\n'),
    ['isomq.config.yaml:4: history.filters.1 (a/#/b) is no topic filter'],
  ],
  [
    'rules that are none',
    yaml('rewrite:\n  action: all\n'),
    ['isomq.config.yaml:1: rewrite must be a list, not {"action":"all"}'],
  ],
  [
    'a rule without a target, of an unknown action and with a key too many',
    yaml('rewrite:\n  - action: al\n    source: x/#\n    regex: 1\n    targte: y\n'),
    [
      'isomq.config.yaml:2: rewrite.0.action must be one of publish, subscribe, all, not "al"',
      'isomq.config.yaml:4: rewrite.0.regex must be a text, not 1',
      'isomq.config.yaml:2: rewrite.0.target is required',
      'isomq.config.yaml:5: rewrite.0.targte must be one of action, source, regex, target, not "targte"',
    ],
  ],
  [
    'rules that are wrong in themselves',
    yaml(
      `limits: {}
rewrite:
  - { action: all, source: x/#, regex: '^x/(.+)$', target: y/$1 }
  - action: all
    source: x/#/y
    regex: '^x/(.+)$'
    target: y/$1
  - action: publish
    source: x/#
    regex: '^x/(.+$'
    target: y/$1
  - action: all
    source: x/#
    regex: '^(x+)+$'
    target: y
  - action: subscribe
    source: x/#
    regex: '^x$'

    target: y/$1
`,
    ),
    [
      'isomq.config.yaml:5: rewrite.1.source must be a topic filter',
      'isomq.config.yaml:10: rewrite.2.regex is not a regular expression: Unterminated group',
      'isomq.config.yaml:14: rewrite.3.regex must not repeat what repeats in itself',
      'isomq.config.yaml:20: rewrite.4.target has $1, but the regex has 0 groups',
    ],
  ],
  [
    'a rule in the environment',
    { env: { ISOMQ_REWRITE: '[{"action":"all","source":"","regex":"","target":"y"}]' } },
    ['ISOMQ_REWRITE: rewrite.0.source must be a topic filter'],
  ],
  [
    'all at once',
    { ...yaml('log:\n  level: loud\n  lvl: x\n'), env: { ISOMQ_LIMITS__RETAINED: '-1' }, flags: { ws: 'x' } },
    [
      'isomq.config.yaml:3: unknown key log.lvl; did you mean log.level?',
      '--ws: must be HOST:PORT or off, not "x"',
      'ISOMQ_LIMITS__RETAINED: limits.retained must be a whole number, at least 0, or unlimited, not -1',
      'isomq.config.yaml:2: log.level must be one of trace, debug, info, warn, error, fatal, silent, not "loud"',
    ],
  ],
]

test.each(cases)('%s', async (_, given, lines) => expect(await refusals(given)).toEqual(lines))

test.each(['127.0.0.1', '127.9.9.9', 'localhost', '::1', '::ffff:127.0.0.1', '0:0:0:0:0:0:0:1'])(
  '%s is this machine alone',
  async (host) => expect(await refusals({ env: { ISOMQ_LISTENERS__MQTT__HOST: host } })).toEqual([]),
)

test.each(['0.0.0.0', '10.0.0.1', '::', 'fe80::1', '127.example.com', '128.0.0.1', 'localhost.example.com'])(
  '%s can be reached from elsewhere',
  async (host) => expect(await refusals({ env: { ISOMQ_LISTENERS__MQTT__HOST: host } })).toHaveLength(1),
)

test('with --allow-anonymous, or where clients must show a certificate, other machines may come', async () => {
  expect(await refusals({ flags: { mqtt: '0.0.0.0:1', allowAnonymous: true } })).toEqual([])
  const tls = 'listeners.mqtts={"host":"0.0.0.0","cert":"c","key":"k","ca":"a","requestCert":true}'
  expect(await refusals({ flags: { set: [tls] } })).toEqual([])
})

test('what is wrong by default beside something is told to who set that last', async () => {
  const given = {
    ...yaml('limits:\n  unsentLimit: 2KiB\n  retained: 5\n'),
    env: { ISOMQ_LIMITS__UNSENT_LIMIT: '1KiB' },
  }
  expect(await refusals(given)).toEqual([
    'ISOMQ_LIMITS__UNSENT_LIMIT: limits.unsentPause (512KiB) must not be above limits.unsentLimit (1KiB)',
  ])
})

test('keys where a value belongs', async () => {
  const [line, ...more] = await refusals(yaml('log:\n  level: { a: 1 }'))
  expect(line).toMatch(/^isomq\.config\.yaml:2: log\.level must be one of .*, not \{"a":1\}$/)
  expect(more).toEqual([])
})

test('JSON files must be JSON', async () => {
  const [line] = await refusals({ files: { 'isomq.config.json': '{ log: { level: "warn" } }' } })
  expect(line).toMatch(/^isomq\.config\.json:1: is not valid JSON: /)
})

test.each([
  ['{\n  "log": {},\n}', 3],
  ['{\n  "log": {\n', 2],
])('a fault in JSON is told with its line: %j', async (text, at) => {
  const [line, ...more] = await refusals({ files: { 'isomq.config.json': text } })
  expect(line).toMatch(new RegExp(`^isomq\\.config\\.json:${at}: \\S`))
  expect(more).toEqual([])
})

test.each(['new Map()', 'new Date(0)', '() => ({})', "'text'"])('%s is no configuration', async (value) => {
  const lines = await refusals({ files: { 'isomq.config.mjs': `export default ${value}` } })
  expect(lines).toEqual(['isomq.config.mjs: must hold keys and values'])
})

const typescript = (text: string, name = 'isomq.config.ts'): Given => ({ files: { [name]: text } })

test.each<[name: string, given: Given, lines: string[]]>([
  [
    'a wrong value in TypeScript',
    typescript("const level: string = 'loud'\nexport default { log: { level } }"),
    ['isomq.config.ts: log.level must be one of trace, debug, info, warn, error, fatal, silent, not "loud"'],
  ],
  [
    'TypeScript that is none',
    typescript('export default {\n  log: { level: ]\n}'),
    ['isomq.config.ts:2: cannot be read: Unexpected token'],
  ],
  [
    'TypeScript that throws',
    typescript('function read(): never {\n  throw new Error("no\\nway")\n}\nexport default read()'),
    ['isomq.config.ts:2: cannot be read: no'],
  ],
  [
    'TypeScript that imports what is not there',
    typescript(
      "import type { Config } from '@isomq/server'\n\nimport { x } from './other.ts'\nexport default x as Config",
    ),
    ["isomq.config.ts:3: cannot be read: Cannot find module './other.ts'"],
  ],
  [
    'TypeScript without default export',
    typescript('export const log = {}', 'isomq.config.mts'),
    ['isomq.config.mts: must have the configuration as its default export'],
  ],
])('%s', async (_, given, lines) => expect(await refusals(given)).toEqual(lines))

test('a fault in what TypeScript imports is told with its own file', async () => {
  const [line, ...more] = await refusals({
    files: { 'isomq.config.ts': "export { default } from './part.ts'", 'part.ts': '\nexport default oops as object' },
  })
  expect(line).toMatch(/^\/.*\/part\.ts:2: cannot be read: oops is not defined$/)
  expect(more).toEqual([])
})
