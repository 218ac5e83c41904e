import { readFileSync } from 'node:fs'

/** The text of a file; undefined when there is none, or it may not be read. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
