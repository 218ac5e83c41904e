/** One statement of a contract, runnable under any test runner: `run` rejects when the statement does not hold. */
export interface Case<Harness> {
  readonly name: string
  /** A feature that not every implementation has. `select` leaves such cases out where it is declared missing. */
  readonly needs?: string | undefined
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
    const reason = each.needs === undefined ? undefined : reasons.get(each.needs)
    if (each.needs === undefined || reason === undefined) {
      cases.push(each)
      continue
    }
    excuses.add(each.needs)
    skipped.push({ name: each.name, reason })
  }
  for (const feature of reasons.keys()) {
    if (!excuses.has(feature)) throw new Error(`no case of this suite needs ${feature}`)
  }
  return { cases, skipped }
}
