import { digits, duration, mebibytes, percent, ratio } from './format.ts'
import type { HeldNumbers, LoadNumbers, Outcome, Result, StormNumbers } from './outcome.ts'
import { PEER_NAMES, type PeerName } from './peers/peer.ts'

type Rows = string[][]

const LOAD_HEAD = [
  'peer',
  'msg/s',
  'CPU µs/msg',
  'busy',
  'load busy',
  'p50',
  'p99',
  'RSS MiB',
  'peak MiB',
  'lost/dup/ooo',
]

const HEADS = {
  held: ['peer', 'bytes each', 'CPU µs to make each', 'CPU µs to end each', 'RSS MiB'],
  storm: ['peer', 'CPU µs/coming', 'CPU µs/going', 'RSS MiB'],
  boot: ['peer', 'seconds', 'messages/s', 'CPU s', 'peak MiB'],
} as const

/** One scenario: a row per peer; the last columns are isomq's numbers divided by that peer's. */
export function scenarioTable(result: Result, all: readonly Result[]): Rows {
  const { kind } = result.scenario
  const base = all.find(({ scenario }) => scenario.name === baselineOf(result))
  const ratios = ['isomq ÷ it, msg/s', 'isomq ÷ it, CPU']
  const head = kind === 'load' ? [...LOAD_HEAD, ...ratios] : [...HEADS[kind]]
  if (base !== undefined)
    head.push(...(kind === 'storm' ? ['coming ÷ when few', 'going ÷ when few'] : ['CPU ÷ without']))
  const rows = peersOf([result]).map((peer) => {
    const cells = cellsOf(result, peer)
    if (base !== undefined) cells.push(...compared(result.outcomes[peer], base.outcomes[peer]))
    return head.map((_, column) => cells[column] ?? '')
  })
  return [head, ...rows]
}

/** What a table cannot show: the reasons of everything that failed or was not measured. */
export function remarks(result: Result): string[] {
  return peersOf([result]).flatMap((peer) => {
    const outcome = result.outcomes[peer]
    if (outcome === undefined || outcome.status === 'ok') return []
    return [`${peer}: ${outcome.status === 'failed' ? 'FAILED' : 'n/a'}: ${outcome.reason}`]
  })
}

/** One number of every peer side by side, scenario by scenario, with isomq's share of each. */
export function summary(results: readonly Result[], number: (outcome: Outcome | undefined) => number | null): Rows {
  const peers = peersOf(results)
  const others = peers.includes('isomq') ? peers.filter((peer) => peer !== 'isomq') : []
  const head = ['scenario', ...peers.map(label), ...others.map((peer) => `isomq ÷ ${label(peer)}`)]
  const rows = results.map(({ scenario, outcomes }) => [
    scenario.name,
    ...peers.map((peer) => (outcomes[peer]?.status === 'failed' ? 'FAILED' : digits(number(outcomes[peer])))),
    ...others.map((peer) => ratio(number(outcomes.isomq), number(outcomes[peer]))),
  ])
  return [head, ...rows]
}

/** The broker's CPU time per message in µs, of an outcome that is good. */
export function cpuNumber(outcome: Outcome | undefined): number | null {
  return good(outcome)?.cpu ?? null
}

/** Messages delivered per second, of an outcome that is good. */
export function rateNumber(outcome: Outcome | undefined): number | null {
  return good(outcome)?.rate ?? null
}

/** Bytes of memory for each of many things, of an outcome that is good. */
export function bytesNumber(outcome: Outcome | undefined): number | null {
  return heldNumbers(outcome)?.bytes ?? null
}

/** CPU time in µs to make each of many things, of an outcome that is good. */
export function makingNumber(outcome: Outcome | undefined): number | null {
  return heldNumbers(outcome)?.cpu ?? null
}

/** CPU time in µs for each of many connections that end at once, of an outcome that is good. */
export function endingNumber(outcome: Outcome | undefined): number | null {
  return heldNumbers(outcome)?.endCpu ?? null
}

