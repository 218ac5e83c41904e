import type { LoadScenario } from './scenarios.ts'

/** Bytes on their way on one connection, at most: 256 KiB and headers. Full pipes, but nothing to drop or pause for. */
const BYTES_PER_CONNECTION = 257 * 1024
/** Bytes on their way in the whole broker: with a thousand subscribers some 8 KiB, or 90 short messages, to each of them. */
const BYTES_IN_ALL = 8 * 1024 * 1024
/** QoS 1 and 2 messages on their way to one subscriber: half of the smallest default queue limit (1000). */
const UNACKNOWLEDGED = 512
/** Topic, fixed header and packet id of a message of the load, about. */
const OVERHEAD = 20

/** How many messages each publisher may have on their way, and how often credits return (see `LoadPlan`). */
export function windowOf(scenario: LoadScenario): { window: number; grain: number } {
  const frame = scenario.payload + OVERHEAD
  const feeders = scenario.wiring === 'all' ? scenario.publishers : 1
  const audience = scenario.wiring === 'all' ? scenario.subscribers : 1
  const most = Math.min(
    scenario.window,
    BYTES_PER_CONNECTION / frame / feeders,
    BYTES_IN_ALL / frame / audience / scenario.publishers,
    scenario.qos === 0 ? Infinity : UNACKNOWLEDGED / feeders,
  )
  if (most < 8) return { window: Math.max(1, Math.floor(most)), grain: 1 }
  const grain = 2 ** Math.floor(Math.log2(most / 8))
  return { window: grain * 8, grain }
}
