import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { encode } from '../../src/codec/encoder.ts'
import { type Connect, type OutgoingPacket, PacketType, type ProtocolVersion } from '../../src/codec/packet.ts'
import { type Sent, packets } from './arbitraries.ts'
import { drain, hex, plain, readerOf } from './frames.ts'
import { asOracleSees, fromOracle, generateByOracle, lossy, parseByOracle } from './oracle.ts'

// Many runs each; a busy machine gets the time it needs.
vi.setConfig({ testTimeout: 30_000 })

const versions = [3, 4, 5] as const

/** Known difference: mqtt-packet does not write what these packets say, although the specification allows it. */
function unwritable(packet: OutgoingPacket, version: ProtocolVersion): RegExp | undefined {
  if (packet.type !== PacketType.Connect) return undefined
  if (packet.clientId === '' && version === 3) return /clientId must be supplied/
  if (packet.clientId === '' && !packet.cleanStart) return /clientId must be given/
  // Allowed in MQTT 5.0 (section 3.1.2.9).
  if (packet.password !== undefined && packet.username === undefined) return /Username is required/
  return undefined
}

/** Known difference: mqtt-packet has no AUTH without a reason code (section 3.15.2.1 allows it). */
const isShortAuth = ({ type, ...rest }: OutgoingPacket): boolean =>
  type === PacketType.Auth && 'reasonCode' in rest && rest.properties === undefined

/** Known difference: 0x8C is no reason to disconnect for mqtt-packet (section 2.4 lists it). */
const isMethodRefusal = (packet: OutgoingPacket): boolean =>
  packet.type === PacketType.Disconnect && packet.reasonCode === 0x8c

/** Known difference: mqtt-packet takes one subscription identifier for a number and several for a list. */
function identifiersAsList(fields: unknown): unknown {
  const properties = (fields as { properties?: Record<string, unknown> }).properties
  const found = properties?.['subscriptionIdentifier']
  if (found === undefined || (fields as { type: number }).type !== PacketType.Publish) return fields
  delete properties!['subscriptionIdentifier']
  properties!['subscriptionIdentifiers'] = [found].flat()
  return fields
}

/** mqtt-packet writes an AUTH of success with an empty property block, which lacks the method it must name. */
function accepted(generate: typeof generateByOracle, packet: OutgoingPacket, version: ProtocolVersion): Uint8Array {
  const bytes = generate(packet, version)
  if (!isShortAuth(packet)) return bytes
  expect(bytes).toEqual(hex('f0 02 00 00'))
  return hex('f0 00')
}

/** User properties sorted by name, values of one name as they stood: mqtt-packet cannot be told the order of names. */
function plainGrouped(packet: OutgoingPacket): unknown {
  const fields = plain(packet) as { properties?: unknown; will?: { properties?: unknown } }
  sortBlock(fields.properties)
  sortBlock(fields.will?.properties)
  return fields
}

function sortBlock(block: unknown): void {
  const holder = block as { userProperties?: [string, string][] } | undefined
  holder?.userProperties?.sort(([a], [b]) => (a === b ? 0 : a < b ? -1 : 1))
}

describe('mqtt-packet reads what we write', () => {
  it.each(versions)('in version %i', (version) => {
    fc.assert(
      fc.property(packets(version), ({ packet }) => {
        const bytes = encode(packet, version)
        if (isShortAuth(packet)) expect(() => parseByOracle(bytes, version)).toThrow('Invalid auth reason code')
        else if (isMethodRefusal(packet))
          expect(() => parseByOracle(bytes, version)).toThrow('Invalid disconnect reason')
        else {
          const parsed = parseByOracle(bytes, version).map((one) => identifiersAsList(fromOracle(one, version)))
          expect(parsed).toEqual([asOracleSees(packet)])
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('we read what mqtt-packet writes', () => {
  it.each(versions)('in version %i', (version) => {
    fc.assert(
      fc.property(packets(version), (sent: Sent) => {
        const { packet } = sent
        const refusal = unwritable(packet, version)
        if (refusal !== undefined) expect(() => generateByOracle(packet, version)).toThrow(refusal)
        else {
          const read = drain(readerOf(sent, version), accepted(generateByOracle, packet, version))
          expect(read.map(plainGrouped)).toEqual([plainGrouped(packet)])
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('where the two differ', () => {
  const connect: Connect = { type: 1, version: 5, cleanStart: true, keepAlive: 0, clientId: 'c' }

  it('[MQTT-3.3.2-18] we keep the order and number of user properties, mqtt-packet groups them', () => {
    const userProperties = [
      ['a', ''],
      ['2', 'x'],
      ['a', 'y'],
      ['1', 'z'],
      ['a', 'w'],
    ] as const
    const packet: Connect = { ...connect, properties: { userProperties } }
    const bytes = encode(packet, 5)
    expect(drain(readerOf({ from: 'client', packet }, 5), bytes).map(plain)).toEqual([plain(packet)])
    expect(lossy(userProperties)).toEqual([
      ['1', 'z'],
      ['2', 'x'],
      ['a', 'y'],
      ['a', 'w'],
    ])
    expect(parseByOracle(bytes, 5).map((one) => fromOracle(one, 5))).toEqual([asOracleSees(packet)])
  })

  it.each([
    ['an empty topic', '30 03 0000 61', 4],
    ['a topic with a wildcard', '30 03 0001 23', 4],
    ['a topic that is not UTF-8', '30 03 0001 ff', 4],
    ['U+0000 in a topic', '30 03 0001 00', 4],
    ['packet identifier 0', '40 02 0000', 4],
    ['a remaining length longer than it need be', 'c0 80 00', 4],
    ['a property twice', '30 08 0001 61 04 01 00 01 00', 5],
    ['a misplaced property', '30 09 0001 61 05 11 00000001', 5],
    ['bytes after an acknowledgement', '40 03 0001 00', 4],
  ] as const)('we refuse and mqtt-packet accepts %s', (_, digits, version) => {
    const sent: Sent = { from: 'client', packet: { type: 12 } }
    expect(() => drain(readerOf(sent, version), hex(digits))).toThrow()
    expect(parseByOracle(hex(digits), version)).toHaveLength(1)
  })

  it('we refuse and mqtt-packet accepts the bridge bit of the protocol level', () => {
    const bytes = hex('10 0d 0004 4d515454 84 02 0000 0001 63')
    expect(() => drain(readerOf({ from: 'client', packet: connect }, 4), bytes)).toThrow('protocol level 132')
    expect(parseByOracle(bytes, 4)).toMatchObject([{ bridgeMode: true }])
  })
})
