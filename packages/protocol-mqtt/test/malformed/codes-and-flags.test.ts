import { describe, expect, it } from 'vitest'
import { hex } from '../codec/frames.ts'
import { frame, string } from '../wire.ts'
import { type Outcome, trial, fault, refusal } from './refusals.ts'
import type { ProtocolVersion } from '../../src/codec/packet.ts'

const versions: ProtocolVersion[] = [3, 4, 5]
const bytes = Array.from({ length: 256 }, (_, byte) => byte)
const heads = { 3: '0006 4d5149736470 03', 4: '0004 4d515454 04', 5: '0004 4d515454 05' }

/** A CONNECT with exactly the fields its flags speak of. */
function connectOf(version: ProtocolVersion, flags: number): Uint8Array {
  const none = version === 5 ? '00' : ''
  const will = (flags & 4) === 0 ? [] : [none, string('w'), string('p')]
  const user = (flags & 0x80) === 0 ? [] : [string('u')]
  const password = (flags & 0x40) === 0 ? [] : [string('s')]
  return frame(0x10, heads[version], Uint8Array.of(flags), '0000', none, string('c'), ...will, ...user, ...password)
}

function connectFlagsAreRight(version: ProtocolVersion, flags: number): boolean {
  const [reserved, will, qos] = [flags & 1, flags & 4, (flags >> 3) & 3]
  const [retain, password, user] = [flags & 0x20, flags & 0x40, flags & 0x80]
  if (reserved !== 0) return false
  if (will !== 0 && qos === 3) return false
  // 3.1 says that they mean nothing then.
  if (will === 0 && version !== 3 && (qos !== 0 || retain !== 0)) return false
  // [MQTT-3.1.2-22 of 3.1.1]
  return version === 5 || user !== 0 || password === 0
}

describe('each byte of flags there is', () => {
  it.each(versions)(
    '[MQTT-3.1.2-3] [MQTT-3.1.2-11] [MQTT-3.1.2-12] [MQTT-3.1.2-13] [MQTT-3.1.4-1] [MQTT-3.1.2-3 of 3.1.1] [MQTT-3.1.2-11 of 3.1.1] [MQTT-3.1.2-13 of 3.1.1] [MQTT-3.1.2-14 of 3.1.1] [MQTT-3.1.2-15 of 3.1.1] [MQTT-3.1.2-22 of 3.1.1] [MQTT-3.1.4-1 of 3.1.1] in CONNECT, version %i',
    async (version) => {
      const { greet, bench, done } = await trial()
      for (const flags of bytes) {
        const outcome = await greet(version, connectOf(version, flags))
        const expected = connectFlagsAreRight(version, flags) ? 'CONNACK 0x00 open' : refusal(version, 0x81)
        expect([flags, outcome]).toEqual([flags, expected])
        const session = bench.broker.sessions.get('c')
        if (session !== undefined) bench.broker.sessions.end(session, 'unavailable')
      }
      await done()
    },
  )

  it.each(versions)(
    '[MQTT-3.8.3-5] [MQTT-3.8.3-4 of 3.1.1] beside a filter of SUBSCRIBE, version %i',
    async (version) => {
      const { say, done } = await trial()
      const expected = (options: number): Outcome => {
        const qos = options & 3
        if (version < 5) return options > 2 ? 'end' : `SUBACK 0x0${qos} open`
        if ((options & 0xc0) !== 0) return fault(5, 0x81)
        return qos === 3 || (options & 0x30) === 0x30 ? fault(5, 0x82) : `SUBACK 0x0${qos} open`
      }
      for (const options of bytes) {
        const sent = frame(0x82, '0001', version === 5 ? '00' : '', string('t'), Uint8Array.of(options))
        expect([options, await say(version, sent)]).toEqual([options, expected(options)])
      }
      await done()
    },
  )

  it('[MQTT-3.8.3-4] No Local is refused on a shared subscription and nowhere else', async () => {
    const { say, done } = await trial()
    for (const options of bytes.filter((byte) => byte < 0x30 && (byte & 3) !== 3)) {
      const sent = (filter: string): Uint8Array => frame(0x82, '0001 00', string(filter), Uint8Array.of(options))
      const granted = `SUBACK 0x0${options & 3} open`
      const noLocal = (options & 4) !== 0
      expect(await say(5, sent('$share/g/t'))).toBe(noLocal ? fault(5, 0x82) : granted)
      expect(await say(5, sent('$shared/g/t'))).toBe(granted)
    }
    await done()
  })
})

describe('each reason code there is', () => {
  const legal: readonly (readonly [packet: string, first: number, codes: string, good: Outcome])[] = [
    ['[MQTT-3.4.2-1] PUBACK', 0x40, '00 10 80 83 87 90 91 97 99', 'open'],
    ['[MQTT-3.5.2-1] PUBREC', 0x50, '00 10', 'PUBREL open'],
    ['[MQTT-3.6.2-1] PUBREL', 0x62, '00 92', 'PUBCOMP open'],
    ['[MQTT-3.7.2-1] PUBCOMP', 0x70, '00 92', 'open'],
  ]
  it.each(legal)('in %s', async (packet, first, codes, good) => {
    const { say, done } = await trial()
    const taken = hex(codes)
    // A failing PUBREC ends its exchange: nothing is to be answered.
    const silent = packet.includes('PUBREC') ? hex('80 83 87 90 91 97 99') : hex('')
    for (const code of bytes) {
      const expected = taken.includes(code) ? good : silent.includes(code) ? 'open' : fault(5, 0x82)
      for (const rest of ['', '00'])
        expect([code, await say(5, frame(first, '0007', Uint8Array.of(code), rest))]).toEqual([code, expected])
    }
    await done()
  })

  it('[MQTT-3.14.2-1] in DISCONNECT: those of servers are not for clients', async () => {
    const { say, done } = await trial()
    const mine = hex('00 04 80 81 82 83 90 93 94 95 96 97 98 99')
    for (const code of bytes) {
      const expected = mine.includes(code) ? 'end' : fault(5, 0x82)
      expect([code, await say(5, frame(0xe0, Uint8Array.of(code)))]).toEqual([code, expected])
    }
    await done()
  })

  it.each([3, 4] as const)('there is none in version %i', async (version) => {
    const { say, done } = await trial()
    for (const first of [0x40, 0x50, 0x62, 0x70]) expect(await say(version, frame(first, '0007 00'))).toBe('end')
    expect(await say(version, frame(0xe0, '00'))).toBe('end')
    await done()
  })
})
