import { describe, expect, it } from 'vitest'
import { hex, join } from '../codec/frames.ts'
import { block, frame, string } from '../wire.ts'
import { trial, fault, refusal } from './refusals.ts'
import type { ProtocolVersion } from '../../src/codec/packet.ts'

const bad: readonly (readonly [what: string, bytes: string])[] = [
  ['U+0000', '00'],
  ['U+0000 among others', '61 00 62'],
  ['a byte that never occurs', 'ff'],
  ['0xFE', 'fe'],
  ['a byte that continues nothing', '61 80'],
  ['two bytes cut short', '61 c3'],
  ['three bytes cut short', 'e2 82'],
  ['four bytes cut short', 'f0 9f 98'],
  ['a beginning without a continuation', 'c3 28'],
  ['U+0000 in two bytes', 'c0 80'],
  ['/ in two bytes', 'c0 af'],
  ['/ in three bytes', 'e0 80 af'],
  ['/ in four bytes', 'f0 80 80 af'],
  ['a high surrogate', 'ed a0 80'],
  ['a low surrogate', 'ed bf bf'],
  ['a pair of surrogates', 'ed a0 bd ed b8 80'],
  ['beyond U+10FFFF', 'f4 90 80 80'],
]
// [MQTT-1.5.4-3] among them. Control characters and noncharacters should not be sent (section 1.5.4), but may be.
const good = ['ef bb bf 61', '61 01', '7f', 'c3 bc', 'ef bf bf', 'e2 82 ac', 'f0 9f 98 80', 'f4 8f bf bf']

const mqtt = '0004 4d515454'
const head = { 3: '0006 4d5149736470 03', 4: `${mqtt} 04`, 5: `${mqtt} 05` }
const none = (version: ProtocolVersion): string => (version === 5 ? '00' : '')

type Build = (text: Uint8Array, version: ProtocolVersion) => Uint8Array

function connect(flags: string, payload: (text: Uint8Array, version: ProtocolVersion) => Uint8Array[]): Build {
  return (text, version) => frame(0x10, `${head[version]} ${flags} 0000 ${none(version)}`, ...payload(text, version))
}

function connectWith(properties: (text: Uint8Array) => Uint8Array): Build {
  return (text) => frame(0x10, `${head[5]} 02 0000`, block(properties(text)), string('c'))
}

function willWith(properties: (text: Uint8Array) => Uint8Array): Build {
  return (text) => frame(0x10, `${head[5]} 06 0000 00`, string('c'), block(properties(text)), string('w'), string(''))
}

const property = (id: string) => (text: Uint8Array) => join(hex(id), text)
const pairName = (text: Uint8Array) => join(hex('26'), text, string('v'))
const pairValue = (text: Uint8Array) => join(hex('26'), string('n'), text)

// A packet with this property block in its place.
const holders: readonly (readonly [name: string, first: number, before: string, after: string])[] = [
  ['PUBLISH', 0x30, '0001 74', ''],
  ['PUBACK', 0x40, '0001 00', ''],
  ['PUBREC', 0x50, '0001 00', ''],
  ['PUBREL', 0x62, '0001 00', ''],
  ['PUBCOMP', 0x70, '0001 00', ''],
  ['SUBSCRIBE', 0x82, '0001', '0001 74 00'],
  ['UNSUBSCRIBE', 0xa2, '0001', '0001 74'],
  ['DISCONNECT', 0xe0, '00', ''],
]

type Field = readonly [field: string, versions: readonly ProtocolVersion[], first: boolean, build: Build]
const [every, v5]: readonly (readonly ProtocolVersion[])[] = [[3, 4, 5], [5]] as const

