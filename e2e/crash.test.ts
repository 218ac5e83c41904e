import { expect, test } from 'vitest'
import { crashOptions, durabilities } from './crash/options.ts'
import { crashRun } from './crash/run.ts'

test.each(durabilities)(
  'durability %s: killed at any instant, the broker keeps what it has acknowledged',
  async (durability) => {
    const outcome = await crashRun(crashOptions, durability)
    process.stderr.write(`crash: durability ${durability}, seed ${crashOptions.seed}: ${JSON.stringify(outcome)}\n`)
    expect(outcome.kills).toBeGreaterThan(0)
    expect(outcome.arrivals).toBeGreaterThan(outcome.kills)
  },
  (crashOptions.seconds + 120) * 1000,
)
