import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Edit, edit, type Entry, fromText, isSame, lastStamp, merge, toText } from '../src/checklist.ts'
import { Clock } from '../src/clock.ts'

const texts = ['a', 'b', '']
const edits: fc.Arbitrary<Edit> = fc.record(
  {
    name: fc.constantFrom(...texts),
    text: fc.constantFrom(...texts),
    note: fc.constantFrom(...texts),
    done: fc.boolean(),
    gone: fc.boolean(),
  },
  { requiredKeys: [] },
)

describe('devices come to know the same', () => {
  /** Each edits in turn what it knows, hears some of the others meanwhile, and its clock may be wrong. */
  const script = fc.array(
    fc.record({ device: fc.nat(2), what: edits, hears: fc.array(fc.nat(2), { maxLength: 2 }), wall: fc.nat(100) }),
    { maxLength: 20 },
  )

  test('in whatever order they hear of each other', () => {
    fc.assert(
      fc.property(script, fc.array(fc.nat(1000), { minLength: 1, maxLength: 30 }), (steps, order) => {
        let wall = 0
        const devices = ['x', 'y', 'z'].map((id) => ({ clock: new Clock(id, () => wall), knows: {} as Entry }))
        const said: Entry[] = []
        let lastOfAll: Edit = {}
        for (const { device, what, hears, wall: now } of steps) {
          wall = now
          const own = devices[device]!
          for (const other of hears) {
            own.knows = merge(own.knows, devices[other]!.knows)
            own.clock.seen(lastStamp(devices[other]!.knows))
          }
          own.knows = edit(own.knows, what, { at: own.clock.tick(), by: 'n' })
          said.push(own.knows)
          // Whoever has heard everything has the last word.
          lastOfAll = new Set([...hears, device]).size === 3 ? { ...lastOfAll, ...what } : {}
        }
        const all = said.reduce(merge, {})
        // Any order, and some of it twice.
        const shuffled = order.map((n) => said[n % Math.max(1, said.length)] ?? {})
        const other = [...shuffled, ...said.toReversed()].reduce((known, entry) => merge(entry, known), {})
        expect(isSame(all, other)).toBe(true)
        expect(toText(all)).toBe(toText(other))
        if (lastOfAll.done !== undefined && steps.length > 0) expect(all.done?.value).toBe(lastOfAll.done)
      }),
      { numRuns: 2000 },
    )
  })

  test('a removal and an edit of the same entry both stay, and what was removed stays removed', () => {
    const at = (n: number): { at: string; by: string } => ({ at: `00000000${n}.0000.x`, by: 'n' })
    const begun = edit({}, { text: 'a' }, at(1))
    const removed = edit(begun, { gone: true }, at(2))
    const edited = edit(begun, { text: 'b' }, at(3))
    expect(merge(removed, edited)).toEqual(merge(edited, removed))
    expect(merge(removed, edited)).toMatchObject({ text: { value: 'b' }, gone: { value: true } })
  })
})

describe('what is sent', () => {
  test('is what comes', () => {
    fc.assert(
      fc.property(edits, (what) => {
        const entry = edit({}, what, { at: '000000001.0000.x', by: 'n' })
        expect(isSame(fromText(toText(entry))!, entry)).toBe(true)
      }),
    )
  })

  test.each([
    ['', 'nothing'],
    ['null', 'null'],
    ['[', 'no JSON'],
    ['{"text":"a"}', 'no stamp'],
    ['{"text":{"value":1,"at":"a","by":"b"}}', 'another kind'],
    ['{"done":{"value":"yes","at":"a","by":"b"}}', 'a text for a flag'],
    [`{"text":{"value":"${'x'.repeat(3000)}","at":"a","by":"b"}}`, 'too long'],
  ])('%s is no entry (%s)', (text) => {
    expect(fromText(text)).toBeUndefined()
  })

  test('what nobody knows is left out, prototypes too', () => {
    const text = '{"__proto__":{"value":"x","at":"a","by":"b"},"constructor":1,"more":2}'
    expect(fromText(text)).toEqual({})
  })
})

test('a clock is later than all it has seen, but follows no clock that is a day ahead', () => {
  let now = 1000
  const [a, b] = [new Clock('a', () => now), new Clock('b', () => now)]
  const first = a.tick()
  now = 500
  const second = a.tick()
  expect(second > first).toBe(true)
  b.seen(second)
  expect(b.tick() > second).toBe(true)
  const far = new Clock('c', () => now + 90_000_000).tick()
  b.seen(far)
  expect(b.tick() < far).toBe(true)
  b.seen('nonsense')
  expect(b.tick() > second).toBe(true)
})
