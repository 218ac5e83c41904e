import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TokenBucket } from '../src/index.ts'

describe('a token bucket', () => {
  it('gives a second’s worth at once, and then one after the other', () => {
    const bucket = new TokenBucket(2, 0)
    expect([0, 0, 0, 499, 500, 500, 999, 1000].map((now) => bucket.take(now))).toEqual([
      true,
      true,
      false,
      false,
      true,
      false,
      false,
      true,
    ])
    expect([5000, 5000, 5000].map((now) => bucket.take(now))).toEqual([true, true, false])
  })

  it('says how long what was spent takes to come in', () => {
    const bucket = new TokenBucket(10, 0)
    expect([bucket.spend(10, 0), bucket.spend(1, 0), bucket.spend(1, 50), bucket.spend(100, 150)]).toEqual([
      0, 100, 150, 10_050,
    ])
  })

  it('gives nothing for time that is turned back, and loses nothing', () => {
    const bucket = new TokenBucket(1, 10_000)
    expect([10_000, 5000, 5999, 6000].map((now) => bucket.take(now))).toEqual([true, false, false, true])
  })

  it('lets through a second’s worth and the rate, no more and no less', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1000 }), fc.array(fc.nat(300), { maxLength: 200 }), (rate, waits) => {
        const bucket = new TokenBucket(rate, 0)
        let [now, taken] = [0, 0]
        for (const wait of [0, ...waits]) {
          now += wait
          while (bucket.take(now)) taken++
        }
        const due = rate + (now * rate) / 1000
        expect(taken).toBeLessThanOrEqual(due + 1e-6)
        expect(taken).toBeGreaterThan(due - 1 - 1e-6)
      }),
    )
  })
})
