import type { Assignment, Source } from './source.ts'

/** The values of several layers put together, and where each came from. */
export interface Merged {
  readonly value: Readonly<Record<string, unknown>>
  /** Where the value at this path came from. */
  origin(path: string): Source
  /** Whom to tell about this path: its origin or, where that is the default, what last set something beside it. */
  blame(path: string): Source
}

interface Section {
  [name: string]: unknown
}

const byDefault: Source = { kind: 'default', name: '' }

/** Puts assignments together; later ones win. A section that was switched off is on again when a key in it is set later. */
export function merge(assignments: readonly Assignment[]): Merged {
  const root = section()
  const origins = new Map<string, Source>()
  const lists = new Map<string, Assignment['locate']>()
  for (const { path, value, source, locate } of assignments) {
    const names = path.split('.')
    const last = names.pop() ?? ''
    let parent = root
    for (const name of names) parent = enter(parent, name)
    for (const key of origins.keys()) if (key.startsWith(`${path}.`) && !isEmptySection(value)) origins.delete(key)
    if (isEmptySection(value)) enter(parent, last)
    else parent[last] = value
    // Taken out first, so that the order is that of the last time.
    origins.delete(path)
    origins.set(path, source)
    lists.set(path, Array.isArray(value) ? locate : undefined)
  }
  const origin = (path: string): Source => {
    // A key in a section that is on has its own origin or none; one in a section that is off, or in a list, has that one's.
    const exact = origins.get(path)
    const above = exact === undefined ? wholeAbove(root, path) : path
    return exact ?? lists.get(above)?.(path) ?? origins.get(above) ?? byDefault
  }
  const blame = (path: string): Source => {
    const own = origin(path)
    if (own.kind !== 'default') return own
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('.')))
    let beside = byDefault
    for (const [key, source] of origins) if (key === parent || key.startsWith(`${parent}.`)) beside = source
    return beside
  }
  return { value: root, origin, blame }
}

/** The path, or the part of it that names a value which was given as a whole. */
function wholeAbove(root: Section, path: string): string {
  let value: unknown = root
  let at = ''
  for (const name of path.split('.')) {
    if (!isSection(value)) return at
    value = value[name]
    at = at === '' ? name : `${at}.${name}`
  }
  return path
}

function enter(parent: Section, name: string): Section {
  const there = parent[name]
  if (isSection(there)) return there
  const fresh = section()
  parent[name] = fresh
  return fresh
}

/** Without a prototype: a key called `constructor` is a key like any other. */
function section(): Section {
  return Object.create(null) as Section
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** How a section that is on is assigned; what is in it follows key by key. */
function isEmptySection(value: unknown): boolean {
  return isSection(value) && Object.keys(value).length === 0
}
