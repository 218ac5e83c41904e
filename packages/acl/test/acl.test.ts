import { isFilter, matches } from '@isomq/kernel'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Acl, type AclRule, readMosquittoAcl, ruleFault } from '../src/index.ts'
import { overlap } from '../src/overlap.ts'

const ann = { clientId: 'a1', username: 'ann' }
const nobody = { clientId: 'n1' }

test('the first rule that fits says what may be done', () => {
  const acl = new Acl([
    { effect: 'deny', publish: ['a/secret/#'], subscribe: ['a/secret/#'] },
    { effect: 'allow', users: ['ann'], publish: ['a/#'], subscribe: ['a/#'], qos: 1, retain: false },
    { effect: 'allow', users: ['*'], publish: ['b/%u/%c'] },
    { effect: 'allow', users: [''], subscribe: ['open/+'] },
    { effect: 'allow', clients: ['n1'], publish: ['c'] },
  ])
  const say = (who: typeof nobody, action: 'publish' | 'subscribe', topic: string): unknown =>
    acl.topic(who, action, topic)
  expect(say(ann, 'publish', 'a/b')).toEqual({ qos: 1, retain: false })
  expect(say(ann, 'publish', 'a/secret/x')).toBe(false)
  expect(say(ann, 'publish', 'a/Secret/x')).toEqual({ qos: 1, retain: false })
  expect(say(ann, 'publish', 'b/ann/a1')).toEqual({ qos: 2, retain: true })
  expect(say(ann, 'publish', 'b/bob/a1')).toBeUndefined()
  expect(say(nobody, 'publish', 'a/b')).toBeUndefined()
  expect(say(nobody, 'subscribe', 'open/1')).toEqual({ qos: 2, retain: true })
  expect(say(ann, 'subscribe', 'open/1')).toBeUndefined()
  expect([say(nobody, 'publish', 'c'), say(ann, 'publish', 'c')]).toEqual([{ qos: 2, retain: true }, undefined])
})

describe('a filter may be subscribed to where it can bring something', () => {
  const acl = new Acl([
    { effect: 'deny', subscribe: ['a/secret/#'] },
    { effect: 'allow', subscribe: ['a/+/x'], qos: 0 },
    { effect: 'allow', subscribe: ['b/#'] },
  ])
  test.each([
    ['a/secret/x', false],
    ['a/secret/#', false],
    ['a/secret', false],
    ['a/1/x', 0],
    ['a/#', 0],
    ['#', 0],
    ['+/1/x', 0],
    ['b', 2],
    ['b/1/2', 2],
    ['c/#', undefined],
    ['a/1/y', undefined],
    ['$SYS/#', undefined],
  ])('%s', (filter, expected) => {
    const answer = acl.filter(ann, filter)
    expect(typeof answer === 'object' ? answer.qos : answer).toBe(expected)
  })
})

describe('names that mean more in a filter', () => {
  const allowed = new Acl([{ effect: 'allow', publish: ['dev/%c/#', 'user/%u'], subscribe: ['dev/%c/#', '%u/#'] }])
  test.each(['#', '+', 'a/b', 'x/#', '\0', ''])('give no right: %j', (clientId) => {
    for (const topic of ['dev/a/b/c', 'dev/x', `dev/${clientId}/x`])
      expect(allowed.topic({ clientId }, 'publish', topic)).toBeUndefined()
    expect(allowed.filter({ clientId }, 'dev/#')).toBeUndefined()
    expect(allowed.topic({ clientId: 'x', username: clientId }, 'publish', `user/${clientId}`)).toBeUndefined()
  })

  test('make no topic of the broker’s own', () => {
    expect(allowed.filter({ clientId: 'x', username: '$SYS' }, '$SYS/#')).toBeUndefined()
  })

  test.each(['#', '+', 'a/b'])('are denied all that a denial could mean: %j', (clientId) => {
    const denied = new Acl([
      { effect: 'deny', publish: ['dev/%c/own'], subscribe: ['dev/%c/own'] },
      { effect: 'allow', publish: ['#'], subscribe: ['#'] },
    ])
    expect(denied.topic({ clientId }, 'publish', 'dev/a/b/own')).toBe(false)
    expect(denied.topic({ clientId }, 'publish', 'dev/x/own')).toBe(false)
    expect(denied.topic({ clientId }, 'publish', 'elsewhere')).toEqual({ qos: 2, retain: true })
    expect(denied.topic({ clientId: 'plain' }, 'publish', 'dev/x/own')).toEqual({ qos: 2, retain: true })
  })
})

