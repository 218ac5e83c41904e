import * as v from 'valibot'
import { configSchema } from './schema.ts'

/** One key of the configuration. */
export interface Key {
  /** Levels joined by dots: `listeners.ws.port`. */
  readonly path: string
  /** True: holds further keys. */
  readonly section: boolean
  readonly description: string
  /** True: its value proves who somebody is, and is never shown. */
  readonly secret: boolean
  /** What may stand there, in a word or two. */
  readonly kind: string
  /** What applies where it is not given; undefined where nothing does. */
  readonly fallback: unknown
}

/** Every key, sections before what is in them, in the order of the schema. */
export const keys: readonly Key[] = collect(configSchema, '')

const byPath: ReadonlyMap<string, Key> = new Map(keys.map((key) => [key.path, key]))

/** The key of exactly this path, if there is one. */
export function findKey(path: string): Key | undefined {
  return byPath.get(path)
}

/** Whether what stands at this path may be, be in, or hold what is never shown. */
export function isSecret(path: string): boolean {
  const [at, secrets] = [`${path}.`, keys.filter((key) => key.secret).map((key) => `${key.path}.`)]
  return secrets.some((secret) => at.startsWith(secret) || secret.startsWith(at))
}

/** The known key that is spelt most like this path. */
export function nearestKey(path: string): string {
  const distances = keys.map((key) => ({
    path: key.path,
    distance: editDistance(path.toLowerCase(), key.path.toLowerCase()),
  }))
  return distances.reduce((best, each) => (each.distance < best.distance ? each : best)).path
}

type AnySchema = v.GenericSchema & {
  readonly entries?: v.ObjectEntries
  readonly wrapped?: AnySchema
  readonly default?: unknown
  readonly getter?: (input: unknown) => AnySchema
  readonly pipe?: readonly AnySchema[]
}

function collect(schema: AnySchema, path: string): Key[] {
  const entries = entriesOf(schema)
  const metadata = v.getMetadata(schema.wrapped ?? schema)
  const own: Key = {
    path,
    section: entries !== undefined,
    description: v.getDescription(schema.wrapped ?? schema) ?? '',
    secret: metadata['secret'] === true,
    kind: String(metadata['kind'] ?? ''),
    fallback: schema.default,
  }
  const below = Object.entries(entries ?? {}).flatMap(([name, entry]) =>
    collect(entry as AnySchema, path === '' ? name : `${path}.${name}`),
  )
  return path === '' ? below : [own, ...below]
}

function entriesOf(schema: AnySchema): v.ObjectEntries | undefined {
  if (schema.entries !== undefined) return schema.entries
  const inner = schema.wrapped ?? schema.getter?.({}) ?? schema.pipe?.[0]
  return inner === undefined || inner === schema ? undefined : entriesOf(inner)
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
