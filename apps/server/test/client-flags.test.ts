import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { backoff } from '../src/client/backoff.ts'
import { readProperties, takeProperties } from '../src/client/properties.ts'
import { readLines } from '../src/client/read-lines.ts'
import { readTarget, targetUrl } from '../src/client/target.ts'
import { connectPacket, type ClientFlags } from '../src/commands/client-flags.ts'
import {
  expiry,
  integer,
  percent,
  protocolVersion,
  retainHandling,
  seconds,
  tlsVersion,
} from '../src/commands/parse.ts'

const flags = (change: Partial<ClientFlags> = {}): ClientFlags => ({
  keepalive: 60,
  protocolVersion: 5,
  qos: 0,
  ...change,
})
const properties = (...groups: string[][]): ReturnType<typeof readProperties> => readProperties(groups)

test.each([
  [{}, 'mqtt://localhost:1883'],
  [{ host: 'h', port: 1 }, 'mqtt://h:1'],
  [{ tls: true }, 'mqtts://localhost:8883'],
  [{ ws: true }, 'ws://localhost:8083/mqtt'],
  [{ ws: true, tls: true, path: '/x' }, 'wss://localhost:8084/x'],
  [{ host: '::1' }, 'mqtt://[::1]:1883'],
  [{ url: 'mqtt://h' }, 'mqtt://h:1883'],
  [{ url: 'mqtts://h/t' }, 'mqtts://h:8883'],
  [{ url: 'ws://h' }, 'ws://h:80/mqtt'],
  [{ url: 'wss://h:8084/x?y=1' }, 'wss://h:8084/x?y=1'],
  [{ url: 'mqtt://[::1]:5' }, 'mqtt://[::1]:5'],
  [{ port: 8883 }, 'mqtts://localhost:8883'],
  [{ port: 8883, ws: true }, 'ws://localhost:8883/mqtt'],
  [{ unix: '/run/x.sock' }, 'unix:/run/x.sock'],
])('%j connects to %s', (given, url) => expect(targetUrl(readTarget(given))).toBe(url))

test('a URL tells user, password and topic, wildcards included', () => {
  expect(readTarget({ url: 'mqtt://u%40x:p%3A@h/a/+/b%20c/#' })).toMatchObject({
    username: 'u@x',
    password: 'p:',
    topic: 'a/+/b c/#',
  })
  expect(readTarget({ url: 'ws://h/mqtt' }).topic).toBeUndefined()
})

test.each([
  ['h:1', '-L h:1: must begin with mqtt://, mqtts://, ws:// or wss://'],
  ['http://h', '-L http://h: must begin with mqtt://, mqtts://, ws:// or wss://'],
  ['mqtt', '-L mqtt: is not a URL such as mqtt://localhost/topic'],
  ['mqtt://h/%', '-L mqtt://h/%: is not a URL such as mqtt://localhost/topic'],
])('-L %s is refused', (url, message) => expect(() => readTarget({ url })).toThrow(message))

test.each([
  [{ disableCleanSession: true }, [], '-c needs a client id: give one with -i'],
  [{ id: 'a', idPrefix: 'b' }, [], '-i and -I cannot go together'],
  [{ protocolVersion: 4 }, [['publish', 'content-type', 'x']], '-D needs MQTT 5 (-V 5)'],
  [{ protocolVersion: 4, sessionExpiryInterval: 1 }, [], '-x needs MQTT 5 (-V 5)'],
  [{ protocolVersion: 3, pw: 'x' }, [], '-P needs -u before MQTT 5'],
  [{ willRetain: true }, [], 'a will needs --will-topic'],
  [{ cert: 'x' }, [], '--cert and --key go together'],
] as const)('%j %j is refused', (change, groups, message) =>
  expect(() => connectPacket(flags(change), readProperties(groups), 'pub')).toThrow(message),
)

test('CONNECT carries what the flags say', () => {
  const will = properties(['will', 'will-delay-interval', '5'], ['connect', 'receive-maximum', '7'])
  const all = flags({
    id: 'me',
    username: 'u',
    pw: 'p',
    disableCleanSession: true,
    willTopic: 'w',
    willPayload: 'gone',
    willQos: 1,
  })
  expect(connectPacket(all, will, 'sub')).toEqual({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId: 'me',
    clean: false,
    keepalive: 60,
    username: 'u',
    password: Buffer.from('p'),
    will: { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: false, properties: { willDelayInterval: 5 } },
    properties: { sessionExpiryInterval: 0xffffffff, receiveMaximum: 7 },
  })
  const old = connectPacket(flags({ protocolVersion: 3 }), new Map(), 'sub')
  expect(old).toMatchObject({ protocolId: 'MQIsdp', protocolVersion: 3, clean: true })
  expect(old.properties).toBeUndefined()
  expect(old.clientId).toMatch(/^isomq-sub-[0-9a-f]{8}$/)
  expect(connectPacket(flags({ url: 'mqtt://u:p@h' }), new Map(), 'x')).toMatchObject({
    username: 'u',
    password: Buffer.from('p'),
  })
  expect(connectPacket(flags({ idPrefix: 'x-' }), new Map(), 'x').clientId).toBe(`x-${process.pid}`)
})

