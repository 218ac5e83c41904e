import { findKey } from './keys.ts'

/** A value given as text: JSON where it parses, else the text itself. Where a text is wanted, `1883` stays one. */
export function readValue(path: string, text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return text
  }
  return findKey(path)?.kind === 'text' && typeof value !== 'string' ? text : value
}
