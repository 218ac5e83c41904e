import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { TagSet } from '../src/index.ts'

const tag = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 2040, max: 2060 }),
  fc.constantFrom(0, 65534, 65535),
)
const change = fc.oneof(
  { weight: 3, arbitrary: fc.record({ add: fc.constant(true), tag }) },
  { weight: 2, arbitrary: fc.record({ add: fc.constant(false), tag }) },
)

it('agrees with a Set, few tags in it or many', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 1000, size: 'max' }), (changes) => {
      const [tags, set] = [new TagSet(), new Set<number>()]
      for (const { add, tag } of changes) {
        if (add) {
          tags.add(tag)
          set.add(tag)
        } else expect(tags.delete(tag)).toBe(set.delete(tag))
        expect([tags.size, tags.has(tag)]).toEqual([set.size, set.has(tag)])
      }
      expect(Array.from(tags).sort()).toEqual(Array.from(set).sort())
    }),
    { numRuns: 50 },
  )
})
