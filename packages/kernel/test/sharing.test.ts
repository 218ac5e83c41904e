import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Candidate, hashOf, type Sharing, type Strategy, strategyOf } from '../src/sharing.ts'
import { message } from './rig.ts'

const all: Sharing[] = ['round-robin', 'random', 'sticky', 'hash-client', 'hash-topic', 'least-inflight']

interface Fake extends Candidate {
  readonly id: string
  able: boolean
  inflight: number
}

function fakes(...ids: string[]): Fake[] {
  return ids.map((id) => ({ id, hash: hashOf(id), inflight: 0, able: true }))
}

const fits = (member: Fake): boolean => member.able

/** Ids of the members chosen for these messages, one after the other. */
function choices({ choose }: Strategy, members: Fake[], count: number, topic = (i: number) => `t/${i}`): string[] {
  let last = -1
  return Array.from({ length: count }, (_, i) => {
    const place = choose(members, last, fits, message(topic(i), '', { publisher: `p${i % 7}` }))
    if (place >= 0) last = place
    return members[place]?.id ?? '-'
  })
}

describe.each(all)('%s', (sharing) => {
  it('chooses one that fits, whoever that is, and none when none does', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 6 }), fc.integer({ min: -1, max: 5 }), (able, last) => {
        const members = able.map((each, i) => ({ ...fakes(`m${i}`)[0]!, able: each }))
        const place = strategyOf(sharing, 1).choose(members, Math.min(last, able.length - 1), fits, message('t', ''))
        return able.includes(true) ? members[place]!.able : place === -1
      }),
    )
  })
})

describe('round-robin', () => {
  it('goes round, passing over those that do not fit', () => {
    const members = fakes('a', 'b', 'c', 'd')
    members[2]!.able = false
    expect(choices(strategyOf('round-robin', 1), members, 7).join('')).toBe('abdabda')
  })
})

describe('random', () => {
  it('gives each that fits a like share, also beside some that do not', () => {
    const members = fakes('a', 'b', 'c', 'd', 'e')
    members[1]!.able = members[2]!.able = false
    const got = choices(strategyOf('random', 42), members, 3000)
    for (const id of ['a', 'd', 'e']) {
      const share = got.filter((each) => each === id).length
      expect(share).toBeGreaterThan(900)
      expect(share).toBeLessThan(1100)
    }
  })

  it('is not a turn, and another seed gives another order', () => {
    const orders = [1, 2].map((seed) => choices(strategyOf('random', seed), fakes('a', 'b', 'c'), 30).join(''))
    expect(orders[0]).not.toBe(orders[1])
    expect(orders[0]).not.toBe('abc'.repeat(10))
  })
})

describe('sticky', () => {
  it('stays with one as long as it fits, then with the next', () => {
    const members = fakes('a', 'b', 'c')
    const strategy = strategyOf('sticky', 1)
    let last = -1
    const next = (): string => {
      last = strategy.choose(members, last, fits, message('t', ''))
      return members[last]!.id
    }
    expect([next(), next()]).toEqual(['a', 'a'])
    members[0]!.able = false
    expect([next(), next()]).toEqual(['b', 'b'])
    members[0]!.able = true
    expect(next()).toBe('b')
  })
})

describe('least-inflight', () => {
  it('takes the one with fewest under way, and among equals goes round', () => {
    const members = fakes('a', 'b', 'c', 'd')
    for (const [i, inflight] of [3, 1, 0, 1].entries()) members[i]!.inflight = inflight
    members[2]!.able = false
    expect(choices(strategyOf('least-inflight', 1), members, 4).join('')).toBe('bdbd')
  })
})

describe.each(['hash-client', 'hash-topic'] as const)('%s', (sharing) => {
  const { choose } = strategyOf(sharing, 1)
  const field = sharing === 'hash-client' ? 'publisher' : 'topic'
  const [other, varied] = sharing === 'hash-client' ? (['topic', 't'] as const) : (['publisher', 'p'] as const)
  const owner = (members: Fake[], key: string, n = 0): string | undefined =>
    members[choose(members, n, fits, { ...message('t', ''), [field]: key, [other]: `${varied}${n}` })]?.id
  const keys = Array.from({ length: 1000 }, (_, i) => `key/${i}`)

  it('gives one key to one member, whatever was chosen before and whatever else the message has', () => {
    const members = fakes('a', 'b', 'c', 'd')
    for (const key of keys) expect(new Set([0, 1, 2, 3].map((n) => owner(members, key, n))).size).toBe(1)
  })

  it('gives each member a like share of the keys, however like their names are', () => {
    for (const names of [
      ['m0', 'm1', 'm2', 'm3'],
      ['worker-a', 'worker-b', 'x', 'a much longer name of a worker'],
    ]) {
      const owners = keys.map((key) => owner(fakes(...names), key))
      for (const id of names) {
        const share = owners.filter((each) => each === id).length
        expect(share).toBeGreaterThan(180)
        expect(share).toBeLessThan(320)
      }
    }
  })

  it('moves only the keys of a member that is gone, and to all the others; order of joining does not matter', () => {
    const members = fakes('a', 'b', 'c', 'd')
    const before = keys.map((key) => owner(members, key))
    expect(keys.map((key) => owner(fakes('d', 'b', 'a', 'c'), key))).toEqual(before)
    members[1]!.able = false
    const after = keys.map((key) => owner(members, key))
    const heirs = new Set<string | undefined>()
    for (const [i, id] of before.entries()) {
      if (id === 'b') heirs.add(after[i])
      else expect(after[i]).toBe(id)
    }
    expect(heirs).toEqual(new Set(['a', 'c', 'd']))
    members[1]!.able = true
    expect(keys.map((key) => owner(members, key))).toEqual(before)
  })
})
