import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { anyStep } from './model/steps.ts'
import { type Make, World } from './model/world.ts'

// More of it: ISOMQ_MODEL_RUNS=20000 npx vitest run --project unit packages/protocol-mqtt/test/qos-model.test.ts
const runs = Number(process.env['ISOMQ_MODEL_RUNS'] ?? 1000)

/** Everybody is there, and four are subscribed. */
async function begin(make: Make): Promise<World> {
  const world = new World(make)
  await world.start()
  for (const client of world.clients) client.connect({ clean: false, expiry: Infinity, receiveMaximum: 5, aliases: 0 })
  await world.serveAll()
  for (const client of world.clients.slice(0, 4)) {
    client.subscribe('a/+', client.member ? 1 : 2)
    if (client.member) client.subscribe(world.group.filter, 2)
  }
  await world.serveAll()
  return world
}

function checkFaults(world: World): void {
  if (world.faults.length > 0) throw new Error(`${world.faults.join('\n')}\n\nWhat happened:\n${world.trace}`)
}

it('whatever happens, every packet is right, QoS 1 comes at least once and QoS 2 exactly once, in order, and nothing stays behind', async () => {
  const make = fc.record({ tight: fc.boolean(), inflight: fc.constantFrom(2, 4, 64) })
  await fc.assert(
    fc.asyncProperty(make, fc.array(anyStep, { maxLength: 100, size: 'max' }), async (options, steps) => {
      const world = await begin(options)
      for (const { run } of steps) {
        world.step++
        await run(world)
        await world.tick()
        checkFaults(world)
      }
      await world.drain()
      checkFaults(world)
      await world.end()
      checkFaults(world)
    }),
    { numRuns: runs },
  )
  expect(runs).toBeGreaterThan(0)
}, 3_600_000)
