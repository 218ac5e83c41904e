import { describe, expect, it } from 'vitest'
import { hex, join } from '../codec/frames.ts'
import { block, frame, string } from '../wire.ts'
import { type Outcome, trial } from './refusals.ts'

// Table 2-4 of MQTT 5.0, written down anew: each property with a value it may have, and the packets it may be in.
const all = 'CONNECT WILL PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE UNSUBSCRIBE DISCONNECT AUTH'.split(' ')
const table: readonly (readonly [id: number, value: string, packets: string])[] = [
  [0x01, '01', 'PUBLISH WILL'],
  [0x02, '00000001', 'PUBLISH WILL'],
  [0x03, '0001 61', 'PUBLISH WILL'],
  [0x08, '0001 61', 'PUBLISH WILL'],
  [0x09, '0001 61', 'PUBLISH WILL'],
  [0x0b, '01', 'PUBLISH SUBSCRIBE'],
  [0x11, '00000000', 'CONNECT DISCONNECT'],
  [0x12, '0001 61', ''],
  [0x13, '0001', ''],
  [0x15, '0001 61', 'CONNECT AUTH'],
  [0x16, '0001 61', 'CONNECT AUTH'],
  [0x17, '01', 'CONNECT'],
  [0x18, '00000001', 'WILL'],
  [0x19, '01', 'CONNECT'],
  [0x1a, '0001 61', ''],
  [0x1c, '0001 61', 'DISCONNECT'],
  [0x1f, '0001 61', 'PUBACK PUBREC PUBREL PUBCOMP DISCONNECT AUTH'],
  [0x21, '0001', 'CONNECT'],
  [0x22, '0001', 'CONNECT'],
  [0x23, '0001', 'PUBLISH'],
  [0x24, '01', ''],
  [0x25, '01', ''],
  [0x26, '0001 61 0001 62', all.join(' ')],
  [0x27, '00010000', 'CONNECT'],
  [0x28, '01', ''],
  [0x29, '01', ''],
  [0x2a, '01', ''],
]
const known = new Map(table.map(([id, value, packets]) => [id, { value, packets: packets.split(' ') }]))
const ids = Array.from({ length: 256 }, (_, id) => id)

/** A packet with these properties and nothing else wrong with it. */
function packetWith(packet: string, properties: Uint8Array): Uint8Array {
  switch (packet) {
    case 'CONNECT':
      return frame(0x10, '0004 4d515454 05 02 0000', properties, string('c'))
    case 'WILL':
      return frame(0x10, '0004 4d515454 05 06 0000 00', string('c'), properties, string('w'), string(''))
    case 'PUBLISH':
      return frame(0x30, string('t'), properties)
    case 'SUBSCRIBE':
      return frame(0x82, '0001', properties, string('t'), '00')
    case 'UNSUBSCRIBE':
      return frame(0xa2, '0001', properties, string('t'))
    case 'DISCONNECT':
      return frame(0xe0, '00', properties)
    case 'AUTH':
      return frame(0xf0, '18', properties)
    default:
      return frame(
        new Map([
          ['PUBACK', 0x40],
          ['PUBREC', 0x50],
          ['PUBREL', 0x62],
          ['PUBCOMP', 0x70],
        ]).get(packet)!,
        '0001 00',
        properties,
      )
  }
}

const opens = (packet: string): boolean => packet === 'CONNECT' || packet === 'WILL'

function refused(packet: string, reason: number): Outcome {
  return `${opens(packet) ? 'CONNACK' : 'DISCONNECT'} 0x${reason.toString(16)} end`
}

function property(id: number, value: string): Uint8Array {
  return join(Uint8Array.of(id), hex(value))
}

const accepted: ReadonlyMap<string, Outcome> = new Map([
  ['CONNECT', 'CONNACK 0x00 open'],
  ['WILL', 'CONNACK 0x00 open'],
  ['PUBLISH', 'open'],
  ['PUBACK', 'open'],
  ['PUBREC', 'PUBREL open'],
  ['PUBREL', 'PUBCOMP open'],
  ['PUBCOMP', 'open'],
  ['SUBSCRIBE', 'SUBACK 0x00 open'],
  ['UNSUBSCRIBE', 'UNSUBACK 0x11 open'],
  ['DISCONNECT', 'end'],
  // CONNECT named no method.
  ['AUTH', refused('AUTH', 0x82)],
])

/** What becomes of a packet that has this property once. */
function outcomeOfOne(packet: string, id: number): Outcome {
  const rule = known.get(id)
  if (rule === undefined || !rule.packets.includes(packet)) return refused(packet, 0x81)
  // [MQTT-3.3.4-6]; and authentication data says nothing without a method (section 3.1.2.11.10).
  if ((packet === 'PUBLISH' && id === 0x0b) || (packet === 'CONNECT' && id === 0x16)) return refused(packet, 0x82)
  // [MQTT-4.12.0-1]: nobody has configured one.
  if (packet === 'CONNECT' && id === 0x15) return refused(packet, 0x8c)
  return accepted.get(packet)!
}

