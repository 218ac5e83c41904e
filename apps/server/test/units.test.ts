import { assert, maxSafeNat, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatBytes, formatDuration, parseBytes, parseCount, parseDuration } from '../src/config/units.ts'

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['10 S', 10_000],
    [250, 250],
    ['250', 250],
    ['unlimited', Infinity],
    [Infinity, Infinity],
  ])('%j is %d ms', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds))

  test.each(['', 's', '10x', '-1s', -1, 1.5, '0.5ms', 'ten', true, null, {}, Number.NaN, '1e3', '10MiB', '1s 2s'])(
    '%j is none',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  )
})

describe('sizes', () => {
  test.each([
    ['512B', 512],
    ['64KB', 64_000],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['1.5MiB', 1_572_864],
    ['1gb', 1_000_000_000],
    ['2GiB', 2_147_483_648],
    [7, 7],
    ['unlimited', Infinity],
  ])('%j is %d bytes', (text, bytes) => expect(parseBytes(text)).toBe(bytes))

  test.each(['64K', '1M', '10s', '-1B', '0.3B', '9007199254740993B'])('%j is none', (text) =>
    expect(parseBytes(text)).toBeUndefined(),
  )
})

test('a count has no unit', () => {
  expect(parseCount('12')).toBe(12)
  expect(parseCount('unlimited')).toBe(Infinity)
  expect(parseCount('12s')).toBeUndefined()
})

test('what is formatted is read back as it was', () => {
  assert(
    property(maxSafeNat(), (n) => {
      expect(parseDuration(formatDuration(n))).toBe(n)
      expect(parseBytes(formatBytes(n))).toBe(n)
    }),
  )
  expect(formatBytes(1_048_576)).toBe('1MiB')
  expect(formatDuration(90_000)).toBe('90s')
  expect(formatDuration(0)).toBe('0ms')
  expect(formatBytes(Infinity)).toBe('unlimited')
})
