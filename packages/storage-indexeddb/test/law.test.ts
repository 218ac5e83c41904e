import type { Log, Message, Storage, Table } from '@isomq/kernel'
import { memoryStorage } from '@isomq/storage-memory'
import { deepEqual, message } from '@isomq/testkit'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { contents, freshName, opened } from './fresh.ts'

type Step =
  | { readonly do: 'append'; readonly log: string; readonly sizes: readonly number[] }
  | { readonly do: 'write'; readonly key: string; readonly value: Uint8Array | undefined }
  | { readonly do: 'trim'; readonly log: string; readonly share: number }
  | { readonly do: 'read'; readonly log: string; readonly share: number; readonly limit: number; readonly odd: boolean }
  | { readonly do: 'reopen' | 'wait' }

const log = fc.constantFrom('a', 'b')
const share = fc.double({ min: 0, max: 1.2, noNaN: true })
const size = fc.oneof(
  { weight: 20, arbitrary: fc.nat(300) },
  { weight: 3, arbitrary: fc.nat(20_000) },
  { weight: 1, arbitrary: fc.nat(130_000) },
)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 30,
      arbitrary: fc.record({ do: fc.constant('append' as const), log, sizes: fc.array(size, { maxLength: 3 }) }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('write' as const),
        key: fc.string({ maxLength: 2, unit: 'grapheme' }),
        value: fc.option(fc.uint8Array({ maxLength: 3 }), { nil: undefined }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('trim' as const), log, share }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('read' as const),
        log,
        share,
        limit: fc.integer({ min: 1, max: 60 }),
        odd: fc.boolean(),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
    { weight: 10, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
  ),
  { minLength: 20, maxLength: 120, size: 'max' },
)

it('agrees with a storage in memory, whatever is asked of both', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const name = freshName()
      const model = memoryStorage()
      let storage: Storage = await opened({ name })
      let made = 0
      const under: Promise<unknown>[] = []
      const settle = async (): Promise<void> => void (await Promise.all(under.splice(0)))
      for (const step of all) {
        if (step.do === 'append') {
          const records = step.sizes.map((length): Message => message({ payload: new Uint8Array(length).fill(++made) }))
          under.push(same(storage, model, ({ log }) => log(step.log).append(records), 'offset'))
        } else if (step.do === 'write') {
          const changes = [{ key: step.key, value: step.value }]
          under.push(same(storage, model, ({ table }) => table('t').write(changes), 'write'))
        } else if (step.do === 'trim') {
          await settle()
          const { start, end } = await model.log(step.log).range()
          const before = Math.floor(start + (end - start) * step.share)
          under.push(same(storage, model, ({ log }) => log(step.log).trim(before), 'trim'))
        } else if (step.do === 'read') {
          await settle()
          const { start, end } = await model.log(step.log).range()
          const from = Math.floor(start + (end - start) * step.share)
          const where = step.odd ? ({ offset }: { readonly offset: number }): boolean => offset % 2 === 1 : undefined
          const options = { limit: step.limit, where, maxBytes: 50_000 }
          await same(storage, model, ({ log }) => log(step.log).read(from, options), 'read')
          await same(storage, model, ({ log }) => log(step.log).get([end, from, start, end - 1, -1]), 'got')
        } else {
          await settle()
          if (step.do === 'wait') continue
          await storage.close()
          storage = await opened({ name })
        }
      }
      await settle()
      await storage.close()
      storage = await opened({ name })
      for (const each of ['a', 'b']) {
        await same(storage, model, ({ log }) => log(each).range(), 'range')
        await same(storage, model, ({ log }) => log(each).read(0, { limit: 10_000 }), 'all')
      }
      await same(storage, model, ({ table }) => rowsOf(table('t')), 'rows')
      await storage.close()
      // Nothing stays behind but what is needed.
      const kinds = (await contents(name)).map(([[kind]]) => kind)
      const ends = await Promise.all(['a', 'b'].map((each) => model.log(each).range()))
      if (ends.every(({ start, end }) => start === end)) expect(kinds).not.toContain('log')
    }),
    { numRuns: 30 },
  )
}, 60_000)

/** What both answer, which must be the same. */
async function same(
  storage: Storage,
  model: Storage,
  ask: (of: { log(name: string): Log; table(name: string): Table }) => Promise<unknown>,
  what: string,
): Promise<void> {
  const on = (one: Storage): Promise<unknown> => ask({ log: (name) => one.log(name), table: (name) => one.table(name) })
  const [actual, expected] = await Promise.all([on(storage), on(model)])
  deepEqual(actual, expected, what)
}

async function rowsOf(table: Table): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const row of table.scan('')) rows.push(row)
  return rows
}
