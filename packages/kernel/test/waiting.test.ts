import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Grant, Message } from '../src/index.ts'
import { type Held, messageOverhead, Waiting } from '../src/waiting.ts'

interface Entry {
  offset: number
  held: Held | undefined
}

const entry = fc.record({
  offset: fc.integer({ min: -1, max: 2 ** 40 }),
  bytes: fc.nat({ max: 9 }),
  retained: fc.boolean(),
})
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), entry, keep: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('shift' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hold' as const), place: fc.nat({ max: 20 }), entry }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('forget' as const, 'clear' as const) }) },
)

function heldOf({ bytes, retained }: { bytes: number; retained: boolean }): Held {
  const message = { payload: new Uint8Array(bytes) } as Message
  return { message, grant: {} as Grant, flags: retained ? 4 : 1 }
}

it('agrees with a list', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const waiting = new Waiting()
      let list: Entry[] = []
      let most = 0
      for (const op of operations) {
        if (op.do === 'push') {
          const held = op.keep || op.entry.offset < 0 ? heldOf(op.entry) : undefined
          waiting.push(op.entry.offset, held)
          list.push({ offset: op.entry.offset, held })
        } else if (op.do === 'shift') {
          if (list.length === 0) continue
          waiting.shift()
          list.shift()
        } else if (op.do === 'hold') {
          const at = list[op.place]
          if (at === undefined) continue
          at.held = heldOf(op.entry)
          waiting.hold(op.place, at.held)
        } else if (op.do === 'forget') {
          waiting.forget()
          for (const each of list) if (each.offset >= 0) each.held = undefined
        } else {
          waiting.clear()
          list = []
        }
        expect(waiting.length).toBe(list.length)
        most = Math.max(most, list.length)
        expect(waiting.capacity).toBeLessThanOrEqual(Math.max(8, 2 * most))
        expect(list.map((_, i) => waiting.offset(i))).toEqual(list.map(({ offset }) => offset))
        for (const [i, { held }] of list.entries()) expect(waiting.held(i)).toBe(held)
        const weigh = (held: Held | undefined): number =>
          held === undefined || held.flags === 4 ? 0 : held.message.payload.length + messageOverhead
        expect(waiting.bytes).toBe(list.reduce((sum, { held }) => sum + weigh(held), 0))
      }
    }),
    { numRuns: 300 },
  )
})

it('a record costs 8 bytes, twice that at most, and nothing once it has gone', () => {
  const waiting = new Waiting()
  for (let i = 0; i < 100_000; i++) waiting.push(i, undefined)
  expect([waiting.bytes, waiting.capacity]).toEqual([0, 131_072])
  for (let i = 0; i < 100_000; i++) waiting.shift()
  expect(waiting.capacity).toBe(0)
  waiting.push(7, undefined)
  expect([waiting.length, waiting.offset(0)]).toEqual([1, 7])
})