test('-D takes as many values as the property has, and no value of another flag', () => {
  const args = [
    'pub',
    '-m',
    '-D',
    '-D',
    'publish',
    'user-property',
    'k',
    '-D',
    '-r',
    '-D',
    'publish',
    'content-type',
    'x',
    '-n',
  ]
  expect(takeProperties(args, (flag) => flag === '-m')).toEqual({
    rest: ['pub', '-m', '-D', '-r', '-n'],
    groups: [
      ['publish', 'user-property', 'k', '-D'],
      ['publish', 'content-type', 'x'],
    ],
  })
})

test('properties are read by their kind', () => {
  const read = properties(
    ['publish', 'user-property', '__proto__', 'v'],
    ['publish', 'user-property', '__proto__', 'w'],
    ['publish', 'correlation-data', 'cd'],
    ['publish', 'payload-format-indicator', '1'],
    ['subscribe', 'subscription-identifier', '9'],
  )
  const publish = read.get('publish')
  expect(Object.entries(publish?.['userProperties'] ?? {})).toEqual([['__proto__', ['v', 'w']]])
  expect(publish).toMatchObject({ correlationData: Buffer.from('cd'), payloadFormatIndicator: true })
  expect(read.get('subscribe')).toEqual({ subscriptionIdentifier: 9 })
})

test.each([
  [['publish', 'colour', 'red'], '-D publish colour red: unknown property colour'],
  [
    ['connect', 'content-type', 'x'],
    '-D connect content-type x: content-type is a property of publish, will, not of connect',
  ],
  [['publish', 'user-property', 'k'], '-D publish user-property k: needs a name and a value'],
  [['publish', 'content-type'], '-D publish content-type: needs a value'],
  [['publish', 'message-expiry-interval', '1s'], '-D publish message-expiry-interval 1s: must be a whole number'],
  [['publish', 'payload-format-indicator', '2'], '-D publish payload-format-indicator 2: must be 0 or 1'],
  [['publish'], '-D publish: unknown property (none given)'],
])('%j is refused', (group, message) => expect(() => readProperties([group])).toThrow(message))

test('lines are split at line feeds whatever the chunks and the encoding', async () => {
  const chunks = [Buffer.from('ab\n\nc\u00ff'), Buffer.from('d\r\n'), Buffer.from([0xff, 10]), Buffer.from('end')]
  const lines: string[] = []
  for await (const line of readLines(Readable.from(chunks))) lines.push(line.toString('latin1'))
  expect(lines).toEqual(['ab', 'c\u00c3\u00bfd\r', '\u00ff', 'end'])
})

test('delays double from one second to half a minute, each cut by chance, and begin anew', () => {
  const delays = backoff(() => 1)
  expect(Array.from({ length: 7 }, () => delays.next())).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  delays.reset()
  expect(delays.next()).toBe(1000)
  expect(backoff(() => 0).next()).toBe(500)
})

test('values of flags', () => {
  expect(['5', 'mqttv5', '311', '3.1.1', '4', 'mqttv31', '3'].map(protocolVersion)).toEqual([5, 5, 4, 4, 4, 3, 3])
  expect(() => protocolVersion('6')).toThrow('It must be 5, 3.1.1 or 3.1')
  expect([expiry('-1'), expiry('∞'), expiry('60')]).toEqual([0xffffffff, 0xffffffff, 60])
  expect([seconds('0.5'), integer(0, 2)('2')]).toEqual([0.5, 2])
  expect([percent('0.1'), percent('100')]).toEqual([0.1, 100])
  for (const wrong of ['0', '100.1', '-1', 'x']) expect(() => percent(wrong)).toThrow('from 0.1 to 100')
  expect(['always', 'new', 'never'].map(retainHandling)).toEqual([0, 1, 2])
  expect(() => retainHandling('1')).toThrow('It must be always, new or never.')
  expect(['tlsv1.3', 'TLSv1.2'].map(tlsVersion)).toEqual(['TLSv1.3', 'TLSv1.2'])
  expect(() => tlsVersion('1.3')).toThrow('It must be tlsv1.3, tlsv1.2 or tlsv1.1.')
  for (const wrong of ['3', '-1', '', 'x', '1.5'])
    expect(() => integer(0, 2)(wrong)).toThrow('It must be a whole number from 0 to 2.')
  expect(() => seconds('1s')).toThrow('It must be a number of seconds.')
})
