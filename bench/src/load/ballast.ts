import { Link, type LinkHandler } from './link.ts'
import { ballastFilter, forEachIndex } from './names.ts'
import type { Target } from './plan.ts'

/** Subscriptions per client: no more than any broker allows a session by default. */
const PER_CLIENT = 1000
const FILTERS_PER_PACKET = 250

/** Clients that subscribe to `count` filters which match nothing, from this index on (a multiple of 1000), and keep them. Resolves when all are granted. */
export async function subscribeBallast(target: Target, from: number, count: number): Promise<void> {
  const silent: LinkHandler = { publish: noMessage, control: noMessage, end: () => {} }
  const end = from + count
  await forEachIndex(Math.ceil(count / PER_CLIENT), async (client) => {
    const first = from + client * PER_CLIENT
    const link = await Link.open(target, `bench-b${first / PER_CLIENT}`, 0, silent)
    const last = Math.min(end, first + PER_CLIENT)
    for (let at = first; at < last; at += FILTERS_PER_PACKET) {
      const filters = Array.from({ length: Math.min(FILTERS_PER_PACKET, last - at) }, (_, i) => ballastFilter(at + i))
      await link.subscribe(filters, 0)
    }
  })
}

function noMessage(): void {
  throw new Error('a client that should hear nothing received a packet')
}
