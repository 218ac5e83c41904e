// pnpm soak [--seconds n]: a broker on a disk under traffic of every kind, a minute unless said; it tells how large it grows.
import { parseArgs } from 'node:util'
import { local, run } from './processes.mjs'

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: { seconds: { type: 'string', default: '60' } },
})
if (!(Number(values.seconds) > 0)) {
  process.stderr.write('--seconds takes a number above 0\n')
  process.exit(2)
}
process.env.SOAK_SECONDS = values.seconds
const test = 'packages/storage-lmdb/test/soak.test.ts'
const { code, text } = await run(local('vitest'), ['run', '--project', 'unit', test, '--disable-console-intercept'])
process.stderr.write(text)
process.exitCode = code
