import { rmSync } from 'node:fs'
import { type BrowserContext, expect } from 'playwright/test'
import { buildSuites, type Keeping } from './browser-suites/build.ts'
import type { Place, RunIn } from './browser-suites/page.ts'
import type { Report } from './browser-suites/run-tests.ts'
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
  { suite: 'storage', keeping: 'memory', places: ['page'], least: 100 },
  { suite: 'storage', keeping: 'memory', places: ['shared worker'], least: 100 },
  { suite: 'storage', keeping: 'memory', places: ['service worker'], least: 100 },
  { suite: 'protocol', keeping: 'memory', places: ['page', 'shared worker'], least: 3000 },
  // Not side by side: the browser has one IndexedDB for all. It takes long: all of it runs where the broker usually lives.
  { suite: 'protocol', keeping: 'indexeddb', places: ['shared worker'], least: 3000 },
  { suite: 'protocol, what is kept', keeping: 'indexeddb', places: ['page'], least: 300 },
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
      test(`${suite} in a ${places.join(' and a ')}`, async ({ context }) => {
        test.setTimeout(400_000)
        const reports = await Promise.all(places.map((place) => run(context, site.origin, place, suite)))
        for (const [i, { passed, failed, leftOut, milliseconds, slowest }] of reports.entries()) {
          console.log(
            `${suite} over ${keeping} in a ${places[i]}: ${passed} passed, ${failed.length} failed, ${milliseconds} ms`,
          )
          for (const [time, name] of slowest) console.log(`  ${time} ms: ${name}`)
          for (const { name, reason } of leftOut) console.log(`  left out: ${name}: ${reason}`)
          for (const { name, error } of failed) console.log(`  FAILED: ${name}: ${error.split('\n', 1)[0]}`)
        }
        for (const { passed, failed } of reports) {
          expect(failed.slice(0, 10)).toEqual([])
          expect(passed).toBeGreaterThanOrEqual(least)
        }
      })
  })
}

async function run(context: BrowserContext, origin: string, place: Place, suite: SuiteName): Promise<Report> {
  const page = await context.newPage()
  await page.goto(origin)
  await page.waitForFunction(() => 'runIn' in globalThis)
  const report = await page.evaluate(([where, what]) => runIn(where, what), [place, suite] as const)
  if (typeof report === 'string') throw new Error(`${suite} in a ${place}: ${report}`)
  return report
}
