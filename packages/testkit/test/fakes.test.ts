import { BrokerError } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { fakeClock, fakeHost } from '../src/index.ts'

describe('fakeClock', () => {
  it('fires timers in the order they fall due, ties in the order they were set', () => {
    const clock = fakeClock(1000)
    const fired: string[] = []
    const note = (name: string) => () => void fired.push(`${name}@${clock.now()}`)
    clock.timer(30, note('c'))
    clock.timer(10, note('a'))
    clock.timer(30, note('d'))
    clock.timer(20, note('b'))
    clock.advance(29)
    expect(fired).toEqual(['a@1010', 'b@1020'])
    expect(clock.now()).toBe(1029)
    clock.advance(1)
    expect(fired.slice(2)).toEqual(['c@1030', 'd@1030'])
    expect(clock.pending).toBe(0)
  })

  it('fires timers that callbacks set, if they fall due on the way', () => {
    const clock = fakeClock(0)
    const fired: number[] = []
    const again = (): void => {
      fired.push(clock.now())
      clock.timer(10, again)
    }
    clock.timer(10, again)
    clock.advance(35)
    expect(fired).toEqual([10, 20, 30])
    expect(clock.next()).toBe(40)
  })

  it('does not fire what was cancelled, not even by a timer of the same moment', () => {
    const clock = fakeClock()
    const fired: string[] = []
    clock.timer(5, () => {
      fired.push('first')
      second.cancel()
    })
    const second = clock.timer(5, () => void fired.push('second'))
    clock.advance(10)
    expect(fired).toEqual(['first'])
  })
})

describe('fakeHost', () => {
  it('runs deferred tasks a turn at a time, in call order', () => {
    const host = fakeHost()
    const ran: string[] = []
    host.defer(() => {
      ran.push('a')
      host.defer(() => void ran.push('c'))
    })
    host.defer(() => void ran.push('b'))
    expect(ran).toEqual([])
    host.turn()
    expect(ran).toEqual(['a', 'b'])
    host.turn()
    expect(ran).toEqual(['a', 'b', 'c'])
  })

  it('settles chains of promises and tasks, and lets no time pass', async () => {
    const host = fakeHost()
    const before = host.clock.now()
    let steps = 0
    const step = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await Promise.resolve()
      if (++steps < 5) host.defer(() => void step())
    }
    void step()
    await host.settle()
    expect(steps).toBe(5)
    expect(host.clock.now()).toBe(before)
  })

  it('keeps the tasks behind one that throws', () => {
    const host = fakeHost()
    const ran: string[] = []
    host.defer(() => {
      throw new Error('bug')
    })
    host.defer(() => void ran.push('b'))
    expect(() => host.turn()).toThrow('bug')
    host.turn()
    expect(ran).toEqual(['b'])
  })

  it('settles after every timer while time passes', async () => {
    const host = fakeHost()
    const start = host.clock.now()
    const seen: number[] = []
    const loop = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await new Promise<void>((resolve) => void host.clock.timer(10, resolve))
        seen.push(host.clock.now() - start)
      }
    }
    void loop()
    await host.advance(35)
    expect(seen).toEqual([10, 20, 30])
    expect(host.clock.now()).toBe(start + 35)
  })

  it('makes ids of the kind a host makes, and collects reports', () => {
    const host = fakeHost()
    const ids = [host.randomId(), host.randomId()]
    expect(new Set(ids).size).toBe(2)
    for (const id of ids) expect(id).toMatch(/^[0-9A-Za-z]{20,}$/)
    expect(fakeHost().randomId()).toBe(ids[0])
    const error = new BrokerError('timeout')
    host.report(error, 'here')
    expect(host.reports).toEqual([{ error, context: 'here' }])
  })
})
