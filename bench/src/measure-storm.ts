import { sleep } from './deadline.ts'
import { LoadProcess } from './load-process.ts'
import type { Outcome } from './outcome.ts'
import type { RunningPeer } from './peers/peer.ts'
import { cpuMicros, memoryBytes } from './proc-stats.ts'
import type { StormScenario } from './scenarios.ts'
import { targetFor } from './target.ts'

const ORDER_MS = 120_000
const WARM_UP = 1000
const WARM_UP_ROUNDS = 5

/** What it costs a broker that many clients come at once, and that all of them are gone at once. */
export async function measureStorm(running: RunningPeer, { count }: StormScenario): Promise<Outcome> {
  const target = targetFor(running, 'tcp')
  if (target === undefined) return { status: 'n/a', reason: 'no tcp listener' }
  const load = new LoadProcess()
  try {
    // The first ones pay for code that is compiled.
    for (let round = 0; round < WARM_UP_ROUNDS; round++) {
      await load.ask({ type: 'gather', target, count: WARM_UP }, 'ready', ORDER_MS)
      await load.ask({ type: 'scatter' }, 'ready', ORDER_MS)
    }
    await sleep(500)
    const before = cpuMicros(running.pid)
    await load.ask({ type: 'gather', target, count }, 'ready', ORDER_MS)
    const come = cpuMicros(running.pid)
    await load.ask({ type: 'scatter' }, 'ready', ORDER_MS)
    // The last will is out: what is left to be tidied up belongs to it.
    await sleep(300)
    const gone = cpuMicros(running.pid)
    const coming = before === null || come === null ? null : (come - before) / count
    const going = come === null || gone === null ? null : (gone - come) / count
    return { status: 'ok', numbers: { kind: 'storm', coming, going, rss: memoryBytes(running.pid)?.rss ?? null } }
  } finally {
    await load.end()
  }
}
