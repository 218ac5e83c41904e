import { rmSync } from 'node:fs'
import { expect } from 'playwright/test'
import { buildSuites, type Keeping } from './browser-suites/build.ts'
import type { Place, RunIn } from './browser-suites/page.ts'
import type { SuiteName } from './browser-suites/suites.ts'
import { needsChromium, test } from './support/browser.ts'
import { serveFolder, type Site } from './support/site.ts'

needsChromium()

/** What the page has. */
declare const runIn: RunIn

interface Run {
  readonly suite: SuiteName
  readonly keeping: Keeping
  readonly places: readonly Place[]
  /** At least so many tests pass: a suite that finds nothing to run is no suite. */
  readonly least: number
}

// A service worker loads nothing later, and may be ended while tests run that are not its own: it has the storage's alone.
const runs: readonly Run[] = [
  { suite: 'storage', keeping: 'memory', places: ['page', 'shared worker', 'service worker'], least: 100 },
  { suite: 'protocol', keeping: 'memory', places: ['page', 'shared worker'], least: 1000 },
  { suite: 'protocol', keeping: 'indexeddb', places: ['page', 'shared worker'], least: 1000 },
]

for (const keeping of ['memory', 'indexeddb'] as const) {
  test.describe(`suites in a browser, built over ${keeping}`, () => {
    let folder: string
    let site: Site

    test.beforeAll(async () => {
      test.setTimeout(120_000)
      folder = await buildSuites(keeping)
      site = await serveFolder(folder)
    })

    test.afterAll(async () => {
      await site.close()
      rmSync(folder, { recursive: true, force: true })
    })

    for (const { suite, places, least } of runs.filter((run) => run.keeping === keeping))
      for (const place of places)
        test(`${suite} in a ${place}`, async ({ page }) => {
          test.setTimeout(400_000)
          await page.goto(site.origin)
          const report = await page.evaluate(([where, what]) => runIn(where, what), [place, suite] as const)
          if (typeof report === 'string') throw new Error(report)
          const { passed, failed, leftOut, milliseconds } = report
          console.log(
            `${suite} over ${keeping} in a ${place}: ${passed} passed, ${failed.length} failed, ${milliseconds} ms`,
          )
          for (const { name, reason } of leftOut) console.log(`  left out: ${name}: ${reason}`)
          for (const { name, error } of failed) console.log(`  FAILED: ${name}: ${error.split('\n', 1)[0]}`)
          expect(failed.slice(0, 10)).toEqual([])
          expect(passed).toBeGreaterThanOrEqual(least)
        })
  })
}
