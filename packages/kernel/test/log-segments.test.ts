import { array, assert, integer, nat, option, property, record as recordOf } from 'fast-check'
import { expect, it } from 'vitest'
import { defaultLimits } from '../src/index.ts'
import { LogSegments } from '../src/log-segments.ts'
import { message } from './rig.ts'

it('knows of every record what it was told, until its part is forgotten', () => {
  const record = recordOf({
    step: integer({ min: 1, max: 3000 }),
    bytes: nat(20),
    expires: option(nat(1000)),
  })
  assert(
    property(array(record, { minLength: 1, maxLength: 60 }), nat(), (records, cut) => {
      const segments = new LogSegments({ ...defaultLimits, logBytes: 400, logAge: 160 })
      const known: { offset: number; bytes: number; expiry: number; time: number }[] = []
      for (const [time, { step, bytes, expires }] of records.entries()) {
        const offset = (known.at(-1)?.offset ?? 0) + step
        const expiresAt = expires ?? undefined
        segments.add(message('t', 'x'.repeat(bytes), { expiresAt }), offset, time)
        known.push({ offset, bytes, expiry: expiresAt ?? Infinity, time })
      }
      const end = known.at(-1)!.offset + 1
      for (const { offset, expiry } of known) expect(segments.expiryOf(offset)).toBe(expiry)
      for (const { time } of known) expect(segments.addedSince(time)).toBeLessThanOrEqual(known[time]!.offset)
      expect(segments.addedSince(known.length)).toBe(undefined)
      const before = cut % (end + 1)
      const forgotten = segments.trim(before, end)
      const kept = known.filter(({ offset }) => offset >= before)
      const sum = (of: typeof known): number => of.reduce((all, each) => all + each.bytes, 0)
      // Never what is still wanted.
      expect(forgotten).toBeLessThanOrEqual(sum(known) - sum(kept))
      for (const { offset, expiry } of kept) expect(segments.expiryOf(offset)).toBe(expiry)
      expect(forgotten + segments.trim(end, end)).toBe(sum(known))
      expect([segments.second, segments.expiring]).toEqual([undefined, false])
    }),
  )
})
