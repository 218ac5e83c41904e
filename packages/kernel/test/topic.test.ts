import * as fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { covers, isFilter, isTopic, levels, matches } from '../src/topic.ts'

/** Filter, topic, does it match: the examples of the MQTT 5.0 specification (4.7), and their edges. */
const table: readonly [filter: string, topic: string, expected: boolean][] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/tennis/player1/#', 'sport/tennis/player10', false],
  ['sport/tennis/player1/#', 'sport/tennis', false],
  ['sport/#', 'sport', true],
  ['sport/#', 'sport/', true],
  ['sport/#', 'sports', false],
  ['sport/#', 'spor', false],
  ['#', 'sport', true],
  ['#', '/', true],
  ['#', 'a/b/c', true],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+', 'finance', true],
  ['+', '/finance', false],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['/finance', '/finance', true],
  ['/finance', 'finance', false],
  ['finance', 'finance/', false],
  ['finance/', 'finance', false],
  ['+/tennis/#', 'sport/tennis', true],
  ['+/tennis/#', '/tennis/a/b', true],
  ['sport/+/player1', 'sport/tennis/player1', true],
  ['sport/+/player1', 'sport//player1', true],
  ['sport/+/player1', 'sport/player1', false],
  ['a/+/#', 'a', false],
  ['a/+/#', 'a/', true],
  ['/#', '/', true],
  ['/#', 'a', false],
  ['#', '$SYS/uptime', false],
  ['#', '$', false],
  ['+', '$', false],
  ['+/monitor/Clients', '$SYS/monitor/Clients', false],
  ['$SYS/#', '$SYS', true],
  ['$SYS/#', '$SYS/monitor', true],
  ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
  ['$SYS/#', 'SYS/monitor', false],
  ['a/+', 'a/$b', true],
  ['a/#', 'a/$b/c', true],
  ['ACCOUNTS', 'Accounts', false],
  ['Accounts payable', 'Accounts payable', true],
  ['\u00e9', 'e\u0301', false],
  ['\ufeffa', 'a', false],
  ['abc', 'ab', false],
  ['ab', 'abc', false],
]

describe('matches', () => {
  test.each(table)('%s on %s: %s', (filter, topic, expected) => {
    expect(isFilter(filter)).toBe(true)
    expect(isTopic(topic)).toBe(true)
    expect(matches(filter, topic)).toBe(expected)
  })

  it('agrees with a regular expression', () => {
    const level = fc.constantFrom('', 'a', 'b', '$', '.', '*')
    const filters = fc
      .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.constantFrom('', 'a', '+', '#'))
      .map(([head, last]) => [...head, last].join('/'))
      .filter(isFilter)
    const topics = fc
      .array(level, { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join('/'))
      .filter(isTopic)
    fc.assert(
      fc.property(filters, topics, (filter, topic) => {
        const pattern = filter
          .replaceAll(/[$.*]/g, String.raw`\$&`)
          .replaceAll('+', '[^/]*')
          .replace(/\/?#$/, (tail) => (tail === '#' ? '.*' : '(/.*)?'))
        const expected = new RegExp(`^${pattern}$`).test(topic) && !(topic.startsWith('$') && /^[+#]/.test(filter))
        expect(matches(filter, topic)).toBe(expected)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('covers', () => {
  // Every topic of up to three levels out of these tells two filters of as many apart.
  const names = ['a', 'b', '', '$c']
  const level = fc.constantFrom(...names, '+')
  const filters = fc
    .tuple(fc.array(level, { maxLength: 3 }), fc.boolean())
    .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/'))
    .filter(isFilter)
  const topics: string[] = []
  for (const a of names) {
    topics.push(a)
    for (const b of names) {
      topics.push(`${a}/${b}`)
      for (const c of names) for (const d of ['', '/a', '/z']) topics.push(`${a}/${b}/${c}${d}`)
    }
  }
  topics.push(
    'z',
    'z/z',
    'z/z/z',
    ...names.flatMap((a) => [`${a}/z`, `z/${a}`, `${a}/z/z`, `${a}/${a}/z`, `${a}/b/z`, `${a}/a/z`]),
  )

  it('is true where no topic is covered by the other filter alone', () => {
    const property = fc.property(filters, filters, (filter, other) => {
      const alone = topics.filter(isTopic).find((topic) => matches(other, topic) && !matches(filter, topic))
      expect([filter, other, covers(filter, other)]).toEqual([filter, other, alone === undefined])
    })
    fc.assert(property, { numRuns: 20_000 })
  })
})

describe('isTopic', () => {
  test.each([
    'a',
    '/',
    '//',
    ' ',
    '$SYS/a',
    'a/\u{1f600}',
    '\ufeff',
    '__proto__',
    'a'.repeat(65_535),
    '/'.repeat(65_535),
  ])('accepts %#', (topic) => expect(isTopic(topic)).toBe(true))
  test.each([
    '',
    '+',
    'a/+',
    'a+',
    '#',
    'a/#',
    'a\0b',
    '\0',
    'a'.repeat(65_536),
    'é'.repeat(32_768),
    '€'.repeat(21_846),
  ])('refuses %#', (topic) => expect(isTopic(topic)).toBe(false))
  it('counts UTF-8 bytes', () => {
    expect(isTopic('€'.repeat(21_845))).toBe(true)
    expect(isTopic('é'.repeat(32_767))).toBe(true)
    expect(isTopic('\u{1f600}'.repeat(16_383))).toBe(true)
    expect(isTopic('\u{1f600}'.repeat(16_384))).toBe(false)
  })
})

describe('isFilter', () => {
  test.each(['a', '/', '+', '#', '/#', '+/#', 'a/+/b', '+/+/+', '//#', '/+/', '$SYS/#', `${'+/'.repeat(30_000)}#`])(
    'accepts %#',
    (filter) => expect(isFilter(filter)).toBe(true),
  )
  test.each([
    '',
    'a#',
    '#/',
    '#/a',
    'a/#/b',
    '##',
    '+#',
    '#+',
    'a+',
    '+a',
    'a/b+/c',
    '++',
    'a/#b',
    'a\0',
    'a'.repeat(65_536),
  ])('refuses %#', (filter) => expect(isFilter(filter)).toBe(false))
})

describe('levels', () => {
  it('is the number of slashes plus one', () => {
    expect(levels('a')).toBe(1)
    expect(levels('/')).toBe(2)
    expect(levels('/a//b/')).toBe(5)
    expect(levels('/'.repeat(65_535))).toBe(65_536)
  })
})
