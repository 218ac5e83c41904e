import type { IPublishPacket } from 'mqtt-packet'
import { expect, test } from 'vitest'
import { compileFormat } from '../src/client/format.ts'

const time = new Date(2026, 2, 5, 14, 7, 9, 42).getTime()
const message: IPublishPacket = {
  cmd: 'publish',
  topic: 'a/b',
  payload: Buffer.from('{"x":1.0}'),
  qos: 1,
  retain: true,
  dup: false,
  messageId: 7,
  properties: {
    contentType: 'application/json',
    responseTopic: 'r',
    correlationData: Buffer.from('cd'),
    messageExpiryInterval: 50,
    payloadFormatIndicator: true,
    subscriptionIdentifier: [3, 4],
    userProperties: { k: ['v', 'w'], l: 'x' },
  },
}
const print = (format: string, change: Partial<IPublishPacket> = {}): string =>
  compileFormat(format)({ message: { ...message, ...change }, time }).toString()

test.each([
  ['%t %p', 'a/b {"x":1.0}'],
  ['%q%r%l %m', '119 7'],
  ['%x|%X', '7b2278223a312e307d|7B2278223A312E307D'],
  ['%C,%R,%D,%E,%F,%S,%P,%A', 'application/json,r,cd,50,1,3 4,k:v k:w l:x,'],
  ['%10t|%-10t|%.2t|%5.1t', '       a/b|a/b       |a/|    a'],
  ['%05l|%5l|%-5l|', '00009|    9|9    |'],
  ['%12p|%-12p|%012p|', '   {"x":1.0}|{"x":1.0}   |000{"x":1.0}|'],
  ['%.4p|%6.4p|%-6.4p|%.4x', '{"x"|  {"x"|{"x"  |7b22'],
  ['%05E|%03F|%05S|%04A|%04t', '00050|001|003 4|0000| a/b'],
  ['%%|@@|\\\\|\\t|\\n|\\0|\\e', '%|@|\\|\t|\n|\0|\u001b'],
  ['@Y-@m-@d @H:@M:@S.@N', '2026-03-05 14:07:09.042000000'],
  [
    '@a @A @b @B @y @j @e @I@p @u @D @F @T @R',
    'Thu Thursday Mar March 26 064  5 02PM 4 03/05/26 2026-03-05 14:07:09 14:07',
  ],
  ['%U', `${Math.floor(time / 1000)}.042000000`],
  ['é%t', 'éa/b'],
  ['', ''],
])('%s', (format, text) => expect(print(format)).toBe(text))

test('%I and @z are local time with its zone', () => {
  expect(print('%I')).toMatch(/^2026-03-05T14:07:09[+-]\d{4}$/)
})

test('%p gives the bytes as they came', () => {
  const bytes = Buffer.from([0, 255, 128, 10])
  expect(compileFormat('%p')({ message: { ...message, payload: bytes }, time })).toEqual(bytes)
})

test('%j is JSON with the payload as a text', () => {
  expect(JSON.parse(print('%j'))).toEqual({
    tst: expect.stringMatching(/^2026-03-05T14:07:09\.042000[+-]\d{4}$/) as string,
    topic: 'a/b',
    qos: 1,
    retain: 1,
    payloadlen: 9,
    mid: 7,
    properties: {
      'subscription-identifier': [3, 4],
      'user-properties': { k: ['v', 'w'], l: 'x' },
      'content-type': 'application/json',
      'response-topic': 'r',
      'correlation-data': 'cd',
      'payload-format-indicator': 1,
      'message-expiry-interval': 50,
    },
    payload: '{"x":1.0}',
  })
})

test('no payload is null in JSON', () => {
  for (const format of ['%j', '%J']) expect(print(format, { payload: '' })).toMatch(/"payload":null\}$/)
})

test('%J is JSON with the payload as it is written, on one line', () => {
  expect(print('%J')).toContain('"payload":{"x":1.0}}')
  expect(print('%J', { payload: '[\n12345678901234567890]' })).toMatch(/"payload":\[ 12345678901234567890\]}$/)
  expect(() => print('%J', { payload: 'hello' })).toThrow('Message payload is not valid JSON on topic a/b')
})

test.each(['%z', '%5q', '\\q', '@k', '%', '@', '\\'])('%s is refused', (format) =>
  expect(() => compileFormat(format)).toThrow(`-F: unknown sequence ${format}`),
)
