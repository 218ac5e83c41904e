import type { Outcome, Result } from './outcome.ts'
import { bytesNumber, cpuNumber, p99Number, rateNumber } from './report.ts'

type Measure = (outcome: Outcome | undefined) => number | null

/** What isomq is to reach in one scenario: a share of mosquitto's number, or a number of its own. */
interface Goal {
  readonly scenario: RegExp
  readonly what: string
  readonly measure: Measure
  readonly atMost?: number
  readonly atLeast?: number
  /** True: the number itself counts, not its share of mosquitto's. */
  readonly absolute?: boolean
}

const cpu = (scenario: RegExp, atMost: number): Goal => ({ scenario, what: 'CPU', measure: cpuNumber, atMost })
const bytes = (scenario: RegExp, atMost: number): Goal => ({
  scenario,
  what: 'bytes each',
  measure: bytesNumber,
  atMost,
  absolute: true,
})

const goals: readonly Goal[] = [
  cpu(/^(1→1|10→10), QoS 0$/, 0.08),
  cpu(/^(1→1|10→10|1→100), QoS 1$/, 0.1),
  cpu(/^(1→1|10→10|1→100), QoS 2$/, 0.08),
  cpu(/^1→100(0)?, QoS 0$/, 0.03),
  cpu(/bench\/#/, 0.15),
  cpu(/^1→1, QoS 0, 1 KiB$/, 0.2),
  cpu(/^1→1, QoS 0, 64 KiB$/, 0.9),
  cpu(/^1→1, QoS 0, WebSocket$/, 0.35),
  cpu(/^1→100, QoS 0, WebSocket$/, 0.08),
  cpu(/^1000 pairs/, 1.1),
  cpu(/every topic new/, 0.5),
  ...[/^10→1, QoS 1, stored$/, /^1000→1, QoS 1, stored$/].map((scenario) => ({
    scenario,
    what: 'messages/s',
    measure: rateNumber,
    atLeast: 1,
  })),
  { scenario: /paced/, what: 'p99', measure: p99Number, atMost: 1 },
  bytes(/^10,000 idle connections$/, 8192),
  bytes(/^10,000 idle connections, WebSocket$/, 14_336),
  bytes(/^[\d,]+ subscriptions$/, 900),
]

/** A row for every goal whose scenario was run with all that it takes, and whether it was met. */
export function goalsTable(results: readonly Result[]): string[][] {
  const rows = goals.flatMap((goal) =>
    results.filter(({ scenario }) => goal.scenario.test(scenario.name)).map((result) => rowOf(goal, result)),
  )
  return [['scenario', 'measure', 'goal', 'measured', ''], ...rows.filter((row) => row !== undefined)]
}

function rowOf(
  { what, measure, atMost, atLeast, absolute }: Goal,
  { scenario, outcomes }: Result,
): string[] | undefined {
  const own = measure(outcomes.isomq)
  const other = absolute === true ? 1 : measure(outcomes.mosquitto)
  if (own === null || other === null || other === 0) return undefined
  const share = own / other
  const isMet = share <= (atMost ?? Infinity) && share >= (atLeast ?? 0)
  const limit = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost.toLocaleString('en')}`
  const shown = absolute === true ? Math.round(own).toLocaleString('en') : `${share.toFixed(3)}×`
  return [scenario.name, absolute === true ? what : `${what} ÷ mosquitto's`, limit, shown, isMet ? 'met' : 'not met']
}
