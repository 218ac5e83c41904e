import { expect, test } from 'vitest'
import { fakeClock } from '@isomq/testkit'
import { MemoryWatch } from '../src/memory-watch.ts'

test('memory is short from its limit on, until clearly less is in use', () => {
  const clock = fakeClock()
  let bytes = 50
  const told: unknown[] = []
  const watch = new MemoryWatch({ clock, limit: 100, read: () => bytes, changed: (...what) => told.push(what) })
  const use = (now: number): boolean => {
    bytes = now
    clock.advance(250)
    return watch.isShort
  }
  expect([use(99), use(100), use(95), use(90), use(89), use(95), use(200)]).toEqual([
    false,
    true,
    true,
    true,
    false,
    false,
    true,
  ])
  const start = clock.now() - 7 * 250
  expect(told).toEqual([
    [true, 100, start + 500],
    [false, 89, start + 500],
    [true, 200, start + 1750],
  ])
  watch.stop()
  expect(clock.pending).toBe(0)
})

test('where nobody knows how much is in use there is always enough', () => {
  expect(new MemoryWatch(undefined).isShort).toBe(false)
})
