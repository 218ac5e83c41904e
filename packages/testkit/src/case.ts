/** One statement of a contract, runnable under any test runner: `run` rejects when the statement does not hold. */
export interface Case<Harness> {
  readonly name: string
  /** Features that not every implementation has. `select` leaves the case out where one is declared missing. */
  readonly needs?: readonly string[] | undefined
  run(harness: Harness): Promise<void>
}

/** A case left out, and why. */
export interface Skipped {
  readonly name: string
  readonly reason: string
}

/**
 * Divides a suite by what an implementation lacks: feature → reason. Throws when a lack excuses no case, so that
 * an excuse cannot outlive its cause.
 */
export function select<Harness>(
  suite: readonly Case<Harness>[],
  lacks: Readonly<Record<string, string>> = {},
): { readonly cases: readonly Case<Harness>[]; readonly skipped: readonly Skipped[] } {
  const reasons = new Map(Object.entries(lacks))
  const cases: Case<Harness>[] = []
  const skipped: Skipped[] = []
  const excuses = new Set<string>()
  for (const each of suite) {
    const lacking = (each.needs ?? []).filter((feature) => reasons.has(feature))
    for (const feature of lacking) excuses.add(feature)
    if (lacking.length === 0) cases.push(each)
    else skipped.push({ name: each.name, reason: lacking.map((feature) => reasons.get(feature)).join('; ') })
  }
  for (const feature of reasons.keys()) {
    if (!excuses.has(feature)) throw new Error(`no case of this suite needs ${feature}`)
  }
  return { cases, skipped }
}
