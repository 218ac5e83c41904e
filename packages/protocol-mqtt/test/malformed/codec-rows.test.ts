import { describe, it } from 'vitest'
import { expect } from 'vitest'
import { trial, fault, refusal } from './refusals.ts'
import type { ProtocolVersion } from '../../src/codec/packet.ts'
import { connectRows } from '../codec/connect-rows.ts'
import { packetRows } from '../codec/packet-rows.ts'
import { frameOf, type Row } from '../codec/strict.ts'

// The rules that the codec's own tests hold against the decoder, held against the broker over a connection.

const mqtt = '00044d515454'

/** The version a CONNECT says, if it gets as far as that. */
function versionOf(first: string, body: string): ProtocolVersion | undefined {
  const dense = body.replaceAll(' ', '')
  if (!first.startsWith('1')) return undefined
  if (dense.startsWith('00064d514973647003')) return 3
  return dense.startsWith(`${mqtt}04`) ? 4 : dense.startsWith(`${mqtt}05`) ? 5 : undefined
}

function readers(row: Row): string[] {
  return row[4] === 'ok' || row[4] === 'more' ? [] : row[1].split(' ').filter((reader) => reader.startsWith('S'))
}

function greetings(rows: readonly Row[]): Row[] {
  return rows.filter((row) => readers(row).includes('S'))
}

describe('the first packet of a connection', () => {
  for (const [rule, , first, body, outcome] of greetings(connectRows))
    it(`[MQTT-3.1.4-1] [MQTT-3.1.4-1 of 3.1.1] ${rule}`, async () => {
      const { greet, done } = await trial()
      const version = versionOf(first, body)
      const expected =
        outcome === 0x84
          ? 'CONNACK 0x01 end'
          : first === '10' && version !== undefined
            ? refusal(version, outcome as number)
            : 'end'
      expect(await greet(version ?? 4, frameOf(first, body))).toBe(expected)
      await done()
    })
})

describe.each([['CONNECT', connectRows] as const, ...packetRows])('%s of a client that is let in', (_, rows) => {
  for (const row of rows) {
    const [rule, , first, body, outcome] = row
    const versions = readers(row).filter((reader) => reader !== 'S')
    if (versions.length === 0) continue
    it(`[MQTT-4.13.1-1] [MQTT-4.8.0-1 of 3.1.1] ${rule} (${versions.join(' ')})`, async () => {
      const { say, done } = await trial()
      for (const reader of versions) {
        const version = Number(reader[1]) as ProtocolVersion
        expect([version, await say(version, frameOf(first, body))]).toEqual([
          version,
          fault(version, outcome as number),
        ])
      }
      await done()
    })
  }
})
