// pnpm test:crash: kills a broker again and again while clients rely on it. Needs a build.
import { parseArgs } from 'node:util'
import { local, run } from './processes.mjs'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    kills: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '300' },
    durability: { type: 'string', default: 'both' },
  },
})
for (const name of ['seed', 'kills', 'seconds']) {
  if (values[name] !== undefined && !/^\d+$/.test(values[name])) throw new TypeError(`--${name} takes a whole number`)
}
if (!['flush', 'os', 'both'].includes(values.durability)) throw new TypeError('--durability is flush, os or both')
for (const [name, value] of Object.entries(values)) process.env[`ISOMQ_CRASH_${name.toUpperCase()}`] = value
const { code } = await run(local('vitest'), ['run', '--project', 'e2e', 'e2e/crash.test.ts'])
process.exitCode = code
