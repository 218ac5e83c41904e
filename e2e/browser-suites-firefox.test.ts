import { rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { buildSuites } from './browser-suites/build.ts'
import type { Place } from './browser-suites/page.ts'
import type { Report } from './browser-suites/run-tests.ts'
import type { SuiteName } from './browser-suites/suites.ts'
import { startFirefox } from './support/firefox.ts'
import { firefox } from './support/peers.ts'
import { eachTest } from './support/scope.ts'
import { serveFolder } from './support/site.ts'

// A second browser, with an IndexedDB made by others. Nobody is required to have it: Chromium is.
const reason = firefox.missing()
if (reason !== undefined) process.stderr.write(`skipped: suites in Firefox: ${reason}\n`)

const runs: readonly (readonly [suite: SuiteName, place: Place, least: number])[] = [
  ['storage', 'page', 100],
  ['storage', 'shared worker', 100],
  ['storage', 'service worker', 100],
  ['protocol', 'shared worker', 3000],
]

describe.skipIf(reason !== undefined)('suites in Firefox', () => {
  it.each(runs)(
    '%s in a %s',
    async (suite, place, least) => {
      const folder = await buildSuites('memory')
      eachTest.add(() => rmSync(folder, { recursive: true, force: true }))
      const site = await serveFolder(folder)
      eachTest.add(() => site.close())
      const page = await startFirefox(firefox.command, eachTest)
      await page.goto(site.origin)
      const report = (await page.evaluate(`runIn(${JSON.stringify(place)}, ${JSON.stringify(suite)})`)) as Report
      process.stderr.write(`${suite} in a ${place} of Firefox: ${report.passed} passed\n`)
      expect(report.failed).toEqual([])
      expect(report.passed).toBeGreaterThanOrEqual(least)
    },
    300_000,
  )
})
