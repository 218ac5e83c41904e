import { describe, expect, it } from 'vitest'
import { hex } from '../codec/frames.ts'
import { frame } from '../wire.ts'
import { trial, fault } from './refusals.ts'
import type { ProtocolVersion } from '../../src/codec/packet.ts'

const versions: ProtocolVersion[] = [3, 4, 5]

/** A body that is right for each type of packet a client sends. */
function bodyOf(first: number, version: ProtocolVersion): string {
  const none = version === 5 ? '00' : ''
  switch (first >> 4) {
    case 3:
      return (first & 6) === 0 ? `0001 74 ${none}` : `0001 74 0001 ${none}`
    case 8:
      return `0001 ${none} 0001 74 00`
    case 10:
      return `0001 ${none} 0001 74`
    case 4:
    case 5:
    case 6:
    case 7:
      return '0001'
    default:
      return ''
  }
}

/** Table 2-2 of 5.0 and table 2.2 of 3.1.1; in 3.1 what travels with QoS 1 may be sent again with DUP. */
function flagsAreRight(type: number, flags: number, version: ProtocolVersion): boolean {
  if (type === 3) return (flags & 6) === 0 ? (flags & 8) === 0 : (flags & 6) !== 6
  if (type === 6 || type === 8 || type === 10) return flags === 2 || (version === 3 && flags === 10)
  return flags === 0
}

/** The reason to refuse this first byte of a client that is logged in; undefined when it is good. */
function reasonFor(first: number, version: ProtocolVersion): number | undefined {
  const [type, flags] = [first >> 4, first & 15]
  if (type === 0 || !flagsAreRight(type, flags, version)) return 0x81
  if (type === 15) return version === 5 ? 0x82 : 0x81
  // A second CONNECT, and what only servers send.
  return [1, 2, 9, 11, 13].includes(type) ? 0x82 : undefined
}

const all = Array.from({ length: 256 }, (_, first) => first)

describe('each first byte there is', () => {
  it.each(versions)(
    '[MQTT-2.1.3-1] [MQTT-3.1.0-2] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1] [MQTT-3.3.1-2] [MQTT-3.3.1-4] [MQTT-4.12.0-7] [MQTT-2.2.2-1 of 3.1.1] [MQTT-2.2.2-2 of 3.1.1] [MQTT-3.1.0-2 of 3.1.1] after CONNECT, version %i',
    async (version) => {
      const { say, done } = await trial()
      for (const first of all) {
        const reason = reasonFor(first, version)
        const outcome = await say(version, frame(first, bodyOf(first, version)))
        const name = `0x${first.toString(16)}`
        if (reason !== undefined) expect([name, outcome]).toEqual([name, fault(version, reason)])
        // A good DISCONNECT ends the connection too.
        else expect([name, /DISCONNECT/.test(outcome), outcome.endsWith('end')]).toEqual([name, false, first === 0xe0])
      }
      await done()
    },
  )

  it('[MQTT-3.1.0-1] [MQTT-3.1.0-1 of 3.1.1] before CONNECT: all but that of CONNECT end the connection at once and in silence', async () => {
    const { greet, done } = await trial()
    for (const first of all) {
      const outcome = await greet(4, Uint8Array.of(first))
      expect([first, outcome]).toEqual([first, first === 0x10 ? 'open' : 'end'])
    }
    // One that is still waiting for the rest of its CONNECT has been hung up on by the client: nothing is left of it.
    await done()
  })
})

describe('the remaining length', () => {
  it.each([
    ['five bytes', '30 80 80 80 80 01'],
    ['five bytes, all ones', '30 ff ff ff ff 7f'],
    ['four bytes that go on', '30 ff ff ff ff'],
    ['[MQTT-1.5.5-1] 0 in two bytes', 'c0 80 00'],
    ['[MQTT-1.5.5-1] 0 in four bytes', 'c0 80 80 80 00'],
    ['[MQTT-1.5.5-1] 3 in two bytes', '30 83 00 0001 74'],
    ['[MQTT-1.5.5-1] 128 in four bytes', '30 80 81 80 00'],
  ])('%s', async (_, bytes) => {
    const { say, greet, done } = await trial()
    for (const version of versions) expect(await say(version, hex(bytes))).toBe(fault(version, 0x81))
    expect(await greet(4, hex(`10 ${bytes.slice(3)}`))).toBe('end')
    await done()
  })

  it.each(versions)('one byte more than a client may send is too much, version %i', async (version) => {
    const { say, done } = await trial({ mqtt: { maxPacketSize: 200 } })
    // Three bytes of fixed header and 198 or 197 that are announced.
    expect(await say(version, hex('30 c6 01'))).toBe(fault(version, 0x95))
    expect(await say(version, hex('30 c5 01'))).toBe('open')
    await done()
  })
})
