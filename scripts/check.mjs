// pnpm check: what must be green before a change is done, but for the end-to-end tests and those in a browser.
import { runStages } from './stages.mjs'

const { failed } = await runStages(['e2e', 'browser'])
process.exitCode = failed === 0 ? 0 : 1
