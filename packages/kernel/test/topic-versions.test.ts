import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFilter, isTopic, matches } from '../src/topic.ts'
import { TopicVersions } from '../src/topic-versions.ts'

const level = fc.constantFrom('', 'a', 'b', '$a', '\u{1f600}', 'a level')
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.oneof(level, fc.constantFrom('+', '#')))
  .map(([head, last]) => [...head, last].join('/'))
  .filter(isFilter)
const topics = fc
  .array(level, { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('/'))
  .filter(isTopic)

describe('TopicVersions', () => {
  it('no change of a filter that covers the topic goes unnoticed', () => {
    let covered = 0
    fc.assert(
      fc.property(filters, topics, fc.array(filters), (filter, topic, others) => {
        if (!matches(filter, topic)) return
        covered++
        const versions = new TopicVersions()
        for (const other of others) versions.touch(other)
        const [now, before] = [versions.now, versions.of(topic)]
        versions.touch(filter)
        expect([versions.now, versions.of(topic)]).toEqual([now + 1, before + 1])
      }),
      { numRuns: 5000 },
    )
    expect(covered).toBeGreaterThan(100)
  })

  it('what does not begin like the topic hardly ever concerns it', () => {
    const versions = new TopicVersions()
    const topics = Array.from({ length: 1000 }, (_, i) => `site/${i}/temperature`)
    const before = topics.map((topic) => versions.of(topic))
    for (const end of ['', '/humidity', '/+/state', '/#']) versions.touch(`place/5${end}`)
    versions.touch('site/5/+')
    versions.touch('site/6/humidity')
    const changed = topics.filter((topic, i) => versions.of(topic) !== before[i])
    expect(changed).toContain('site/5/temperature')
    expect(changed.length).toBeLessThan(20)
  })
})
