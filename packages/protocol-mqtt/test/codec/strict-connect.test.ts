import { describe, expect, it } from 'vitest'
import { MalformedPacket } from '../../src/codec/malformed-packet.ts'
import { join } from './frames.ts'
import { connectRows, v4, v5 } from './connect-rows.ts'
import { type Reader, followers, frameOf, outcomeOf, readerFor } from './strict.ts'

describe('CONNECT, strictly', () => {
  for (const [rule, readers, first, body, outcome] of connectRows)
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
    ['an unknown level', `10 0d 0004 4d515454 06 02 003c 0001 63`, undefined],
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
