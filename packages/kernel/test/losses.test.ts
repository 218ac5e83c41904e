import { fakeHost } from '@isomq/testkit'
import { expect, it } from 'vitest'
import { Losses } from '../src/losses.ts'

it('what is lost in one turn is told once for each session, with the first topic and the count', () => {
  const host = fakeHost()
  const told: [string, string, number][] = []
  const losses = new Losses(host, (session, topic, count) => void told.push([session, topic, count]))
  losses.add('a', 't/1')
  losses.add('b', 't/1')
  losses.add('a', 't/2')
  losses.add('a', 't/3')
  expect(told).toEqual([])
  host.turn()
  expect(told).toEqual([
    ['a', 't/1', 3],
    ['b', 't/1', 1],
  ])
  losses.add('a', 't/4')
  host.turn()
  host.turn()
  expect(told.slice(2)).toEqual([['a', 't/4', 1]])
})
