import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { local, run } from './processes.mjs'

/** Everything that is checked, quickest first. `tests` runs tests: their output is shown as it comes, and they are counted. */
const stages = [
  { name: 'format', command: local('oxfmt'), args: ['--check', '.'] },
  { name: 'lint', command: local('oxlint'), args: ['--deny-warnings'] },
  // Builds too: end-to-end tests run what comes out.
  { name: 'types', command: local('tsc'), args: ['-b'] },
  { name: 'layers', command: process.execPath, args: ['scripts/layers.mjs'] },
  { name: 'size', command: process.execPath, args: ['scripts/size.mjs'] },
  { name: 'unused', command: local('knip'), args: ['--no-progress'] },
  { name: 'unit', tests: (report) => vitest('unit', report) },
  // Reads what the unit tests have reported.
  {
    name: 'clauses',
    command: process.execPath,
    args: ['scripts/conformance.mjs', '--check', '--report'],
    reads: 'unit',
  },
  { name: 'e2e', tests: (report) => vitest('e2e', report) },
  { name: 'browser', tests: playwright },
]

/**
 * Runs all stages but those named in `without`, the others even when one fails, and prints a summary.
 * Returns the tests that passed and failed; a stage that fails for another reason than a test counts as one failure.
 */
export async function runStages(without = []) {
  const results = []
  const folder = mkdtempSync(join(tmpdir(), 'isomq-tests-'))
  try {
    for (const stage of stages) if (!without.includes(stage.name)) results.push(await runStage(stage, folder))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  process.stdout.write('\n')
  for (const result of results) process.stdout.write(`${summary(result)}\n`)
  const sum = (count) => results.reduce((total, result) => total + count(result), 0)
  return { passed: sum((r) => r.passed), failed: sum((r) => (r.ok ? 0 : Math.max(r.failed, 1))) }
}

/** Reports of tests lie in `folder`, one for each stage. */
async function runStage(stage, folder) {
  const begun = performance.now()
  const report = join(folder, `${stage.reads ?? stage.name}.json`)
  const work = stage.tests === undefined ? check(stage, report) : stage.tests(report)
  const { code, text, passed, failed, skipped } = await work
  const result = { stage, ok: code === 0, passed, failed, skipped, seconds: (performance.now() - begun) / 1000 }
  if (!result.ok) process.stdout.write(text)
  process.stdout.write(`${summary(result)}\n`)
  return result
}

async function check({ command, args, reads }, report) {
  const { code, text } = await run(command, reads === undefined ? args : [...args, report], 'capture')
  return { code, text, passed: 0, failed: 0, skipped: 0 }
}

async function vitest(project, report) {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const result = await run(local('vitest'), ['run', '--project', project, ...reporters])
  return { ...result, ...counts(report, countVitest) }
}

async function playwright(report) {
  const env = { PLAYWRIGHT_JSON_OUTPUT_FILE: report }
  const result = await run(local('playwright'), ['test', '--reporter=list,json'], 'inherit', env)
  return { ...result, ...counts(report, countPlaywright) }
}

/** Without a report no test has come to run, and the exit code says so. */
function counts(report, count) {
  try {
    return count(JSON.parse(readFileSync(report, 'utf8')))
  } catch {
    return { passed: 0, failed: 0, skipped: 0 }
  }
}

function countVitest({ numPassedTests, numFailedTests, numPendingTests, testResults }) {
  // Names of skipped tests end with the reason; the reporter keeps them to itself.
  const skips = testResults
    .flatMap((file) => file.assertionResults)
    .filter(({ status }) => status === 'skipped' || status === 'pending')
  for (const { fullName } of skips) process.stdout.write(`skipped: ${fullName}\n`)
  return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests }
}

function countPlaywright({ stats, suites }) {
  const tests = suites.flatMap(specsOf).flatMap((spec) => spec.tests.map((test) => ({ ...test, title: spec.title })))
  for (const { title, status, annotations } of tests)
    if (status === 'skipped') process.stdout.write(`skipped: ${title}: ${annotations.at(-1)?.description ?? ''}\n`)
  return { passed: stats.expected, failed: stats.unexpected + stats.flaky, skipped: stats.skipped }
}

function specsOf({ specs = [], suites = [] }) {
  return [...specs, ...suites.flatMap(specsOf)]
}

function summary({ stage, ok, passed, failed, skipped, seconds }) {
  const counted = stage.tests === undefined ? '' : ` ${passed} passed, ${failed} failed, ${skipped} skipped;`
  return `${stage.name.padEnd(7)} ${ok ? 'ok    ' : 'FAILED'} ${counted} ${seconds.toFixed(1)} s`
}
