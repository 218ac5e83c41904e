import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { chromiumMissing } from './chromium.ts'

/** Milliseconds a download may take. */
const patience = 300_000

/** Has Playwright fetch its own Chromium where there is none. What then is still missing, the tests say themselves. */
export default function installChromium(): void {
  if (chromiumMissing() === undefined) return
  const cli = join(dirname(createRequire(import.meta.url).resolve('playwright/package.json')), 'cli.js')
  process.stdout.write('fetching Chromium …\n')
  spawnSync(process.execPath, [cli, 'install', 'chromium'], { timeout: patience })
}
