import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Load, Sharing } from '../src/index.ts'
import { Reader } from './model/reader.ts'
import { World } from './model/world.ts'
import { Writer } from './model/writer.ts'

const topics = ['a/x', 'a/y', 'b/x']
const filters = ['a/+', 'a/x', '#', '+/x']

type Operation =
  | { readonly do: 'turn' | 'commit' | 'settle' | 'refuse' | 'spoil' }
  | { readonly do: 'publish'; readonly writer: number; readonly qos: 1 | 2; readonly topic: string }
  | { readonly do: 'writer'; readonly writer: number; readonly again: boolean }
  | { readonly do: 'read' | 'hear'; readonly reader: number; readonly count: number }
  | { readonly do: 'connect' | 'clean'; readonly reader: number; readonly credit: number }
  | { readonly do: 'drop'; readonly reader: number }
  | { readonly do: 'load'; readonly reader: number; readonly load: Load }
  | { readonly do: 'subscribe' | 'unsubscribe'; readonly reader: number; readonly filter: string }
  | { readonly do: 'crash'; readonly applied: boolean; readonly skip: boolean; readonly back: boolean }
  | { readonly do: 'time'; readonly ms: number }

const reader = fc.nat({ max: 4 })
const alone = fc.nat({ max: 2 })
const writer = fc.nat({ max: 1 })
const count = fc.integer({ min: 1, max: 4 })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('turn', 'commit') }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('settle') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('refuse', 'spoil') }) },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('publish'),
      writer,
      qos: fc.constantFrom(1, 2),
      topic: fc.constantFrom(...topics),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('writer'), writer, again: fc.boolean() }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constantFrom('read', 'hear'), reader, count }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('connect'), reader, credit: count }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clean'), reader: alone, credit: count }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop'), reader }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('load'), reader, load: fc.constantFrom(0, 1, 2) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('subscribe', 'unsubscribe'),
      reader: alone,
      filter: fc.constantFrom(...filters),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('crash'),
      applied: fc.boolean(),
      skip: fc.nat({ max: 7 }).map((n) => n === 0),
      back: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('time'), ms: fc.constantFrom(1, 1000, 11_000) }) },
) as fc.Arbitrary<Operation>

async function run(world: World, op: Operation): Promise<void> {
  switch (op.do) {
    case 'turn':
      return world.turn()
    case 'settle':
      return world.settle()
    case 'commit':
      return world.storage.proceed()
    case 'refuse':
      return world.storage.refuse()
    case 'spoil':
      return world.storage.spoilRead()
    case 'publish':
      return world.writers[op.writer]!.publish(op.qos, op.topic)
    case 'writer':
      if (!op.again) return world.writers[op.writer]!.drop()
      return world.writers[op.writer]!.connect()
    case 'read':
    case 'hear':
      return world.readers[op.reader]![op.do](op.count)
    case 'connect':
      return world.readers[op.reader]!.connect(op.credit)
    case 'clean':
      return world.readers[op.reader]!.connect(op.credit, true)
    case 'drop':
      return world.readers[op.reader]!.drop()
    case 'load':
      return world.readers[op.reader]!.setLoad(op.load)
    case 'subscribe':
    case 'unsubscribe':
      return world.readers[op.reader]![op.do](op.filter)
    case 'crash':
      await world.crash(op.applied, op.skip)
      if (op.back) for (const client of [...world.readers, ...world.writers]) client.connect(3)
      return
    case 'time':
      return world.host.clock.advance(op.ms)
  }
}

const sharing = fc.constantFrom<Sharing>(
  'round-robin',
  'random',
  'sticky',
  'hash-client',
  'hash-topic',
  'least-inflight',
)

async function begin(sharing: Sharing): Promise<World> {
  const world = new World(sharing)
  await world.start()
  world.readers.push(new Reader(world, 'one', 1), new Reader(world, 'two', 2), new Reader(world, 'zwei', 2))
  world.readers.push(new Reader(world, 'left', 2, 'group'), new Reader(world, 'right', 2, 'group'))
  world.writers.push(new Writer(world, 'p'), new Writer(world, 'q'))
  for (const client of [...world.readers, ...world.writers]) client.connect(3)
  await world.settle()
  for (const each of world.readers) each.subscribe(each.group === undefined ? 'a/+' : '+/x')
  await world.settle()
  return world
}

it('whatever happens, QoS 1 comes at least once and QoS 2 exactly once, in order, and nothing stays behind', async () => {
  await fc.assert(
    fc.asyncProperty(sharing, fc.array(operation, { maxLength: 80, size: 'max' }), async (sharing, operations) => {
      const world = await begin(sharing)
      for (const each of operations) {
        await run(world, each)
        await world.tick()
      }
      await world.drain()
      expect(world.faults).toEqual([])
      expect(await world.end()).toEqual([])
      expect(world.faults).toEqual([])
    }),
    { numRuns: Number(process.env['RUNS'] ?? 600) },
  )
}, 120_000)
