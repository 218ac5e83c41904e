import type { Page } from 'playwright'
import { aedes } from '../peers/aedes.ts'
import { isomq } from '../peers/isomq.ts'
import type { RunningPeer } from '../peers/peer.ts'
import { type BenchPage, type Case, type Measured, type Route, routes } from './cases.ts'

declare const measure: BenchPage['measure']

/** What came of all rounds of one case: medians. */
export interface CaseResult extends Case {
  /** Milliseconds. */
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly messagesPerSecond: number
}

/**
 * Measures every case in a page of the bench's site, as often as there are rounds, one case after the other in each, so that
 * what disturbs the machine disturbs all. Starts the brokers that it needs and ends them.
 */
export async function runCases(
  page: Page,
  { rounds, milliseconds }: { readonly rounds: number; readonly milliseconds: number },
): Promise<CaseResult[]> {
  const peers: RunningPeer[] = []
  try {
    const urls = new Map<Route, string>([
      [routes[0], '/worker.js'],
      [routes[1], '/worker.js?kept'],
    ])
    for (const [route, peer] of [
      [routes[2], isomq],
      [routes[3], aedes],
    ] as const) {
      const running = await peer.start()
      peers.push(running)
      const { host, port, path } = running.targets.find(({ kind }) => kind === 'websocket')!
      urls.set(route, `ws://${host}:${port}${path ?? '/'}`)
    }
    const cases = routes.flatMap((route): Case[] => [
      { route, qos: 0 },
      { route, qos: 1 },
    ])
    const all = cases.map((): Measured[] => [])
    for (let round = 0; round < rounds; round++)
      for (const [i, { route, qos }] of cases.entries()) {
        const how = { route, qos, milliseconds, url: urls.get(route)! }
        all[i]!.push(await page.evaluate((given) => measure(given), how))
      }
    return cases.map((each, i) => Object.assign(summary(all[i]!), each))
  } finally {
    for (const peer of peers) await peer.stop()
  }
}

function summary(rounds: readonly Measured[]): Omit<CaseResult, keyof Case> {
  const at = (share: number): number =>
    median(
      rounds.map(({ roundTrips }) =>
        quantile(
          Array.from(roundTrips).sort((a, b) => a - b),
          share,
        ),
      ),
    )
  const rate = median(rounds.map(({ messagesPerSecond }) => messagesPerSecond))
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), messagesPerSecond: rate }
}

function median(numbers: readonly number[]): number {
  return quantile(
    Array.from(numbers).sort((a, b) => a - b),
    0.5,
  )
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
