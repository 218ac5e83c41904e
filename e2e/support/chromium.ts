import { existsSync } from 'node:fs'
import { chromium } from 'playwright'

/** Where systems install it. */
const systemPaths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The Chromium of this system; undefined leaves the choice to Playwright. */
export function chromiumPath(): string | undefined {
  return systemPaths.find((path) => existsSync(path))
}

/** Why no Chromium can be started here; undefined where one can. */
export function chromiumMissing(): string | undefined {
  if (chromiumPath() !== undefined || existsSync(chromium.executablePath())) return undefined
  return 'no Chromium: install the package chromium, or run `npx playwright install chromium`'
}
