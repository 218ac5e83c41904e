import { findKey, nearestKey } from './keys.ts'
import type { Assignment, Layer, Problem, Source } from './source.ts'

/**
 * Takes a value apart into assignments of single keys. Unknown keys are problems, each with the known key most like it.
 * `locate` says where a path was written.
 */
export function flatten(value: unknown, path: string, locate: (path: string) => Source): Layer {
  const assignments: Assignment[] = []
  const problems: Problem[] = []
  const visit = (part: unknown, at: string): void => {
    const key = findKey(at)
    if (at !== '' && key === undefined) {
      problems.push(unknownKey(at, locate(at)))
    } else if ((at === '' || key?.section === true) && isMap(part)) {
      if (at !== '') assignments.push({ path: at, value: {}, source: locate(at) })
      for (const [name, below] of Object.entries(part)) visit(below, at === '' ? name : `${at}.${name}`)
    } else if (at === '') {
      problems.push({ source: locate(at), message: 'must hold keys and values' })
    } else {
      assignments.push({ path: at, value: part, source: locate(at), locate })
    }
  }
  visit(value, path)
  return { assignments, problems }
}

/** What to say about a key that does not exist. */
function unknownKey(path: string, source: Source): Problem {
  return { source, message: `unknown key ${path}; did you mean ${nearestKey(path)}?` }
}

/** Not a Map, a Date or the like: their keys would not be seen. */
function isMap(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === '[object Object]'
}
