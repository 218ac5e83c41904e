/** How a run went. */
export interface Report {
  readonly passed: number
  readonly failed: readonly { readonly name: string; readonly error: string }[]
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[]
  readonly milliseconds: number
  /** The tests that took longest, and how long. */
  readonly slowest: readonly (readonly [milliseconds: number, name: string])[]
}

/** Something that is to be run: a test, or one that is left out and why. */
export type Test =
  | { readonly name: string; readonly run: () => Promise<void> }
  | { readonly name: string; readonly reason: string }

/** Runs tests one after the other, whatever becomes of each. */
export async function runTests(tests: readonly Test[]): Promise<Report> {
  const begun = performance.now()
  let passed = 0
  const failed: { readonly name: string; readonly error: string }[] = []
  const leftOut: { readonly name: string; readonly reason: string }[] = []
  const times: (readonly [number, string])[] = []
  for (const test of tests) {
    if ('reason' in test) {
      leftOut.push(test)
      continue
    }
    const from = performance.now()
    try {
      await test.run()
      passed++
    } catch (error) {
      failed.push({ name: test.name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
    times.push([Math.round(performance.now() - from), test.name])
  }
  const slowest = times.sort(([a], [b]) => b - a).slice(0, 3)
  return { passed, failed, leftOut, milliseconds: Math.round(performance.now() - begun), slowest }
}
