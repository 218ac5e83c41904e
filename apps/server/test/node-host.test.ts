import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { nodeHost } from '../src/node-host.ts'

afterEach(() => vi.useRealTimers())

const silent = (): void => undefined

test('deferred tasks run in call order after the current turn, those deferred meanwhile in the same drain', async () => {
  const { defer } = nodeHost(silent)
  const order: string[] = []
  defer(() => {
    order.push('a')
    defer(() => order.push('c'))
    setImmediate(() => order.push('next turn'))
  })
  defer(() => order.push('b'))
  await Promise.resolve()
  expect(order).toEqual([])
  await nextTurn()
  expect(order).toEqual(['a', 'b', 'c'])
  await nextTurn()
  expect(order.at(-1)).toBe('next turn')
})

test('a task that throws is reported and stops no other', async () => {
  const reports: unknown[] = []
  const { defer } = nodeHost((error, context) => reports.push([(error as Error).message, context]))
  const ran = vi.fn()
  defer(() => {
    throw new Error('bug')
  })
  defer(ran)
  await nextTurn()
  expect(ran).toHaveBeenCalledOnce()
  expect(reports).toEqual([['bug', 'deferred task']])
})

test('a task that defers itself for ever lets input be read in between, and order is kept', async () => {
  const { defer } = nodeHost(silent)
  let rounds = 0
  const again = (): void => {
    rounds += 1
    if (rounds < 1000) defer(again)
  }
  defer(again)
  await nextTurn()
  expect(rounds).toBeLessThan(1000)
  await vi.waitFor(() => expect(rounds).toBe(1000))
})

test('report never throws', () => {
  const host = nodeHost(() => {
    throw new Error('no disk for logs')
  })
  expect(() => host.report(new Error('x'), 'y')).not.toThrow()
})

test('a timer longer than setTimeout can wait fires once, in time', () => {
  vi.useFakeTimers()
  const { clock } = nodeHost(silent)
  const fired = vi.fn()
  const month = 2 ** 31 + 1000
  clock.timer(month, fired)
  vi.advanceTimersByTime(month - 1)
  expect(fired).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(fired).toHaveBeenCalledOnce()
})

test('a cancelled timer never fires, not in its second part either', () => {
  vi.useFakeTimers()
  const { clock } = nodeHost(silent)
  const fired = vi.fn()
  const timer = clock.timer(2 ** 31 + 1000, fired)
  vi.advanceTimersByTime(2 ** 31)
  timer.cancel()
  vi.advanceTimersByTime(10_000)
  clock.timer(Infinity, fired)
  vi.advanceTimersByTime(2 ** 33)
  expect(fired).not.toHaveBeenCalled()
})

test('the clock is the time of day', async () => {
  const { clock } = nodeHost(silent)
  const before = Date.now()
  expect(clock.now()).toBeGreaterThanOrEqual(before)
  await new Promise<void>((resolve) => {
    clock.timer(5, resolve)
    void sleep(200)
  })
  expect(clock.now()).toBeGreaterThanOrEqual(before + 4)
})

test('random ids are letters and digits, long, all different and evenly spread', () => {
  const { randomId } = nodeHost(silent)
  const ids = Array.from({ length: 2000 }, () => randomId())
  expect(new Set(ids).size).toBe(ids.length)
  const counts = new Map<string, number>()
  for (const id of ids) {
    expect(id).toMatch(/^[0-9A-Za-z]{20,}$/)
    for (const letter of id) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  }
  const mean = ids.join('').length / 62
  // Without the cut at 248 the first eight letters would come a quarter more often.
  const first = [...'01234567'].reduce((sum, letter) => sum + (counts.get(letter) ?? 0), 0) / 8
  expect(counts.size).toBe(62)
  expect(first / mean).toBeLessThan(1.1)
})
