import { beforeAll, describe, expect, test } from 'vitest'
import { Disk, type Fate } from './crash/disk-image.ts'
import { crashOptions } from './crash/options.ts'
import { seeded } from './crash/random.ts'
import { revive } from './crash/survivor.ts'
import { message, traceLoad, type TracedLoad } from './crash/traced-load.ts'
import { describeWith, strace } from './support/peers.ts'

const count = 120

/** Messages acknowledged before this step. */
function promised({ acknowledged }: TracedLoad, cut: number): number[] {
  return Array.from(acknowledged).flatMap(([n, at]) => (at < cut ? [n] : []))
}

// strace writes down what the broker hands to the system and when the system says it is durable. From that follows what
// the disk has at any moment, whatever it does with the rest; a broker that is started on that has to keep its word.
describeWith([strace], 'when the power goes', () => {
  const random = seeded(crashOptions.seed)
  const seed = `seed ${crashOptions.seed}`

  describe('with durability flush', () => {
    let load: TracedLoad
    beforeAll(async () => {
      load = await traceLoad('flush', count)
    })

    test.each<[Fate, 'at any moment' | 'right after an acknowledgement']>([
      ['lost', 'right after an acknowledgement'],
      ['lost', 'right after an acknowledgement'],
      ['lost', 'at any moment'],
      ['there', 'at any moment'],
      ['torn', 'at any moment'],
      ['torn', 'at any moment'],
      ['torn', 'right after an acknowledgement'],
    ])(`what was not flushed is %s, %s (${seed}): everything acknowledged is there`, async (fate, when) => {
      const { steps, acknowledged, subscribed } = load
      expect(acknowledged.size).toBe(count)
      const cut =
        when === 'at any moment'
          ? random.int(subscribed + 1, steps.length)
          : random.pick(Array.from(acknowledged.values())) + 1
      const due = promised(load, cut)
      const found = await revive(new Disk(steps, cut).image(fate, random))
      expect(found).toMatchObject({ refusal: undefined, sessionPresent: true, damaged: [] })
      expect(due.filter((n) => !found.received.includes(n))).toEqual([])
      // In the order of each topic and QoS, and none twice: nobody had got them.
      for (const n of found.received) {
        const { topic, qos } = message(n)
        const same = found.received.filter((other) => message(other).topic === topic && message(other).qos === qos)
        expect(same).toEqual([...new Set(same)].sort((a, b) => a - b))
      }
      const kept = Math.max(0, ...due.filter((n) => message(n).retain))
      expect(found.retained).toBeGreaterThanOrEqual(kept)
    })
  })

  test('with durability os there are moments at which what was acknowledged is lost', async () => {
    const load = await traceLoad('os', count)
    const cuts = Array.from(load.acknowledged.values(), (at) => at + 1)
    const cut = cuts.findLast((each) => new Disk(load.steps, each).pending.length > 0) ?? 0
    expect(cut).toBeGreaterThan(0)
    const found = await revive(new Disk(load.steps, cut).image('lost', random))
    expect(promised(load, cut).filter((n) => !found.received.includes(n))).not.toEqual([])
  })

  test('with durability os a broker that finds what the machine left does not touch it, and says so', async () => {
    const { refusal } = await revive(Buffer.alloc(100_000, 1), 'another start of the machine')
    expect(refusal).toMatch(/^isomq: storage: .* was written with durability os, and the machine went down .*\n$/)
  })
})
