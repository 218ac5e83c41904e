import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep } from './deadline.ts'
import { LoadProcess } from './load-process.ts'
import type { LoadPlan, Mark, Verdict } from './load/plan.ts'
import { measureStorm } from './measure-storm.ts'
import type { LoadNumbers, Outcome } from './outcome.ts'
import type { Peer, RunningPeer } from './peers/peer.ts'
import { cpuMicros, memoryBytes } from './proc-stats.ts'
import type { BootScenario, HeldScenario, LoadScenario, Scenario } from './scenarios.ts'
import { targetFor } from './target.ts'
import { windowOf } from './window.ts'

const SETUP_MS = 20_000
const BALLAST_SETUP_MS = 60_000
const REPLY_MS = 5_000
const DRAIN_MS = 10_000
/** The first ones pay for code that is compiled and pools that are filled once. */
const WARM_UP = { subscription: 10_000, connection: 200, retained: 2000, pending: 2000 } as const
const SETTLE_MS = 1000
const FILL_MS = 300_000

/** How long the phases of a measurement last. */
export interface Phases {
  readonly warmUpMs: number
  readonly measureMs: number
}

/** Starts a peer for this scenario alone, measures, and ends it. Never rejects: what goes wrong is an outcome. */
export async function measure(peer: Peer, scenario: Scenario, phases: Phases): Promise<Outcome> {
  const reason = peer.missing() ?? unsupported(peer, scenario)
  if (reason !== undefined) return { status: 'n/a', reason }
  let running: RunningPeer | undefined
  const isStored = scenario.kind === 'boot' || (scenario.kind === 'load' && scenario.durable)
  const data = isStored ? mkdtempSync(join(tmpdir(), 'isomq-bench-')) : undefined
  try {
    if (scenario.kind === 'boot') return await measureBoot(peer, scenario, data!)
    running = await peer.start(data)
    if (scenario.kind === 'held') return await measureHeld(running, scenario)
    if (scenario.kind === 'storm') return await measureStorm(running, scenario)
    return await measureLoad(running, scenario, phases)
  } catch (error) {
    return { status: 'failed', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    await running?.stop()
    if (data !== undefined) rmSync(data, { recursive: true, force: true })
  }
}

function unsupported(peer: Peer, scenario: Scenario): string | undefined {
  if (scenario.kind === 'held')
    return peer.name === 'control' && scenario.what !== 'connection' ? 'the relay holds connections only' : undefined
  if (scenario.kind === 'storm') return peer.name === 'control' ? 'the relay has no wills' : undefined
  if (scenario.kind === 'boot')
    return peer.name === 'aedes' || peer.name === 'control' ? 'it keeps nothing on disk' : undefined
  if (peer.name === 'aedes' && scenario.durable) return 'what it acknowledges is in memory only'
  if (peer.name !== 'control') return undefined
  if (scenario.transport !== 'tcp') return 'the relay speaks TCP only'
  if (scenario.qos > 0) return 'the relay cannot acknowledge'
  if (scenario.wiring === 'all' && scenario.publishers > 1) return 'the relay cannot merge publishers'
  return scenario.ballast > 0 ? 'the relay has no subscriptions' : undefined
}

async function measureLoad(running: RunningPeer, scenario: LoadScenario, phases: Phases): Promise<Outcome> {
  const target = targetFor(running, scenario.transport)
  if (target === undefined) return { status: 'n/a', reason: `no ${scenario.transport} listener in this build` }
  const plan: LoadPlan = { ...scenario, ...windowOf(scenario), target, brokerPid: running.pid }
  const subscriber = new LoadProcess()
  const publisher = new LoadProcess()
  try {
    const setupMs = scenario.ballast > 0 ? BALLAST_SETUP_MS : SETUP_MS
    const { creditPort } = await subscriber.ask({ type: 'subscribe', plan }, 'ready', setupMs)
    await publisher.ask({ type: 'publish', plan, creditPort }, 'ready', SETUP_MS)
    publisher.tell({ type: 'go' })
    await sleep(phases.warmUpMs)
    const loadBegin = cpuOf(publisher, subscriber)
    const begin = await subscriber.ask({ type: 'mark' }, 'mark', REPLY_MS)
    await sleep(phases.measureMs)
    const finish = await subscriber.ask({ type: 'mark' }, 'mark', REPLY_MS)
    const loadMicros = difference(loadBegin, cpuOf(publisher, subscriber))
    const memory = memoryBytes(running.pid)
    const { sent } = await publisher.ask({ type: 'stop' }, 'stopped', REPLY_MS)
    const drain = { type: 'drain', sent, deadlineMs: DRAIN_MS } as const
    const { verdict } = await subscriber.ask(drain, 'verdict', DRAIN_MS + REPLY_MS)
    return judge({
      ...between(begin.mark, finish.mark, loadMicros),
      rss: memory?.rss ?? null,
      peak: memory?.peak ?? null,
      verdict,
    })
  } finally {
    await Promise.all([publisher.end(), subscriber.end()])
  }
}

function between(begin: Mark, finish: Mark, loadMicros: number | null): Omit<LoadNumbers, 'rss' | 'peak' | 'verdict'> {
  const delivered = finish.delivered - begin.delivered
  const micros = finish.micros - begin.micros
  const cpu = difference(begin.cpuMicros, finish.cpuMicros)
  return {
    kind: 'load',
    rate: (delivered / micros) * 1e6,
    cpu: cpu === null || delivered === 0 ? null : cpu / delivered,
    busy: cpu === null ? null : cpu / micros,
    loadBusy: loadMicros === null ? null : loadMicros / micros,
    p50: finish.p50,
    p99: finish.p99,
  }
}

function cpuOf(publisher: LoadProcess, subscriber: LoadProcess): number | null {
  const [a, b] = [publisher.cpuMicros(), subscriber.cpuMicros()]
  return a === null || b === null ? null : a + b
}

function difference(begin: number | null, finish: number | null): number | null {
  return begin === null || finish === null ? null : finish - begin
}

function judge(numbers: LoadNumbers): Outcome {
  if (numbers.rate === 0) return { status: 'failed', reason: 'nothing was delivered', numbers }
  const { lost, duplicate, disordered, stray }: Verdict = numbers.verdict
  if (lost + duplicate + disordered + stray === 0) return { status: 'ok', numbers }
  const reason = `${lost} lost, ${duplicate} duplicate, ${disordered} out of order, ${stray} stray`
  return { status: 'failed', reason, numbers }
}

async function measureHeld(running: RunningPeer, scenario: HeldScenario): Promise<Outcome> {
  const { what, count, transport } = scenario
  const target = targetFor(running, transport)
  if (target === undefined) return { status: 'n/a', reason: `no ${transport} listener in this build` }
  const [first, load] = [new LoadProcess(), new LoadProcess()]
  try {
    const from = WARM_UP[what]
    await first.ask({ type: 'hold', target, what, from: 0, count: from }, 'ready', BALLAST_SETUP_MS)
    await sleep(SETTLE_MS)
    const before = memoryBytes(running.pid)
    const begin = cpuMicros(running.pid)
    await load.ask({ type: 'hold', target, what, from, count }, 'ready', BALLAST_SETUP_MS)
    const made = difference(begin, cpuMicros(running.pid))
    await sleep(SETTLE_MS)
    const after = memoryBytes(running.pid)
    if (before === null || after === null) return { status: 'n/a', reason: 'memory can only be read on Linux' }
    const ended = what === 'connection' ? await endAll(running, load) : null
    const each = (micros: number | null): number | null => (micros === null ? null : micros / count)
    const bytes = (after.rss - before.rss) / count
    return { status: 'ok', numbers: { kind: 'held', bytes, cpu: each(made), endCpu: each(ended), rss: after.rss } }
  } finally {
    await Promise.all([first.end(), load.end()])
  }
}

/** The broker's CPU time until it has got over the end of a load process that held many connections. */
async function endAll({ pid }: RunningPeer, load: LoadProcess): Promise<number | null> {
  const begin = cpuMicros(pid)
  await load.end()
  await sleep(SETTLE_MS)
  for (let last = cpuMicros(pid); ;) {
    await sleep(SETTLE_MS / 2)
    const now = cpuMicros(pid)
    // A twentieth of the time is what an idle broker may take.
    if (now === null || last === null || now - last < SETTLE_MS * 25) return difference(begin, now)
    last = now
  }
}

async function measureBoot(peer: Peer, { what, count }: BootScenario, data: string): Promise<Outcome> {
  const before = await peer.start(data)
  const load = new LoadProcess()
  try {
    const target = targetFor(before, 'tcp')
    if (target === undefined) return { status: 'n/a', reason: 'no tcp listener' }
    await load.ask({ type: 'hold', target, what, from: 0, count }, 'ready', FILL_MS)
  } finally {
    await load.end()
    await before.stop()
  }
  const begin = performance.now()
  const after = await peer.start(data)
  const seconds = (performance.now() - begin) / 1000
  const micros = cpuMicros(after.pid)
  const peak = memoryBytes(after.pid)?.peak ?? null
  await after.stop()
  const cpu = micros === null ? null : micros / 1e6
  return { status: 'ok', numbers: { kind: 'boot', seconds, perSecond: count / seconds, cpu, peak } }
}
