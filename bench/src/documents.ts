import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { markdownTable } from './format.ts'
import { goalsTable } from './goals.ts'
import type { Machine } from './machine.ts'
import type { Result } from './outcome.ts'
import {
  bootNumber,
  bytesNumber,
  cpuNumber,
  endingNumber,
  makingNumber,
  p99Number,
  rateNumber,
  remarks,
  scenarioTable,
  stormNumber,
  summary,
} from './report.ts'

/** What profiles have taught us, written by hand: a part of the page. */
const FINDINGS = new URL('../findings.md', import.meta.url)

/** A whole run. */
export interface Run {
  readonly machine: Machine
  /** Peer → version. */
  readonly versions: Readonly<Record<string, string>>
  readonly seconds: number
  readonly results: readonly Result[]
}

/** Writes the run as JSON where git does not look, and returns the path. */
export function writeJson(run: Run): string {
  const path = fileURLToPath(new URL('../../.bench/latest.json', import.meta.url))
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(run, null, 2)}\n`)
  return path
}

/** Writes the run as a Markdown page and returns the absolute path. */
export function writeMarkdown(run: Run, file: string): string {
  // pnpm runs the script at the root of the workspace; the user means the folder they are in.
  const path = resolve(process.env['INIT_CWD'] ?? '.', file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, markdown(run))
  return path
}

function markdown({ machine, versions, seconds, results }: Run): string {
  const loads = results.filter(({ scenario }) => scenario.kind === 'load')
  const held = results.filter(({ scenario }) => scenario.kind === 'held')
  const connections = held.filter(({ scenario }) => scenario.kind === 'held' && scenario.what === 'connection')
  const storms = results.filter(({ scenario }) => scenario.kind === 'storm')
  const boots = results.filter(({ scenario }) => scenario.kind === 'boot')
  const goals = goalsTable(results)
  const peers = Object.entries(versions).map(([peer, version]) => `${peer} ${version}`)
  const paragraphs = [
    '# Performance',
    'Written by `pnpm bench --markdown <file>`, with the findings of `bench/findings.md`; how to read and repeat it: `bench/README.md`.',
    [
      `- Date: ${machine.date}`,
      `- Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`,
      `- Placement: ${machine.placement}; ${seconds} s per measurement, a new broker for each`,
      `- Peers: ${peers.join(', ')} (\`control\` is the floor: a relay of raw bytes on \`node:net\`)`,
    ].join('\n'),
    ...(goals.length === 1 ? [] : ['## Goals', markdownTable(goals)]),
    ...(loads.length === 0
      ? []
      : [
          '## CPU time of the broker per message delivered, in µs (less is better)',
          markdownTable(summary(loads, cpuNumber)),
          '## Messages delivered per second (more is better)',
          markdownTable(summary(loads, rateNumber)),
          '## Latency at that load, 99th percentile, in µs (less is better)',
          markdownTable(summary(loads, p99Number)),
        ]),
    ...(held.length === 0
      ? []
      : [
          '## Bytes of memory for each of many (less is better)',
          markdownTable(summary(held, bytesNumber)),
          '## CPU time to make each of many, in µs (less is better; flat is linear)',
          markdownTable(summary(held, makingNumber)),
        ]),
    ...(connections.length === 0
      ? []
      : [
          '## CPU time for each of many connections that end at once, in µs (less is better; flat is linear)',
          markdownTable(summary(connections, endingNumber)),
        ]),
    ...(storms.length === 0
      ? []
      : [
          '## CPU time for each of many clients that come and go at once, in µs (less is better; flat is linear)',
          markdownTable(summary(storms, stormNumber)),
        ]),
    ...(boots.length === 0
      ? []
      : ['## Seconds from start to first listener (less is better)', markdownTable(summary(boots, bootNumber))]),
    readFileSync(FINDINGS, 'utf8').trim(),
    '## Everything',
    ...results.flatMap((result) => [
      `### ${result.scenario.name}`,
      markdownTable(scenarioTable(result, results)),
      ...remarks(result).map((remark) => `- ${remark}`),
    ]),
  ]
  return `${paragraphs.join('\n\n')}\n`
}