describe('laws', () => {
  const level = fc.constantFrom('a', 'b', '', '$x')
  const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
  const filters = fc
    .tuple(fc.array(fc.constantFrom('a', 'b', '', '+', '$x'), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, more]) => [...levels, ...(more ? ['#'] : [])].join('/'))
    .filter(isFilter)
  const rules: fc.Arbitrary<AclRule> = fc.record({
    effect: fc.constantFrom('allow', 'deny'),
    subscribe: fc.array(filters, { minLength: 1, maxLength: 2 }),
  })

  test('filters overlap where they have a topic in common', () => {
    fc.assert(
      fc.property(
        filters,
        filters,
        topics.filter((topic) => topic !== ''),
        (a, b, topic) => {
          if (matches(a, topic) && matches(b, topic)) expect(overlap(a, b)).toBe(true)
          expect(overlap(a, b)).toBe(overlap(b, a))
          if (!overlap(a, b)) expect(matches(a, topic) && matches(b, topic)).toBe(false)
        },
      ),
      { numRuns: 3000 },
    )
  })

  test('a filter that is refused could have brought nothing', () => {
    fc.assert(
      fc.property(
        fc.array(rules, { maxLength: 4 }),
        filters,
        topics.filter((topic) => topic !== ''),
        (list, filter, topic) => {
          const acl = new Acl(list)
          if (!matches(filter, topic) || typeof acl.filter(nobody, filter) === 'object') return
          expect(typeof acl.topic(nobody, 'subscribe', topic)).not.toBe('object')
        },
      ),
      { numRuns: 5000 },
    )
  })
})

test.each<[AclRule, string]>([
  [{ effect: 'allow' }, 'publish'],
  [{ effect: 'allow', publish: ['a/#/b'] }, 'publish'],
  [{ effect: 'allow', subscribe: ['a', 'b+'] }, 'subscribe'],
  [{ effect: 'deny', subscribe: ['a'], qos: 1 }, 'qos'],
  [{ effect: 'deny', subscribe: ['a'], retain: false }, 'retain'],
])('a rule that means nothing is told: %j', (rule, key) => {
  expect(ruleFault(rule)?.key).toBe(key)
})

describe('mosquitto’s file', () => {
  test('says the same as there', () => {
    const { rules, faults } = readMosquittoAcl(
      [
        '# everybody without a name',
        'topic read open/#',
        '',
        'user ann smith',
        'topic a/#',
        'topic deny a/secret/#',
        'topic write b',
        'pattern read dev/%c/%u',
        'pattern deny dev/x/#',
        'user bob\r',
        'topic readwrite c',
      ].join('\n'),
    )
    expect(faults).toEqual([])
    const acl = new Acl(rules)
    const as = { clientId: 'x1', username: 'ann smith' }
    const may = (who: typeof nobody, topic: string): string =>
      (['publish', 'subscribe'] as const).map((action) => typeof acl.topic(who, action, topic) === 'object').join()
    expect(may(nobody, 'open/1')).toBe('false,true')
    expect(may(as, 'open/1')).toBe('false,false')
    expect(may(as, 'a/1')).toBe('true,true')
    expect(may(as, 'a/secret/1')).toBe('false,false')
    expect(may(as, 'b')).toBe('true,false')
    expect(may(as, 'dev/x1/ann smith')).toBe('false,true')
    expect(may({ ...as, clientId: 'x' }, 'dev/x/ann smith')).toBe('false,false')
    expect(may({ clientId: '1', username: 'bob' } as typeof nobody, 'c')).toBe('true,true')
  })

  test('is refused line by line where it says nothing', () => {
    const text = 'user\ntopic\n# topic\ntopic a/#/b\ntopics a\ntopic write u/%u\npattern read u/%u'
    expect(readMosquittoAcl(text).faults).toEqual([
      { line: 1, message: 'user has no name' },
      { line: 2, message: 'topic has no filter' },
      { line: 4, message: 'a/#/b is no topic filter' },
      { line: 5, message: 'topics is none of user, topic, pattern' },
      { line: 6, message: '%u and %c are for patterns' },
    ])
  })
})
