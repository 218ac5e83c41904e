import { flatten } from './flatten.ts'
import { keys, nearestKey } from './keys.ts'
import { readValue } from './read-value.ts'
import type { Assignment, Layer, Problem, Source } from './source.ts'

const prefix = 'ISOMQ_'
/** What Kubernetes sets by itself in pods beside a service whose name starts with `isomq`. */
const serviceLink = /^ISOMQ_(\w+_)?(SERVICE_(HOST|PORT)|PORT)(_\w+)?$/

const byName: ReadonlyMap<string, string> = new Map(keys.map((key) => [plain(key.path), key.path]))

/** Keys from variables such as `ISOMQ_LISTENERS__WS__PORT`: `__` is the dot, case and single underscores do not matter. */
export function readEnv(env: Readonly<Record<string, string | undefined>>): Layer {
  const assignments: Assignment[] = []
  const problems: Problem[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.toUpperCase().startsWith(prefix) || text === undefined) continue
    const source: Source = { kind: 'env', name }
    const path = byName.get(plain(name.slice(prefix.length)))
    if (path !== undefined) {
      const layer = flatten(readValue(path, text), path, () => source)
      assignments.push(...layer.assignments)
      problems.push(...layer.problems)
    } else if (name.includes('__') || !serviceLink.test(name)) {
      const nearest = nearestKey(name.slice(prefix.length).replaceAll('__', '.'))
      problems.push({ source, message: `unknown key; did you mean ${variableName(nearest)} (${nearest})?` })
    }
  }
  return { assignments, problems }
}

/** The variable that sets this key. */
function variableName(path: string): string {
  return prefix + path.replaceAll('.', '__').toUpperCase()
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll('__', '.').replaceAll('_', '')
}