const fields: readonly Field[] = [
  ['[MQTT-3.1.3-4] [MQTT-3.1.3-4 of 3.1.1] client id', every!, true, connect('02', (text) => [text])],
  [
    '[MQTT-3.1.3-11] [MQTT-3.1.3-10 of 3.1.1] will topic',
    every!,
    true,
    connect('06', (text, version) => [string('c'), hex(none(version)), text, string('p')]),
  ],
  ['[MQTT-3.1.3-12] [MQTT-3.1.3-11 of 3.1.1] user name', every!, true, connect('82', (text) => [string('c'), text])],
  ['authentication method', v5!, true, connectWith(property('15'))],
  ['[MQTT-1.5.7-1] name of a user property of CONNECT', v5!, true, connectWith(pairName)],
  ['[MQTT-1.5.7-1] value of a user property of CONNECT', v5!, true, connectWith(pairValue)],
  ['content type of a will', v5!, true, willWith(property('03'))],
  ['response topic of a will', v5!, true, willWith(property('08'))],
  ['[MQTT-1.5.7-1] name of a user property of a will', v5!, true, willWith(pairName)],
  ['[MQTT-1.5.7-1] value of a user property of a will', v5!, true, willWith(pairValue)],
  ['[MQTT-3.3.2-1] [MQTT-3.3.2-1 of 3.1.1] topic', every!, false, (text, version) => frame(0x30, text, none(version))],
  [
    '[MQTT-3.8.3-1] [MQTT-3.8.3-1 of 3.1.1] filter of SUBSCRIBE',
    every!,
    false,
    (text, version) => frame(0x82, `0001 ${none(version)}`, text, '00'),
  ],
  [
    '[MQTT-3.8.3-1] [MQTT-3.8.3-1 of 3.1.1] second filter of SUBSCRIBE',
    every!,
    false,
    (text, version) => frame(0x82, `0001 ${none(version)} 0001 61 00`, text, '00'),
  ],
  [
    '[MQTT-3.10.3-1] [MQTT-3.10.3-1 of 3.1.1] filter of UNSUBSCRIBE',
    every!,
    false,
    (text, version) => frame(0xa2, `0001 ${none(version)}`, text),
  ],
  ['[MQTT-3.3.2-19] content type', v5!, false, (text) => frame(0x30, '0001 74', block(property('03')(text)))],
  ['[MQTT-3.3.2-13] response topic', v5!, false, (text) => frame(0x30, '0001 74', block(property('08')(text)))],
  ...holders.flatMap(([name, first, before, after]): Field[] => [
    [
      `[MQTT-1.5.7-1] name of a user property of ${name}`,
      v5!,
      false,
      (text) => frame(first, before, block(pairName(text)), after),
    ],
    [
      `[MQTT-1.5.7-1] value of a user property of ${name}`,
      v5!,
      false,
      (text) => frame(first, before, block(pairValue(text)), after),
    ],
  ]),
  ...holders
    .filter(([name]) => !['PUBLISH', 'SUBSCRIBE', 'UNSUBSCRIBE'].includes(name))
    .map(([name, first, before]): Field => [
      `reason string of ${name}`,
      v5!,
      false,
      (text) => frame(first, before, block(property('1f')(text))),
    ]),
  ['reason string of AUTH', v5!, false, (text) => frame(0xf0, '18', block('15', string('m'), '1f', text))],
  ['authentication method of AUTH', v5!, false, (text) => frame(0xf0, '18', block('15', text))],
]

describe('[MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.3-1 of 3.1.1] [MQTT-1.5.3-2 of 3.1.1] ill-formed text', () => {
  it.each(fields)('as %s', async (_, versions, first, build) => {
    const { greet, say, done } = await trial()
    for (const version of versions)
      for (const [what, bytes] of bad) {
        const sent = build(string(hex(bytes)), version)
        const outcome = await (first ? greet(version, sent) : say(version, sent))
        const expected = first ? refusal(version, 0x81) : fault(version, 0x81)
        expect([version, what, outcome]).toEqual([version, what, expected])
      }
    await done()
  })
})

describe('[MQTT-1.5.4-3] [MQTT-1.5.3-3 of 3.1.1] text that only looks odd', () => {
  it.each(fields.filter(([name]) => !/AUTH|authentication/.test(name)))(
    'as %s',
    async (field, versions, first, build) => {
      const { greet, say, done } = await trial()
      for (const version of versions)
        for (const bytes of good) {
          const sent = build(string(hex(bytes)), version)
          const outcome = await (first ? greet(version, sent) : say(version, sent))
          const accepted = first
            ? /^CONNACK 0x00 open$/
            : field.endsWith('DISCONNECT')
              ? /^end$/
              : /^(\w+ )?(0x\d\d )*open$/
          expect([version, bytes, outcome]).toEqual([version, bytes, expect.stringMatching(accepted)])
        }
      await done()
    },
  )
})

describe('bytes that are no text', () => {
  const binaries: readonly Field[] = [
    ['password', every!, true, connect('c2', (bytes) => [string('c'), string('u'), bytes])],
    [
      'will payload',
      every!,
      true,
      connect('06', (bytes, version) => [string('c'), hex(none(version)), string('w'), bytes]),
    ],
    ['correlation data of a will', v5!, true, willWith(property('09'))],
    ['correlation data', v5!, false, (bytes) => frame(0x30, '0001 74', block(property('09')(bytes)))],
    ['payload', every!, false, (bytes, version) => frame(0x30, `0001 74 ${none(version)}`, bytes)],
  ]
  it.each(binaries)('may be anything as %s', async (_, versions, first, build) => {
    const { greet, say, done } = await trial()
    for (const version of versions)
      for (const [what, bytes] of bad) {
        const sent = build(string(hex(bytes)), version)
        const outcome = await (first ? greet(version, sent) : say(version, sent))
        expect([what, outcome]).toEqual([what, first ? 'CONNACK 0x00 open' : 'open'])
      }
    await done()
  })
})