describe.each(all)('properties of %s', (packet) => {
  const tryOut = async (cases: readonly (readonly [what: string, properties: Uint8Array, outcome: Outcome])[]) => {
    const { greet, say, done } = await trial()
    const seen: string[] = []
    for (const [what, properties] of cases) {
      const bytes = packetWith(packet, properties)
      seen.push(`${what}: ${await (opens(packet) ? greet(5, bytes) : say(5, bytes))}`)
    }
    expect(seen).toEqual(cases.map(([what, , outcome]) => `${what}: ${outcome}`))
    await done()
  }
  const name = (id: number): string => `0x${id.toString(16)}`
  const allowed = table.filter(([, , packets]) => packets.split(' ').includes(packet))

  it('unknown and misplaced ones are malformed, the others are taken (section 2.2.2.2)', async () => {
    await tryOut(
      ids.map((id) => [name(id), block(property(id, known.get(id)?.value ?? '00')), outcomeOfOne(packet, id)]),
    )
  })

  it('none may be there twice but user properties', async () => {
    const cases = allowed.map(([id, value]) => {
      const twice = block(property(id, value), property(id, value))
      return [name(id), twice, id === 0x26 ? outcomeOfOne(packet, id) : refused(packet, 0x82)] as const
    })
    await tryOut(cases)
  })

  it('a value that goes on behind the end of the properties is malformed', async () => {
    // A subscription identifier of a client is wrong already by being there.
    const cases = allowed
      .filter(([id]) => packet !== 'PUBLISH' || id !== 0x0b)
      .flatMap(([id, value]) => {
        const whole = property(id, value)
        return Array.from({ length: whole.length - 1 }, (_, cut) => {
          // The bytes are there, but they are no longer properties.
          const short = join(Uint8Array.of(cut + 1), whole)
          return [`${name(id)} after ${cut + 1}`, short, refused(packet, 0x81)] as const
        })
      })
    await tryOut(cases)
  })

  it('[MQTT-1.5.5-1] their length is neither longer than need be nor than the packet', async () => {
    const cases = ['80 00', '80 80 00', '80 80 80 00', '80 80 80 80 00', 'ff ff ff ff 7f', '7f', 'ff ff ff 7f']
    await tryOut(cases.map((bytes) => [bytes, hex(bytes), refused(packet, 0x81)] as const))
  })

  const values: readonly (readonly [id: number, value: string, reason: number])[] = [
    [0x01, '02', 0x82],
    [0x01, 'ff', 0x82],
    [0x17, '02', 0x82],
    [0x19, '02', 0x82],
    [0x21, '0000', 0x82],
    [0x27, '00000000', 0x82],
    [0x23, '0000', 0x94],
    [0x08, '0000', 0x82],
    [0x08, '0001 2b', 0x82],
    [0x08, '0003 612f23', 0x82],
    ...(packet === 'SUBSCRIBE'
      ? ([
          [0x0b, '00', 0x82],
          [0x0b, '81 00', 0x81],
          [0x0b, 'ff ff ff ff 01', 0x81],
        ] as const)
      : []),
  ]
  const mine = values.filter(([id]) => known.get(id)!.packets.includes(packet))
  if (mine.length > 0)
    it('[MQTT-3.3.2-8] [MQTT-3.3.2-14] values out of their range are refused', async () => {
      await tryOut(
        mine.map(([id, value, reason]) => [
          `${name(id)} ${value}`,
          block(property(id, value)),
          refused(packet, reason),
        ]),
      )
    })
})

describe('values that are just within their range', () => {
  it.each([
    ['CONNECT', '21 ffff'],
    ['CONNECT', '22 0000'],
    ['CONNECT', '27 ffffffff'],
    ['CONNECT', '17 00'],
    ['WILL', '18 00000000'],
    ['WILL', '02 00000000'],
    ['PUBLISH', '01 00'],
    ['PUBLISH', '02 00000000'],
    ['PUBLISH', '23 0010'],
    ['PUBLISH', '03 0000'],
    ['PUBLISH', '09 0000'],
    ['SUBSCRIBE', '0b ffffff7f'],
    ['SUBSCRIBE', '26 0000 0000'],
  ])('%s: %s', async (packet, properties) => {
    const { greet, say, done } = await trial()
    const bytes = packetWith(packet, block(properties))
    expect(await (opens(packet) ? greet(5, bytes) : say(5, bytes))).toBe(accepted.get(packet))
    await done()
  })
})
