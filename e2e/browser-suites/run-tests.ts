/** How a run went. */
export interface Report {
  readonly passed: number
  readonly failed: readonly { readonly name: string; readonly error: string }[]
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[]
  readonly milliseconds: number
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
  for (const test of tests) {
    if ('reason' in test) {
      leftOut.push(test)
      continue
    }
    try {
      await test.run()
      passed++
    } catch (error) {
      failed.push({ name: test.name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  }
  return { passed, failed, leftOut, milliseconds: Math.round(performance.now() - begun) }
}
