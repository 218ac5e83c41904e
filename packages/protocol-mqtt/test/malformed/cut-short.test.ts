import { describe, expect, it } from 'vitest'
import { hex } from '../codec/frames.ts'
import { block, frame, string } from '../wire.ts'
import { type Outcome, trial, fault, refusal } from './refusals.ts'
import type { ProtocolVersion } from '../../src/codec/packet.ts'

const v5 = '0004 4d515454 05 ee 003c'
const none = hex('')
const pair = '26 0001 61 0001 62'

/** A packet with everything in it, and the lengths its body may be cut to without being malformed. */
type Whole = readonly [
  packet: string,
  versions: readonly ProtocolVersion[],
  frame: Uint8Array,
  shorter: ReadonlyMap<number, Outcome>,
]

const wholes: readonly Whole[] = [
  [
    'CONNECT',
    [5],
    frame(
      0x10,
      v5,
      block('11 00000000 21 0001 27 00010000', pair),
      string('c'),
      block('18 00000001', pair),
      string('w'),
      string('p'),
      string('u'),
      string('s'),
    ),
    new Map(),
  ],
  [
    'CONNECT',
    [4],
    frame(0x10, '0004 4d515454 04 ee 003c', string('c'), string('w'), string('p'), string('u'), string('s')),
    new Map(),
  ],
  [
    'CONNECT',
    [3],
    frame(0x10, '0006 4d5149736470 03 ee 003c', string('c'), string('w'), string('p'), string('u'), string('s')),
    // 3.1 lets the length of the packet say that user name and password are not there.
    new Map([
      [21, 'CONNACK 0x00 open'],
      [24, 'CONNACK 0x00 open'],
    ]),
  ],
  ['PUBLISH', [5], frame(0x32, string('t'), '0007', block('01 01 03 0001 61', pair)), new Map()],
  ['PUBLISH', [3, 4], frame(0x34, string('t'), '0007'), new Map()],
  ...(
    [
      ['PUBACK', 0x40, 'open'],
      ['PUBREC', 0x50, 'PUBREL open'],
      ['PUBREL', 0x62, 'PUBCOMP open'],
      ['PUBCOMP', 0x70, 'open'],
    ] as const
  ).flatMap(([packet, first, outcome]): Whole[] => [
    // Section 3.4.2.1 and its like: reason and properties may be left out.
    [
      packet,
      [5],
      frame(first, '0007 00', block('1f 0001 61', pair)),
      new Map([
        [2, outcome],
        [3, outcome],
      ]),
    ],
    [packet, [3, 4], frame(first, '0007'), new Map()],
  ]),
  [
    'SUBSCRIBE',
    [5],
    frame(0x82, '0007', block('0b 01', pair), string('a'), '01', string('b'), '02'),
    // [MQTT-3.8.3-2]; and one filter fewer is a SUBSCRIBE too.
    new Map([
      [12, fault(5, 0x82)],
      [16, 'SUBACK 0x01 open'],
    ]),
  ],
  ['SUBSCRIBE', [3, 4], frame(0x82, '0007', string('a'), '01'), new Map([[2, 'end']])],
  [
    'UNSUBSCRIBE',
    [5],
    frame(0xa2, '0007', block(pair), string('a'), string('b')),
    new Map([
      [10, fault(5, 0x82)],
      [13, 'UNSUBACK 0x11 open'],
    ]),
  ],
  ['UNSUBSCRIBE', [3, 4], frame(0xa2, '0007', string('a')), new Map([[2, 'end']])],
  [
    'DISCONNECT',
    [5],
    frame(0xe0, '00', block('11 00000000 1f 0001 61', pair)),
    new Map([
      [0, 'end'],
      [1, 'end'],
    ]),
  ],
  // [MQTT-3.15.2-1]: an empty AUTH says success, which clients do not say.
  ['AUTH', [5], frame(0xf0, '18', block('15', string('m'), '16', string('d'))), new Map([[0, fault(5, 0x82)]])],
]

function malformed(packet: string, version: ProtocolVersion): Outcome {
  return packet === 'CONNECT' ? refusal(version, 0x81) : fault(version, 0x81)
}

describe.each(wholes)('%s, versions %o', (packet, versions, whole, shorter) => {
  it.each(versions)(
    '[MQTT-4.13.1-1] [MQTT-4.8.0-1 of 3.1.1] cut after any byte is malformed, version %i',
    async (version) => {
      const { greet, say, done } = await trial()
      const body = whole.subarray(2)
      for (let length = 0; length < body.length; length++) {
        const cut = frame(whole[0]!, body.subarray(0, length))
        const outcome = await (packet === 'CONNECT' ? greet(version, cut) : say(version, cut))
        // Up to the level nobody knows how to answer.
        const mute = packet === 'CONNECT' && length < 7 ? 'end' : undefined
        expect([length, outcome]).toEqual([length, shorter.get(length) ?? mute ?? malformed(packet, version)])
      }
      await done()
    },
  )

  it.each(versions)('with a byte too many it is malformed, version %i', async (version) => {
    const { greet, say, done } = await trial()
    for (const more of ['00', '01', '61', 'ff', '0000', '000161']) {
      const long = frame(whole[0]!, whole.subarray(2), more)
      const outcome = await (packet === 'CONNECT' ? greet(version, long) : say(version, long))
      // What follows the head of a PUBLISH is its payload, and a filter may follow the last one.
      const payload = packet === 'PUBLISH'
      const another = packet === 'UNSUBSCRIBE' && more === '000161'
      const good = payload ? /^PUB(ACK|REC) open$/ : another ? /^UNSUBACK.* open$/ : undefined
      expect([more, outcome]).toEqual([more, good ? expect.stringMatching(good) : malformed(packet, version)])
    }
    await done()
  })

  it.each(versions)('announced and not sent it is waited for, version %i', async (version) => {
    const { greet, say, done } = await trial()
    for (let length = 1; length < whole.length; length++) {
      const part = whole.subarray(0, length)
      expect([length, await (packet === 'CONNECT' ? greet(version, part) : say(version, part))]).toEqual([
        length,
        'open',
      ])
    }
    await done()
  })
})

describe('PINGREQ', () => {
  it.each([3, 4, 5] as const)('with a body is malformed, version %i', async (version) => {
    const { say, done } = await trial()
    for (const body of ['00', '0001', 'ff'.repeat(100)])
      expect(await say(version, frame(0xc0, body))).toBe(fault(version, 0x81))
    expect(await say(version, frame(0xc0, none))).toBe('PINGRESP open')
    await done()
  })
})
