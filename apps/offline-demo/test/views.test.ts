import { expect, test } from 'vitest'
import { edit } from '../src/checklist.ts'
import { sampleEntries } from '../src/sample.ts'
import { listItself, placeOf, topicOf } from '../src/topics.ts'
import { Unsent } from '../src/unsent.ts'
import { itemsOf, linkText, listsOf } from '../src/views.ts'

const said = { at: '000000009.0000.x', by: 'Otter' }

test('items are those of their list, in order, without the removed', () => {
  const entries = new Map(sampleEntries())
  const second = topicOf('inspection', '00001')
  entries.set(second, edit(entries.get(second)!, { gone: true }, said))
  const third = topicOf('inspection', '00002')
  entries.set(third, edit(entries.get(third)!, { done: true }, said))
  entries.set(topicOf('other', '0'), edit({}, { text: 'elsewhere' }, said))
  const items = itemsOf({ entries, unsent: new Set([third]), list: 'inspection' })
  expect(items.map(({ topic }) => placeOf(topic)!.item)).toEqual([
    '00000',
    '00002',
    '00003',
    '00004',
    '00005',
    '00006',
    '00007',
  ])
  expect(items[1]).toMatchObject({ done: true, tick: { by: 'Otter', at: 9 }, unsent: true })
  expect(items[0]).toMatchObject({ done: false, tick: undefined, unsent: false })
})

test('lists are there until they are removed', () => {
  const entries = new Map(sampleEntries())
  entries.set(topicOf('b'), edit({}, { name: '' }, said))
  entries.set(topicOf('c'), edit({}, { name: 'Gone', gone: true }, said))
  expect(listsOf(entries).map(({ name }) => name)).toEqual(['Site inspection', 'Untitled list'])
})

test('topics of others are none', () => {
  expect(placeOf(topicOf('a'))).toEqual({ list: 'a', item: listItself })
  for (const topic of ['checklist', 'checklist/a', 'checklist//b', 'checklist/a/b/c', 'x/a/b'])
    expect(placeOf(topic)).toBeUndefined()
})

test('the link is told in words', () => {
  const link = { server: '', status: 'waiting', nextRetryAt: 13_000 } as const
  const told = (state: Parameters<typeof linkText>[0], waiting: number): string => {
    const { mood, text, detail } = linkText(state, waiting, 1000)
    return [mood, text, detail].join(': ')
  }
  expect([
    told({ attached: false, link }, 0),
    told({ attached: true, link: { ...link, status: 'connected' } }, 0),
    told({ attached: true, link: { ...link, status: 'connected' } }, 1),
    told({ attached: true, link: { ...link, status: 'connecting' } }, 0),
    told({ attached: true, link }, 3),
    told({ attached: true, link: { ...link, nextRetryAt: undefined } }, 0),
  ]).toEqual([
    'busy: Starting: ',
    'calm: Online: everything is sent',
    'busy: Online: sending 1 change',
    'busy: Connecting: nothing waits',
    'away: Offline: 3 changes waiting, next try in 12 s',
    'away: Offline: nothing waits',
  ])
})

test('what waits is counted by topic', () => {
  const told: string[] = []
  const unsent = new Unsent((topic, count) => told.push(`${topic} ${count}`))
  unsent.restore('old', 1)
  unsent.restore('none', 0)
  unsent.add('a')
  unsent.add('a')
  unsent.remove('a')
  unsent.remove('unknown')
  unsent.add('b')
  unsent.clear()
  expect(told).toEqual(['a 1', 'a 2', 'a 1', 'b 1', 'old 0', 'a 0', 'b 0'])
})
