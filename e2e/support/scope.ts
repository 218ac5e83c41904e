/** Things that were begun and must be ended, the last first. */
export class Scope {
  #ends: (() => unknown)[] = []

  /** Calls this at the end. */
  add(end: () => unknown): void {
    this.#ends.push(end)
  }

  /** Ends everything, whatever fails; then throws the first failure. */
  async end(): Promise<void> {
    const ends = this.#ends.reverse()
    this.#ends = []
    const failures: unknown[] = []
    for (const each of ends) {
      try {
        await each()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}

/** Ends after each test: `each-test.ts` sees to that under vitest. Under Playwright give a scope of your own. */
export const eachTest: Scope = new Scope()
