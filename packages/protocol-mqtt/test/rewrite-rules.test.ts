import { describe, expect, it } from 'vitest'
import { mqtt } from '../src/mqtt.ts'
import { createRewrite, type RewriteFault, rewriteFault, type RewriteRule } from '../src/rewrite.ts'

const who = { clientId: 'c1', username: 'ute' }

function rule(fields: Partial<RewriteRule> = {}): RewriteRule {
  return { action: 'all', source: 'x/#', regex: '^x/(.+)$', target: 'y/$1', ...fields }
}

describe('rules for names', () => {
  it('none at all are none', () => expect(createRewrite([])).toBeUndefined())

  it.each([
    ['the source covers and the regex is found in', {}, 'x/a/b', 'y/a/b'],
    ['the source does not cover', {}, 'z/a', 'z/a'],
    ['the regex is not found in', {}, 'x', 'x'],
    ['is replaced as a whole where the regex is not anchored', { regex: 'b', target: 'found' }, 'x/abc', 'found'],
    [
      'has nine groups',
      { regex: '^x/(.)(.)(.)(.)(.)(.)(.)(.)(.)$', target: '$9$8$7$6$5$4$3$2$1' },
      'x/123456789',
      '987654321',
    ],
    ['has a group that took no part', { regex: '^x/(a)?(.*)$', target: 'y/$1/$2' }, 'x/b', 'y//b'],
    ['a digit behind a group belongs to the text', { target: 'y/$10' }, 'x/a', 'y/a0'],
    ['the client is asked for', { target: '${clientid}/${username}/$1' }, 'x/a', 'c1/ute/a'],
    ['holds what looks like a placeholder', {}, 'x/$1/${username}', 'y/$1/${username}'],
    ['is outside the basic plane', { regex: '^x/(.)$' }, 'x/😀', 'y/😀'],
    ['starts with a dollar sign, which no wildcard covers', { source: '#', regex: '(.+)' }, '$a/b', '$a/b'],
    ['starts with a dollar sign and is named', { source: '$a/#', regex: '^\\$a/(.+)$' }, '$a/b', 'y/b'],
  ] as const)('a name that %s', (_, fields, name, expected) => {
    const rewrite = createRewrite([rule(fields)])!
    expect(rewrite.apply('publish', name, who)).toBe(expected)
    expect(rewrite.apply('subscribe', name, who)).toBe(expected)
  })

  it('are for publishing, subscribing or both', () => {
    for (const action of ['publish', 'subscribe'] as const) {
      const rewrite = createRewrite([rule({ action })])!
      for (const asked of ['publish', 'subscribe'] as const)
        expect(rewrite.apply(asked, 'x/a', who)).toBe(asked === action ? 'y/a' : 'x/a')
    }
  })

  it('are tried in order; the first whose source and regex both match wins, and its result is final', () => {
    const rewrite = createRewrite([
      rule({ regex: '^x/(\\d+)$', target: 'number/$1' }),
      rule({ regex: '^x/(\\w+)$', target: 'x/1' }),
      rule({ target: 'rest' }),
    ])!
    const results = ['x/1', 'x/a', 'x/a/b'].map((name) => rewrite.apply('publish', name, who))
    expect(results).toEqual(['number/1', 'x/1', 'rest'])
  })

  it('take the wildcards of a filter as text', () => {
    const rewrite = createRewrite([rule()])!
    expect(rewrite.apply('subscribe', 'x/+/#', who)).toBe('y/+/#')
    expect(rewrite.apply('subscribe', '+/a', who)).toBe('+/a')
  })

  it.each([
    ['the user is unknown', { target: 'u/${username}' }, { clientId: 'c' }],
    ['the user has an empty name', { target: 'u/${username}' }, { clientId: 'c', username: '' }],
    ['the user is a wildcard', { target: 'u/${username}' }, { clientId: 'c', username: '+' }],
    ['the client is a wildcard', { target: 'c/${clientid}' }, { clientId: '#' }],
    ['the client is several levels', { target: 'c/${clientid}' }, { clientId: 'a/b' }],
    ['the client is called as the broker', { target: '${clientid}/x' }, { clientId: '$SYS' }],
    ['a group is empty and nothing is left', { regex: '^x/(b?)', target: '$1' }, who],
    ['a group leads to the broker', { target: '$1/x', regex: '^x/(.+)$' }, who, 'x/$SYS'],
    ['a group leads to a share', { target: '$1' }, who, 'x/$share/g/a'],
    ['a group leads to a delay', { target: '$1' }, who, 'x/$delayed/1/a'],
    ['the name is long', {}, who, `x/${'a'.repeat(255)}`],
    ['the name is long and the regex would not match', { regex: 'b', target: 'y' }, who, `x/${'a'.repeat(255)}`],
    ['the new name is too long', { target: `y/$1/${'a'.repeat(65_530)}` }, who, 'x/abc'],
  ] as const)('lead nowhere where %s', (_, fields, principal, name = 'x/a') => {
    const rewrite = createRewrite([rule(fields)])!
    expect(rewrite.apply('publish', name, principal)).toBeUndefined()
    expect(rewrite.apply('subscribe', name, principal)).toBeUndefined()
  })

  it('do not make a topic of a wildcard, nor a filter of a wildcard out of place', () => {
    const rewrite = createRewrite([rule({ action: 'subscribe', target: 'y/a$1' })])!
    expect(rewrite.apply('subscribe', 'x/+', who)).toBeUndefined()
    expect(rewrite.apply('subscribe', 'x/b', who)).toBe('y/ab')
  })

  it('of a name that is not too long are applied to the last character', () => {
    const name = `x/${'a'.repeat(254)}`
    expect(createRewrite([rule()])!.apply('publish', name, who)).toBe(name.replace('x', 'y'))
  })
})

