import { never, type Stamp } from './clock.ts'

/** What was last said of one thing, when, and by whom. */
export interface Said<T> {
  readonly value: T
  readonly at: Stamp
  readonly by: string
}

/**
 * An item of a list, or the list itself (`name` alone). What nobody has said is not there. A removed one stays, marked, for
 * whoever edits it without knowing: a later edit does not bring it back, a later `gone: false` does.
 */
export interface Entry {
  readonly name?: Said<string> | undefined
  readonly text?: Said<string> | undefined
  readonly note?: Said<string> | undefined
  readonly done?: Said<boolean> | undefined
  readonly gone?: Said<boolean> | undefined
}

/** What can be said of an entry. */
export interface Edit {
  readonly name?: string
  readonly text?: string
  readonly note?: string
  readonly done?: boolean
  readonly gone?: boolean
}

const kinds = { name: 'string', text: 'string', note: 'string', done: 'boolean', gone: 'boolean' } as const
const fields = Object.keys(kinds) as (keyof Entry)[]
/** Characters a text may have. */
const longest = 2000

/** What is known when both are: of each thing what was said last. The order of its arguments, and of merges, does not matter. */
export function merge(a: Entry, b: Entry): Entry {
  const merged: Record<string, Said<string | boolean>> = {}
  for (const field of fields) {
    const later = laterOf<string | boolean>(a[field], b[field])
    if (later !== undefined) merged[field] = later
  }
  return merged as Entry
}

/** The same entry, with what is said now. */
export function edit(entry: Entry, what: Edit, said: { readonly at: Stamp; readonly by: string }): Entry {
  const news = Object.entries(what).map(([field, value]) => [field, { value, ...said }])
  return merge(entry, Object.fromEntries(news) as Entry)
}

/** Whether both say the same. */
export function isSame(a: Entry, b: Entry): boolean {
  return fields.every((field) => a[field]?.at === b[field]?.at && a[field]?.value === b[field]?.value)
}

/** As it is sent. */
export function toText(entry: Entry): string {
  return JSON.stringify(entry)
}

/** What was sent; undefined where it is none: it may come from anybody. */
export function fromText(text: string): Entry | undefined {
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof given !== 'object' || given === null) return undefined
  const entry: Record<string, Said<string | boolean>> = {}
  for (const field of fields) {
    const said: unknown = Object.hasOwn(given, field) ? (given as Record<string, unknown>)[field] : undefined
    if (said === undefined) continue
    if (typeof said !== 'object' || said === null) return undefined
    const { value, at, by } = said as Partial<Said<unknown>>
    if (typeof value !== kinds[field] || typeof at !== 'string' || typeof by !== 'string') return undefined
    if (String(value).length > longest || at.length > 100 || by.length > 100) return undefined
    entry[field] = { value: value as string | boolean, at, by }
  }
  return entry as Entry
}

/** The latest stamp in an entry. */
export function lastStamp(entry: Entry): Stamp {
  return fields.reduce((last, field) => {
    const at = entry[field]?.at ?? never
    return at > last ? at : last
  }, never)
}

function laterOf<T>(a: Said<T> | undefined, b: Said<T> | undefined): Said<T> | undefined {
  if (a === undefined || b === undefined) return a ?? b
  if (a.at !== b.at) return a.at > b.at ? a : b
  // Nobody says two things at one stamp; who does so nevertheless gets the same everywhere.
  return JSON.stringify(a) >= JSON.stringify(b) ? a : b
}
