// pnpm conformance: which tests show which numbered statement of the MQTT specifications. Runs the unit tests, or reads
// the report of a run (`--report FILE`), and writes docs/conformance.md; with `--check` it only says what is wrong.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { render } from './conformance-page.mjs'
import { local, root, run } from './processes.mjs'

const page = 'docs/conformance.md'
const lists = [
  { version: '5.0', file: 'packages/protocol-mqtt/conformance/mqtt-5.0.tsv' },
  { version: '3.1.1', file: 'packages/protocol-mqtt/conformance/mqtt-3.1.1.tsv' },
]

const { values } = parseArgs({ options: { check: { type: 'boolean' }, report: { type: 'string' } } })
const faults = []
const statements = new Map(lists.flatMap((list) => readList(list)))
collectTests(values.report === undefined ? await runTests() : readJson(values.report))
collectSources()
judge()
const text = render(lists, statements)
if (values.check !== true) writeFileSync(join(root, page), text)
else if (readFileSync(join(root, page), 'utf8') !== text) faults.push(`${page} is stale: run pnpm conformance`)
for (const fault of faults) process.stdout.write(`${fault}\n`)
process.exitCode = faults.length === 0 ? 0 : 1

/** The statements of one version, by `version id`. */
function readList({ version, file }) {
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [id, binds, says] = line.split('\t')
      return [`${version} ${id}`, { version, id, binds, says, tests: new Map(), failed: 0, sources: new Set() }]
    })
}

/** `[MQTT-…]` is a statement of 5.0, `[MQTT-… of 3.1.1]` one of 3.1.1. Yields each statement once; says which there are not. */
function* cited(text, where) {
  const keys = Array.from(text.matchAll(/\[(MQTT-[\d.]+-\d+)(?: of (3\.1\.1))?\]/g), ([, id, version]) => {
    const key = `${version ?? '5.0'} ${id}`
    const found = statements.get(key)
    return found?.binds === '=' ? `${found.version} ${found.says}` : key
  })
  for (const key of new Set(keys)) {
    const statement = statements.get(key)
    if (statement === undefined) faults.push(`${where}: there is no statement ${key}`)
    else yield statement
  }
}

function collectTests({ testResults }) {
  for (const { name, assertionResults } of testResults) {
    const file = relative(root, name).replaceAll('\\', '/')
    for (const { fullName, status } of assertionResults)
      for (const statement of cited(fullName, `${file}: ${fullName}`)) {
        if (status === 'passed') statement.tests.set(file, (statement.tests.get(file) ?? 0) + 1)
        else if (status === 'failed') statement.failed++
      }
  }
}

function collectSources() {
  for (const folder of readdirSync(join(root, 'packages')).map((name) => `packages/${name}/src`))
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue
      const file = `${folder}/${name.replaceAll('\\', '/')}`
      for (const { sources } of cited(readFileSync(join(root, file), 'utf8'), file)) sources.add(file)
    }
}

function judge() {
  for (const [key, { binds, tests, failed }] of statements) {
    if (failed > 0) faults.push(`${key}: ${failed} tests failed`)
    if ((binds === 'S' || binds === 'B') && tests.size === 0) faults.push(`${key}: no test shows it`)
  }
}

async function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'isomq-conformance-'))
  const report = join(folder, 'report.json')
  try {
    await run(
      local('vitest'),
      ['run', '--project', 'unit', '--reporter=json', `--outputFile.json=${report}`],
      'capture',
    )
    return readJson(report)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}
