import { endChildrenOnExit } from './children.ts'
import { writeJson, writeMarkdown, type Run } from './documents.ts'
import { plainTable } from './format.ts'
import { thisMachine } from './machine.ts'
import { measure } from './measure.ts'
import { parseOptions, USAGE, type Options } from './options.ts'
import type { Outcome, Result } from './outcome.ts'
import { aedes } from './peers/aedes.ts'
import { control } from './peers/control.ts'
import { isomq } from './peers/isomq.ts'
import { mosquitto } from './peers/mosquitto.ts'
import type { Peer, PeerName } from './peers/peer.ts'
import { cpuNumber, rateNumber, remarks, scenarioTable, summary } from './report.ts'
import { allScenarios, type Scenario } from './scenarios.ts'

const PEERS: Readonly<Record<PeerName, Peer>> = { isomq, aedes, mosquitto, control }

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  const scenarios = allScenarios(options.quick, options.all).filter(({ name }) => options.only.test(name))
  if (options.help || options.list) {
    console.log(options.help ? USAGE : scenarios.map(({ name }) => name).join('\n'))
    return 0
  }
  if (scenarios.length === 0) throw new Error('--only matches no scenario; see --list')
  endChildrenOnExit()
  const run = await runAll(scenarios, options)
  printSummary(run)
  console.log(`\nWritten: ${writeJson(run)}`)
  if (options.markdown !== undefined) console.log(`Written: ${writeMarkdown(run, options.markdown)}`)
  return exitCode(run, options)
}

async function runAll(scenarios: readonly Scenario[], options: Options): Promise<Run> {
  const machine = thisMachine()
  const peers = options.peers.map((name) => PEERS[name])
  const present = peers.filter((peer) => peer.missing() === undefined)
  const versions = Object.fromEntries(present.map((peer) => [peer.name, peer.version()]))
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}; ${machine.placement}`)
  console.log(present.map(({ name }) => `${name} ${versions[name]}`).join(', '))
  const results: Result[] = []
  for (const scenario of scenarios) {
    const outcomes: Partial<Record<PeerName, Outcome>> = {}
    for (const peer of peers) outcomes[peer.name] = await measure(peer, scenario, options)
    const result = { scenario, outcomes }
    results.push(result)
    const notes = remarks(result).map((remark) => `\n  ${remark}`)
    console.log(`\n${scenario.name}\n${plainTable(scenarioTable(result, results))}${notes.join('')}`)
  }
  return { machine, versions, seconds: options.measureMs / 1000, results }
}

function printSummary({ results }: Run): void {
  const loads = results.filter(({ scenario }) => scenario.kind === 'load')
  if (loads.length === 0) return
  console.log(`\nCPU time of the broker per message delivered, in µs\n${plainTable(summary(loads, cpuNumber))}`)
  console.log(`\nMessages delivered per second\n${plainTable(summary(loads, rateNumber))}`)
}

// A failed row is an error, and so is measuring isomq where it has not been built: a check in CI must notice.
function exitCode({ results }: Run, options: Options): number {
  const failed = results.some(({ outcomes }) => Object.values(outcomes).some(({ status }) => status === 'failed'))
  const absent = options.peers.includes('isomq') && isomq.missing() !== undefined
  if (absent) console.error(`isomq was not measured: ${isomq.missing()}`)
  if (failed) console.error('Some rows FAILED.')
  return failed || absent ? 1 : 0
}

try {
  process.exit(await main())
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(2)
}
