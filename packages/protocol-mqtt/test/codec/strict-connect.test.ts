import { describe, expect, it } from 'vitest'
import { MalformedPacket } from '../../src/codec/malformed-packet.ts'
import { join } from './frames.ts'
import { type Reader, type Row, followers, frameOf, outcomeOf, readerFor } from './strict.ts'

const mqtt = '0004 4d515454'
const isdp = '0006 4d5149736470'
// name, level, flags, keep alive, client id "c"
const v3 = (flags: string, rest = ''): string => `${isdp} 03 ${flags} 003c 0001 63 ${rest}`
const v4 = (flags: string, rest = ''): string => `${mqtt} 04 ${flags} 003c 0001 63 ${rest}`
const v5 = (flags: string, rest = '', properties = '00'): string =>
  `${mqtt} 05 ${flags} 003c ${properties} 0001 63 ${rest}`
const will = '0001 74 0001 70'
const user = '0001 75'
const pass = '0001 70'

const rows: readonly Row[] = [
  ['3.1 CONNECT', 'S', '10', v3('02'), 'ok'],
  ['3.1.1 CONNECT', 'S', '10', v4('02'), 'ok'],
  ['5.0 CONNECT', 'S', '10', v5('02'), 'ok'],
  ['[MQTT-3.1.0-1] PUBLISH before CONNECT', 'S', '30', '0001 74', 0x82],
  ['[MQTT-3.1.0-1] PUBACK before CONNECT', 'S', '40', '0001', 0x82],
  ['[MQTT-3.1.0-1] PINGREQ before CONNECT', 'S', 'c0', '', 0x82],
  ['[MQTT-3.1.0-1] AUTH before CONNECT', 'S', 'f0', '', 0x82],
  ['type 0 before CONNECT', 'S', '00', '', 0x81],
  ['[MQTT-3.1.0-2] a second CONNECT', 'S3 S4 S5', '10', v4('02'), 0x82],
  ['[MQTT-2.1.3-1] [MQTT-2.2.2-2 of 3.1.1] flags of the fixed header', 'S', '11', v4('02'), 0x81],
  ['[MQTT-3.1.2-1] another protocol name', 'S', '10', '0004 4d515458 04 02 003c 0001 63', 0x81],
  ['[MQTT-3.1.2-1] a name that begins right', 'S', '10', '0005 4d51545400 04 02 003c 0001 63', 0x81],
  ['[MQTT-3.1.2-1] another name with level 3', 'S', '10', '0006 4d5149736471 03 02 003c 0001 63', 0x81],
  ['[MQTT-3.1.2-1] an empty name', 'S', '10', '0000 04 02 003c 0001 63', 0x81],
  ['[MQTT-3.1.2-2] level 6', 'S', '10', `${mqtt} 06 02 003c 0001 63`, 0x84],
  ['[MQTT-3.1.2-2] level 0', 'S', '10', `${mqtt} 00 02 003c 0001 63`, 0x84],
  ['[MQTT-3.1.2-2] MQTT with level 3', 'S', '10', `${mqtt} 03 02 003c 0001 63`, 0x84],
  ['[MQTT-3.1.2-2] MQIsdp with level 4', 'S', '10', `${isdp} 04 02 003c 0001 63`, 0x84],
  ['[MQTT-3.1.2-2] the bridge bit, 3.1', 'S', '10', `${isdp} 83 02 003c 0001 63`, 0x84],
  ['[MQTT-3.1.2-2] the bridge bit, 3.1.1', 'S', '10', `${mqtt} 84 02 003c 0001 63`, 0x84],
  ['[MQTT-3.1.2-3] reserved connect flag, 3.1', 'S', '10', v3('03'), 0x81],
  ['[MQTT-3.1.2-3] reserved connect flag, 3.1.1', 'S', '10', v4('03'), 0x81],
  ['[MQTT-3.1.2-3] reserved connect flag, 5.0', 'S', '10', v5('03'), 0x81],
  ['[MQTT-3.1.2-11] will QoS without a will, 3.1.1', 'S', '10', v4('0a'), 0x81],
  ['[MQTT-3.1.2-11] will QoS without a will, 5.0', 'S', '10', v5('0a'), 0x81],
  ['will QoS without a will is disregarded in 3.1', 'S', '10', v3('0a'), 'ok'],
  ['[MQTT-3.1.2-13] will retain without a will, 3.1.1', 'S', '10', v4('22'), 0x81],
  ['[MQTT-3.1.2-13] will retain without a will, 5.0', 'S', '10', v5('22'), 0x81],
  ['will retain without a will is disregarded in 3.1', 'S', '10', v3('22'), 'ok'],
  ['[MQTT-3.1.2-12] will QoS 3, 3.1', 'S', '10', v3('1e', will), 0x81],
  ['[MQTT-3.1.2-14 of 3.1.1] will QoS 3, 3.1.1', 'S', '10', v4('1e', will), 0x81],
  ['[MQTT-3.1.2-12] will QoS 3, 5.0', 'S', '10', v5('1e', `00 ${will}`), 0x81],
  ['password without user name, 3.1', 'S', '10', v3('42', pass), 0x81],
  ['[MQTT-3.1.2-22 of 3.1.1] password without user name', 'S', '10', v4('42', pass), 0x81],
  ['password without user name in 5.0', 'S', '10', v5('42', pass), 'ok'],
  ['[MQTT-3.1.2-9] will', 'S', '10', v4('06', will), 'ok'],
  ['[MQTT-3.1.2-9] will missing', 'S', '10', v4('06'), 0x81],
  ['[MQTT-3.1.2-9] will payload missing', 'S', '10', v4('06', '0001 74'), 0x81],
  ['[MQTT-3.1.2-9] will properties missing', 'S', '10', v5('06', will), 0x81],
  ['[MQTT-3.1.2-17] user name missing, 3.1.1', 'S', '10', v4('82'), 0x81],
  ['[MQTT-3.1.2-17] user name missing, 5.0', 'S', '10', v5('82'), 0x81],
  ['user name missing is allowed by 3.1', 'S', '10', v3('82'), 'ok'],
  ['password missing is allowed by 3.1', 'S', '10', v3('c2', user), 'ok'],
  ['[MQTT-3.1.2-19] password missing', 'S', '10', v4('c2', user), 0x81],
  ['[MQTT-3.1.2-16] user name without its flag', 'S', '10', v4('02', user), 0x81],
  ['[MQTT-3.1.2-18] password without its flag', 'S', '10', v4('82', user + pass), 0x81],
  ['bytes after the payload, 3.1', 'S', '10', v3('02', '00'), 0x81],
  ['bytes after the payload, 5.0', 'S', '10', v5('02', '00'), 0x81],
  ['[MQTT-3.1.3-3] no client id', 'S', '10', `${mqtt} 04 02 003c`, 0x81],
  ['[MQTT-3.1.3-4] client id that is not UTF-8', 'S', '10', `${mqtt} 04 02 003c 0001 ff`, 0x81],
  ['an empty client id is for the caller to judge', 'S', '10', `${mqtt} 04 00 003c 0000`, 'ok'],
  ['[MQTT-1.5.4-2] [MQTT-1.5.3-2 of 3.1.1] U+0000 in the client id', 'S', '10', `${mqtt} 04 02 003c 0002 6100`, 0x81],
  [
    '[MQTT-1.5.4-1] [MQTT-1.5.3-1 of 3.1.1] a surrogate in the client id',
    'S',
    '10',
    `${mqtt} 04 02 003c 0003 eda080`,
    0x81,
  ],
  ['[MQTT-1.5.4-3] [MQTT-1.5.3-3 of 3.1.1] U+FEFF in the client id', 'S', '10', `${mqtt} 04 02 003c 0003 efbbbf`, 'ok'],
  ['[MQTT-3.1.3-12] user name that is not UTF-8', 'S', '10', v4('82', '0001 c0'), 0x81],
  ['[MQTT-3.1.3-11] will topic that is not UTF-8', 'S', '10', v4('06', '0001 ff 0000'), 0x81],
  ['[MQTT-4.7.3-1] empty will topic, 3.1.1', 'S', '10', v4('06', '0000 0000'), 0x81],
  ['[MQTT-4.7.3-1] empty will topic, 5.0', 'S', '10', v5('06', '00 0000 0000'), 0x81],
  ['[MQTT-4.7.0-1] wildcard in the will topic, 3.1.1', 'S', '10', v4('06', '0001 23 0000'), 0x81],
  ['[MQTT-4.7.0-1] wildcard in the will topic, 5.0', 'S', '10', v5('06', '00 0001 2b 0000'), 0x90],
  ['cut short in the protocol name', 'S', '10', '0004 4d51', 0x81],
  ['cut short before the level', 'S', '10', mqtt, 0x81],
  ['cut short before the flags', 'S', '10', `${mqtt} 04`, 0x81],
  ['cut short in keep alive', 'S', '10', `${mqtt} 04 02 00`, 0x81],
  ['no body', 'S', '10', '', 0x81],
  ['no properties in 5.0', 'S', '10', `${mqtt} 05 02 003c`, 0x81],
  ['properties overrun the packet', 'S', '10', `${mqtt} 05 02 003c 7f 0001 63`, 0x81],
  ['[MQTT-1.5.5-1] property length longer than need be', 'S', '10', v5('02', '', '8000'), 0x81],
  ['property length of five bytes', 'S', '10', v5('02', '', '8080808001'), 0x81],
  ['unknown property', 'S', '10', v5('02', '', '02 7e 00'), 0x81],
  ['property id 0', 'S', '10', v5('02', '', '02 00 00'), 0x81],
  ['property id of two bytes', 'S', '10', v5('02', '', '03 a6 00 00'), 0x81],
  ['misplaced property: topic alias', 'S', '10', v5('02', '', '03 23 0001'), 0x81],
  ['misplaced property: will delay outside the will', 'S', '10', v5('02', '', '05 18 00000001'), 0x81],
  ['misplaced property: session expiry inside the will', 'S', '10', v5('06', `05 11 00000001 ${will}`), 0x81],
  ['will properties', 'S', '10', v5('06', `05 18 00000001 ${will}`), 'ok'],
  ['will delay twice', 'S', '10', v5('06', `0a 18 00000001 18 00000001 ${will}`), 0x82],
  ['will payload format 2', 'S', '10', v5('06', `02 01 02 ${will}`), 0x82],
  ['session expiry twice', 'S', '10', v5('02', '', '0a 11 00000001 11 00000001'), 0x82],
  ['user property twice', 'S', '10', v5('02', '', '0e 26 0001 61 0001 62 26 0001 61 0001 62'), 'ok'],
  ['[MQTT-1.5.7-1] user property name that is not UTF-8', 'S', '10', v5('02', '', '07 26 0001 ff 0001 62'), 0x81],
  ['[MQTT-1.5.7-1] user property value with U+0000', 'S', '10', v5('02', '', '07 26 0001 61 0001 00'), 0x81],
  ['user property cut short', 'S', '10', v5('02', '', '04 26 0001 61'), 0x81],
  ['receive maximum 0', 'S', '10', v5('02', '', '03 21 0000'), 0x82],
  ['maximum packet size 0', 'S', '10', v5('02', '', '05 27 00000000'), 0x82],
  ['topic alias maximum 0', 'S', '10', v5('02', '', '03 22 0000'), 'ok'],
  ['request response information 2', 'S', '10', v5('02', '', '02 19 02'), 0x82],
  ['request problem information 2', 'S', '10', v5('02', '', '02 17 02'), 0x82],
  ['authentication data without a method', 'S', '10', v5('02', '', '04 16 0001 61'), 0x82],
  ['authentication method without data', 'S', '10', v5('02', '', '04 15 0001 61'), 'ok'],
  ['a property that ends in the client id', 'S', '10', v5('02', '', '02 11 00'), 0x81],
]

describe('CONNECT, strictly', () => {
  for (const [rule, readers, first, body, outcome] of rows)
    it(`${rule} (${readers})`, () => {
      for (const reader of readers.split(' ') as Reader[]) {
        const frame = frameOf(first, body)
        expect(outcomeOf(readerFor(reader), frame), reader).toBe(outcome)
        // What stands behind a frame in its chunk must not be taken for a part of it.
        for (const follower of followers)
          expect(outcomeOf(readerFor(reader), join(frame, follower)), `${reader}, followed`).toBe(outcome)
      }
    })

  it.each([
    ['the first byte', '30', undefined],
    ['an unknown level', `10 0d ${mqtt} 06 02 003c 0001 63`, undefined],
    ['3.1.1 flags', `10 0d ${v4('03')}`, 4],
    ['5.0 flags', `10 0e ${v5('03')}`, 5],
  ] as const)('a refusal by %s tells the version as far as it is known', (_, bytes, version) => {
    const decoder = readerFor('S')
    decoder.push(Uint8Array.from(bytes.replaceAll(' ', '').match(/../g)!, (pair) => Number.parseInt(pair, 16)))
    try {
      decoder.next()
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedPacket)
      expect((error as MalformedPacket).version).toBe(version)
    }
  })
})
