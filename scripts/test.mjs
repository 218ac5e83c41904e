// npm test: installs, builds, checks and tests everything. The last line says how many tests passed and failed.
import { requireNode } from './node-version.mjs'
import { install } from './pnpm.mjs'
import { runStages } from './stages.mjs'

requireNode()
const { passed, failed } = (await install()) === 0 ? await runStages() : { passed: 0, failed: 1 }
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
