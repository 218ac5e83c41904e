import { describe, expect, it } from 'vitest'
import { join } from './frames.ts'
import { packetRows } from './packet-rows.ts'
import { type Reader, followers, frameOf, outcomeOf, readerFor } from './strict.ts'

describe.each(packetRows)('%s, strictly', (_, rows) => {
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
})
