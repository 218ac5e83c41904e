import { fakeClock } from '@isomq/testkit'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Schedule } from '../src/schedule.ts'

function scene() {
  const clock = fakeClock(1000)
  const reports: unknown[] = []
  return { clock, reports, schedule: new Schedule(clock, (error) => void reports.push(error)) }
}

describe('schedule', () => {
  it('runs everything when it is due, earliest first, cancelled ones not', () => {
    const work = fc.record({ due: fc.integer({ min: 900, max: 1100 }), cancel: fc.boolean() })
    fc.assert(
      fc.property(fc.array(work, { maxLength: 300 }), (all) => {
        const { clock, schedule } = scene()
        const ran: number[] = []
        const appointments = all.map(({ due }) => schedule.at(due, () => void ran.push(due)))
        for (const [i, { cancel }] of all.entries()) if (cancel) appointments[i]!.cancel()
        const kept = all.filter(({ cancel }) => !cancel).map(({ due }) => due)
        expect(schedule.size).toBe(kept.length)
        clock.advance(50)
        expect(ran).toHaveLength(kept.filter((due) => due <= 1050).length)
        clock.advance(50)
        expect(ran).toEqual(kept.toSorted((a, b) => a - b))
        expect([schedule.size, clock.pending]).toEqual([0, 0])
      }),
    )
  })

  it('keeps one timer, whatever is set', () => {
    const { clock, schedule } = scene()
    for (const due of [3000, 2000, 4000]) schedule.at(due, () => {})
    expect([clock.pending, clock.next()]).toEqual([1, 2000])
  })

  it('reaches times further away than a timer does, and never what is infinite', () => {
    const { clock, schedule } = scene()
    let ran = 0
    schedule.at(1000 + 5e9, () => void ran++)
    schedule.at(Infinity, () => void ran++).cancel()
    expect(clock.next()).toBe(1000 + 2 ** 31 - 1)
    clock.advance(5e9 - 1)
    expect(ran).toBe(0)
    clock.advance(1)
    expect([ran, clock.pending, schedule.size]).toEqual([1, 0, 0])
  })

  it('work may set and cancel work; what throws is reported and stops nothing', () => {
    const { clock, schedule, reports } = scene()
    const ran: string[] = []
    schedule.at(1001, () => {
      later.cancel()
      schedule.at(1001, () => void ran.push('at once'))
      throw new Error('work that throws')
    })
    const later = schedule.at(1002, () => void ran.push('cancelled'))
    const last = schedule.at(1003, () => void ran.push('last'))
    clock.advance(10)
    last.cancel()
    expect([ran, reports.length, schedule.size]).toEqual([['at once', 'last'], 1, 0])
  })

  it('forgets everything when it is cleared', () => {
    const { clock, schedule } = scene()
    const gone = schedule.at(2000, () => expect.unreachable())
    schedule.clear()
    gone.cancel()
    expect([schedule.size, clock.pending]).toEqual([0, 0])
    clock.advance(5000)
  })
})