/** CPU time in µs for each of many clients that come and go at once, of an outcome that is good. */
export function stormNumber(outcome: Outcome | undefined): number | null {
  const storm = stormOf(outcome)
  return storm === undefined || storm.coming === null || storm.going === null ? null : storm.coming + storm.going
}

/** Seconds that a start took, of an outcome that is good. */
export function bootNumber(outcome: Outcome | undefined): number | null {
  return outcome?.status === 'ok' && outcome.numbers.kind === 'boot' ? outcome.numbers.seconds : null
}

/** The 99th percentile of the latency in µs, of an outcome that is good. */
export function p99Number(outcome: Outcome | undefined): number | null {
  return good(outcome)?.p99 ?? null
}

function good(outcome: Outcome | undefined): LoadNumbers | undefined {
  return outcome?.status === 'ok' && outcome.numbers.kind === 'load' ? outcome.numbers : undefined
}

function heldNumbers(outcome: Outcome | undefined): HeldNumbers | undefined {
  return outcome?.status === 'ok' && outcome.numbers.kind === 'held' ? outcome.numbers : undefined
}

function cellsOf(result: Result, peer: PeerName): string[] {
  const outcome = result.outcomes[peer]
  const numbers = outcome?.status === 'n/a' ? undefined : outcome?.numbers
  if (outcome === undefined || numbers === undefined) return [peer, outcome?.status === 'failed' ? 'FAILED' : 'n/a']
  if (numbers.kind === 'held')
    return [peer, digits(numbers.bytes), digits(numbers.cpu), digits(numbers.endCpu), mebibytes(numbers.rss)]
  if (numbers.kind === 'storm') return [peer, digits(numbers.coming), digits(numbers.going), mebibytes(numbers.rss)]
  if (numbers.kind === 'boot') {
    const { seconds, perSecond, cpu, peak } = numbers
    return [peer, digits(seconds), digits(perSecond), digits(cpu), mebibytes(peak)]
  }
  const { lost, duplicate, disordered, stray } = numbers.verdict
  const faults = `${lost}/${duplicate}/${disordered + stray}`
  const isomq = good(result.outcomes.isomq)
  const other = peer === 'isomq' || outcome.status !== 'ok' ? undefined : isomq
  return [
    peer,
    digits(numbers.rate),
    digits(numbers.cpu),
    percent(numbers.busy),
    percent(numbers.loadBusy),
    duration(numbers.p50),
    duration(numbers.p99),
    mebibytes(numbers.rss),
    mebibytes(numbers.peak),
    outcome.status === 'failed' ? `FAILED ${faults}` : faults,
    ratio(other?.rate, numbers.rate),
    ratio(other?.cpu, numbers.cpu),
  ]
}

/** An outcome divided by the one it is to be compared with. */
function compared(own: Outcome | undefined, base: Outcome | undefined): string[] {
  const [storm, few] = [stormOf(own), stormOf(base)]
  if (storm !== undefined) return [ratio(storm.coming, few?.coming), ratio(storm.going, few?.going)]
  const cpu = cpuNumber(own)
  return cpu === null ? [] : [ratio(cpu, cpuNumber(base))]
}

function stormOf(outcome: Outcome | undefined): StormNumbers | undefined {
  return outcome?.status === 'ok' && outcome.numbers.kind === 'storm' ? outcome.numbers : undefined
}

function baselineOf({ scenario }: Result): string | undefined {
  return scenario.kind === 'load' || scenario.kind === 'storm' ? scenario.baseline : undefined
}

function peersOf(results: readonly Result[]): PeerName[] {
  return PEER_NAMES.filter((peer) => results.some(({ outcomes }) => outcomes[peer] !== undefined))
}

function label(peer: PeerName): string {
  return peer === 'control' ? 'floor' : peer
}
