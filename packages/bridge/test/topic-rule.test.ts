import { describe, expect, it } from 'vitest'
import { parseRule, rename, ruleFor } from '../src/topic-rule.ts'

describe('a topic of a bridge', () => {
  it('is read as mosquitto reads it', () => {
    expect(parseRule('orders/#')).toEqual({
      direction: 'out',
      qos: 0,
      local: { prefix: '', filter: 'orders/#' },
      remote: { prefix: '', filter: 'orders/#' },
    })
    expect(parseRule('prices/# in 2')).toMatchObject({ direction: 'in', qos: 2 })
    expect(parseRule('  chat/#\tboth 1 "" room7/ ')).toMatchObject({
      direction: 'both',
      qos: 1,
      local: { filter: 'chat/#' },
      remote: { prefix: 'room7/', filter: 'room7/chat/#' },
    })
    expect(parseRule('"" out 1 here there')).toMatchObject({ local: { filter: 'here' }, remote: { filter: 'there' } })
    expect(parseRule('"two words/+" in 1')).toMatchObject({ local: { filter: 'two words/+' } })
  })

  it.each([
    ['', 'must be a filter'],
    ['a out 1 b c d', 'must be a filter'],
    ['a sideways', 'direction sideways'],
    ['a in 3', 'QoS 3'],
    ['a/#/b', 'no topic filter'],
    ['"" out 0', 'no topic filter'],
    ['# in 0 +/', 'no wildcards'],
    ['# in 0 "" #/', 'no wildcards'],
    ['"a in', 'quotation mark'],
    ['a"b" in', 'quotation mark'],
    ['$share/g/a in', 'cannot share'],
  ])('%j is refused, and it is said why', (text, why) => {
    expect(() => parseRule(text)).toThrow(why)
  })

  it('renames a topic from the one side to the other and back', () => {
    const { local, remote } = parseRule('chat/# both 1 home/ rooms/7/')
    expect(rename('home/chat/ann', local, remote)).toBe('rooms/7/chat/ann')
    expect(rename('rooms/7/chat/ann', remote, local)).toBe('home/chat/ann')
  })

  it('the first that fits is the one that counts', () => {
    const rules = ['a/b out 2 "" x/', 'a/# out 1 "" y/'].map(parseRule)
    expect(ruleFor(rules, 'local', 'a/b')).toBe(rules[0])
    expect(ruleFor(rules, 'local', 'a/c')).toBe(rules[1])
    expect(ruleFor(rules, 'remote', 'a/c')).toBeUndefined()
  })
})
