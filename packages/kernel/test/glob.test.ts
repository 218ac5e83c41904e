import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { globMatcher } from '../src/glob.ts'

/** The meaning of a pattern, in the plainest words. */
function naive(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern[0] === '*') return naive(pattern.slice(1), text) || (text !== '' && naive(pattern, text.slice(1)))
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && naive(pattern.slice(1), text.slice(1))
}

describe('a pattern', () => {
  it.each([
    ['*', '', true],
    ['?', '', false],
    ['?**', '', false],
    ['*?', '', false],
    ['sensor-*', 'sensor-', true],
    ['sensor-*', 'a-sensor-1', false],
    ['*-x', 'a-x-x', true],
    ['a*a', 'a', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['a.c', 'abc', false],
    ['[a]', 'a', false],
    ['192.168.*', '192.168.7.1', true],
  ])('%s against %s: %s', (pattern, text, expected) => {
    expect(globMatcher(pattern)(text)).toBe(expected)
  })

  it('means what the naive matcher says', () => {
    const of = (characters: string, maxLength: number) => fc.string({ unit: fc.constantFrom(...characters), maxLength })
    fc.assert(
      fc.property(of('ab?*', 8), of('ab', 10), (pattern, text) => {
        expect(globMatcher(pattern)(text)).toBe(naive(pattern, text))
      }),
      { numRuns: 2000 },
    )
  })

  it('tries nothing again: what takes others for ever is done at once', () => {
    const text = 'a'.repeat(65_535)
    expect(globMatcher(`${'*a?a'.repeat(60)}*b`)(text)).toBe(false)
    expect(globMatcher(`${'*a?a'.repeat(60)}*`)(text)).toBe(true)
  })
})
