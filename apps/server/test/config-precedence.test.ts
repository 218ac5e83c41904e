import { defaultFlapping, defaultHistory, defaultLimits, defaultSlowOptions } from '@isomq/kernel'
import { defaultMqttOptions } from '@isomq/protocol-mqtt'
import { describe, expect, test } from 'vitest'
import { load } from './config-dir.ts'

test('without anything the defaults apply', async () => {
  const { rewrite, authenticators: _, ...mqtt } = defaultMqttOptions
  const { config, file } = await load()
  expect(file).toBeUndefined()
  expect(config).toEqual({
    listeners: {
      mqtt: { host: '127.0.0.1', port: 1883 },
      ws: { host: '127.0.0.1', port: 8083, paths: ['/mqtt', '/'] },
      mqtts: false,
      wss: false,
      http: false,
      https: false,
    },
    sites: [],
    allowAnonymous: false,
    authentication: {
      certificate: 'off',
      admins: [],
      jwt: {
        algorithms: ['RS256', 'ES256', 'EdDSA'],
        clockTolerance: 5000,
        usernameClaim: 'sub',
        aclClaim: 'acl',
        adminClaim: 'admin',
      },
      http: { timeout: 5000, cache: 0 },
      scram: { users: [] },
    },
    authorization: { rules: [], otherwise: 'deny' },
    history: defaultHistory,
    sharing: 'round-robin',
    autoSubscribe: [],
    storage: { type: 'lmdb', path: 'data', durability: 'flush', maxBytes: Infinity },
    limits: { ...defaultLimits, ...mqtt, maxKeepAlive: mqtt.maxKeepAlive * 1000 },
    rewrite,
    sys: { interval: 10_000, events: false, node: 'isomq' },
    flapping: { enabled: false, ...defaultFlapping },
    slowSubscriptions: { enabled: false, ...defaultSlowOptions },
    bridges: [],
    metrics: {},
    admin: { enabled: true, origins: [] },
    log: { level: 'info', format: 'text' },
  })
})

describe('flag before environment before file before default', () => {
  const file = { 'isomq.config.yaml': 'listeners:\n  ws:\n    port: 2\n' }
  const env = { ISOMQ_LISTENERS__WS__PORT: '3' }
  const set = { set: ['listeners.ws.port=4'] }
  const flag = { ...set, ws: '127.0.0.1:5' }
  test.each([
    ['default', {}, 8083, 'default', ''],
    ['file', { files: file }, 2, 'file', 'isomq.config.yaml'],
    ['env', { files: file, env }, 3, 'env', 'ISOMQ_LISTENERS__WS__PORT'],
    ['env alone', { env }, 3, 'env', 'ISOMQ_LISTENERS__WS__PORT'],
    ['--set', { files: file, env, flags: set }, 4, 'flag', '--set'],
    ['own flag', { files: file, env, flags: flag }, 5, 'flag', '--ws'],
  ] as const)('%s', async (...[, given, port, kind, name]) => {
    const { config, origin } = await load(given as never)
    expect(config.listeners.ws).toMatchObject({ port, host: '127.0.0.1', paths: ['/mqtt', '/'] })
    expect(origin('listeners.ws.port')).toMatchObject({ kind, name })
    expect(origin('listeners.mqtt.port').kind).toBe('default')
  })
})

test('the source of a value in a file has its line', async () => {
  const yaml = await load({ files: { 'isomq.config.yaml': '# c\nlog:\n  format: json\n  level: debug\n' } })
  expect(yaml.origin('log.level')).toEqual({ kind: 'file', name: 'isomq.config.yaml', line: 4 })
  const json = await load({ files: { 'isomq.config.json': '{\n\t"log": {\n\t\t"level": "warn"\n\t}\n}\n' } })
  expect(json.config.log.level).toBe('warn')
  expect(json.origin('log.level').line).toBe(3)
})

test.each(['ts', 'mts'])(
  'isomq.config.%s is read on every Node, with what it imports and awaits',
  async (extension) => {
    const { config, file } = await load({
      files: {
        [`isomq.config.${extension}`]: `
        import { defineConfig, type ConfigInput } from '@isomq/server'
        import { level, Queue } from './parts/levels.ts'
        const limits: ConfigInput['limits'] = { maxQueued: Queue.Short, sessionExpiry: '7d' }
        export default Promise.resolve(defineConfig({ log: { level: await level<'debug'>('debug') }, limits }))
      `,
        'parts/levels.ts': `
        export enum Queue { Short = 5 }
        export const level = async <T extends string>(value: T): Promise<T> => value
      `,
      },
    })
    expect(file).toBe(`isomq.config.${extension}`)
    expect([config.log.level, config.limits.maxQueued, config.limits.sessionExpiry]).toEqual(['debug', 5, 604_800_000])
  },
)

