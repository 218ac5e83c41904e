import { describe, expect, it } from 'vitest'
import { regexRisk } from '../src/regex-risk.ts'

const [nested, alternatives, back] = [
  'must not repeat what repeats in itself',
  'must not repeat a group of alternatives; write a class such as [ab]',
  'must not refer back to a group',
]

describe('a regular expression', () => {
  it.each([
    '',
    '^a/b$',
    '^(.+)/(.+)$',
    '^([^/]+)/([^/]+)/(.*)$',
    '^(?:a|b)/(\\d+)$',
    '^(a+)?b{0,1}(?:c*){1}$',
    '^(a+)?$',
    '[(+*)]+',
    '[\\]+(]*',
    '\\(a+\\)+',
    '\\(?a+',
    '(?<one>a+)/(?<two>b)*',
    '(?:ab){2,5}c*',
    '(?=a+)b+',
    '(ab)+|(cd)+',
    'a+?b*?',
    '\\p{L}+',
    '\\0',
  ])('%s is taken', (source) => {
    expect(() => new RegExp(source, 'u')).not.toThrow()
    expect(regexRisk(source)).toBeUndefined()
  })

  it.each([
    ['^(a+)+$', nested],
    ['(?:[^/]+/)*x', nested],
    ['((a*))+', nested],
    ['(a{2,})*', nested],
    ['(a+){30}', nested],
    ['(a+){2,}?', nested],
    ['(?<n>\\d+)+', nested],
    ['(a?b*c?)*', nested],
    ['(\\(+)+', nested],
    ['([)]+)+', nested],
    ['(?:(?:a+)?)+', nested],
    ['^(a|a)*$', alternatives],
    ['(?:a|ab)+', alternatives],
    ['((a|b)c){3}', alternatives],
    ['(a)\\1', back],
    ['(?<n>a)\\k<n>', back],
  ])('%s is refused', (source, why) => {
    expect(() => new RegExp(source, 'u')).not.toThrow()
    expect(regexRisk(source)).toBe(why)
  })
})