describe('a rule is refused', () => {
  const cases: [fields: Partial<RewriteRule>, key: RewriteFault['key'], message: string][] = [
    [{ source: 'a/#/b' }, 'source', 'must be a topic filter'],
    [{ source: '' }, 'source', 'must be a topic filter'],
    [{ regex: '(' }, 'regex', `is not a regular expression: ${complaint('(')}`],
    [{ regex: '\\-' }, 'regex', `is not a regular expression: ${complaint('\\-')}`],
    [{ regex: '^x/(a+)+$' }, 'regex', 'must not repeat what repeats in itself'],
    [{ target: 'y/$2' }, 'target', 'has $2, but the regex has 1 group'],
    [{ regex: 'x', target: 'y/$1' }, 'target', 'has $1, but the regex has 0 groups'],
    ...['$0', '${user}', '$x', '$', '$$1', '${clientid'].map((text): (typeof cases)[0] => [
      { target: `y/${text}` },
      'target',
      `has ${text === '$$1' ? '$x' : text}, which stands for nothing; what may stand there is $1 to $9, \${clientid} and \${username}`,
    ]),
    [{ target: '' }, 'target', 'must make a topic: some text, and no wildcards'],
    [{ target: 'y/+' }, 'target', 'must make a topic: some text, and no wildcards'],
    [{ target: 'y/#', action: 'publish' }, 'target', 'must make a topic: some text, and no wildcards'],
    [{ target: 'y/\u0000' }, 'target', 'must make a topic: some text, and no wildcards'],
    [{ target: 'y/a+', action: 'subscribe' }, 'target', 'must make a topic filter'],
    [{ target: '', action: 'subscribe' }, 'target', 'must make a topic filter'],
  ]
  it.each(cases)('%j', (fields, key, message) => {
    expect(rewriteFault(rule(fields))).toEqual({ key, message })
    expect(() => mqtt({ rewrite: [rule(), rule(fields)] })).toThrow(new RangeError(`rewrite.1.${key} ${message}`))
  })

  it('but not for wildcards where it is for subscribing alone', () => {
    expect(rewriteFault(rule({ action: 'subscribe', target: 'y/+/$1/#' }))).toBeUndefined()
  })
})

/** What the engine, each in words of its own, finds wrong with a regular expression. */
function complaint(regex: string): string {
  try {
    return String(new RegExp(regex, 'u'))
  } catch (error) {
    return (error as Error).message.split(': ').at(-1)!
  }
}