test('a listener that was switched off is on again when something in it is set with more say', async () => {
  const files = { 'isomq.config.yaml': 'listeners: { mqtt: false }' }
  expect((await load({ files })).config.listeners.mqtt).toBe(false)
  expect((await load({ files, env: { ISOMQ_LISTENERS__MQTT__PORT: '7' } })).config.listeners.mqtt).toEqual({
    host: '127.0.0.1',
    port: 7,
  })
  const off = await load({ files: { 'isomq.config.yaml': 'listeners: { mqtt: { port: 9 } }' }, flags: { mqtt: 'off' } })
  expect(off.config.listeners.mqtt).toBe(false)
  expect(off.origin('listeners.mqtt').name).toBe('--mqtt')
})

test('environment names do not care for case and single underscores', async () => {
  const env = { ISOMQ_LIMITS__MAX_QUEUED: '5', isomq_limits__maxPacketSize: '2MiB', ISOMQ_ALLOW_ANONYMOUS: 'true' }
  const { config } = await load({ env })
  expect(config.limits).toMatchObject({ maxQueued: 5, maxPacketSize: 2_097_152 })
  expect(config.allowAnonymous).toBe(true)
})

test('a section can be given as JSON', async () => {
  const { config } = await load({
    env: { ISOMQ_LISTENERS__WS: '{"port":1,"paths":["/x"]}' },
    flags: { set: ['log={"level":"warn"}'] },
  })
  expect(config.listeners.ws).toEqual({ host: '127.0.0.1', port: 1, paths: ['/x'] })
  expect(config.log).toEqual({ level: 'warn', format: 'text' })
})

test('a value where a text is wanted stays a text', async () => {
  const { config } = await load({ flags: { set: ['storage.path=123', 'limits.sessionExpiry=1d'] } })
  expect(config.storage.path).toBe('123')
  expect(config.limits.sessionExpiry).toBe(86_400_000)
})

test('what Kubernetes puts into the environment beside a service called isomq is not ours', async () => {
  const env = {
    ISOMQ_PORT: 'tcp://10.0.0.1:1883',
    ISOMQ_PORT_1883_TCP_ADDR: '10.0.0.1',
    ISOMQ_SERVICE_HOST: '10.0.0.1',
    ISOMQ_SERVICE_PORT_MQTT: '1883',
    ISOMQ_EDGE_SERVICE_HOST: '10.0.0.2',
  }
  await expect(load({ env })).resolves.toBeDefined()
})

test.each([
  ['0.0.0.0:1', '0.0.0.0', 1],
  ['[::1]:2', '::1', 2],
  [':3', '127.0.0.1', 3],
  ['0', '127.0.0.1', 0],
  ['localhost:4', 'localhost', 4],
])('--mqtt %s', async (mqtt, host, port) => {
  const { config } = await load({ flags: { mqtt, allowAnonymous: true } })
  expect(config.listeners.mqtt).toEqual({ host, port })
})

test.each([
  ['js', 'export default { log: { level: "warn" } }'],
  ['mjs', 'export default Promise.resolve({ log: { level: "warn" } })'],
  ['json', '{"log":{"level":"warn"}}'],
  ['yaml', 'log: { level: warn }'],
  ['yml', 'log:\n  level: warn'],
])('reads isomq.config.%s', async (extension, text) => {
  const name = `isomq.config.${extension}`
  const { config, file, origin } = await load({ files: { [name]: text, 'package.json': '{"type":"module"}' } })
  expect(config.log.level).toBe('warn')
  expect(file).toBe(name)
  expect(origin('log.level')).toMatchObject({ kind: 'file', name })
})

test('an empty file is no configuration, a named one goes before the one that is found', async () => {
  expect((await load({ files: { 'isomq.config.yaml': '# nothing\n' } })).config.log.level).toBe('info')
  const files = { 'isomq.config.yaml': 'log: { level: warn }', 'other.json': '{"log":{"level":"error"}}' }
  expect((await load({ files, flags: { config: 'other.json' } })).config.log.level).toBe('error')
})

test('--memory, -v and --log-level', async () => {
  expect((await load({ flags: { memory: true, verbose: true } })).config.log.level).toBe('debug')
  expect((await load({ flags: { logLevel: 'warn', verbose: true } })).config.log.level).toBe('warn')
})
