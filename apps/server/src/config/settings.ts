import * as v from 'valibot'
import { formatBytes, formatDuration, parseBytes, parseCount, parseDuration } from './units.ts'

/** A value that may be left out, with what applies then. Its metadata `kind` names it in the reference table. */
export type Setting<Input, Output> = v.OptionalSchema<v.GenericSchema<Input, Output>, Input>

/** Bounds of an amount. Without `max` it may be `unlimited`. */
export interface Range {
  readonly min?: number
  readonly max?: number
}

interface Unit {
  readonly kind: string
  readonly example: string
  parse(value: unknown): number | undefined
  format(value: number): string
}

/** A whole number; `T` where the range leaves only a few. */
export function count<T extends number = number>(
  description: string,
  fallback: T,
  range: Range = {},
): Setting<number | string, T> {
  const unit = { kind: 'count', example: 'a whole number', parse: parseCount, format: String }
  return amount(unit, description, [fallback, range]) as Setting<number | string, T>
}

/** A size: bytes as a number, or a text like `1MiB`. */
export function bytes(description: string, fallback: number, range: Range = {}): Setting<number | string, number> {
  const example = 'a size such as 64KiB, 1MiB or a number of bytes'
  return amount({ kind: 'size', example, parse: parseBytes, format: formatBytes }, description, [fallback, range])
}

/** A time span: milliseconds as a number, or a text like `10s`. */
export function duration(description: string, fallback: number, range: Range = {}): Setting<number | string, number> {
  const example = 'a duration such as 500ms, 10s, 5m or a number of milliseconds'
  const unit = { kind: 'duration', example, parse: parseDuration, format: formatDuration }
  return amount(unit, description, [fallback, range])
}

/** True or false. */
export function flag(description: string, fallback: boolean): Setting<boolean, boolean> {
  const schema = v.pipe(v.boolean('must be true or false'), v.metadata({ kind: 'true / false' }))
  return v.optional(v.pipe(schema, v.description(description)), fallback)
}

/** One of a few words. */
export function choice<const T extends string>(description: string, fallback: T, words: readonly T[]): Setting<T, T> {
  const schema = v.pipe(oneOf(words), v.metadata({ kind: words.join(' / ') }))
  return v.optional(v.pipe(schema, v.description(description)), fallback)
}

/** One of a few values, described elsewhere. */
export function oneOf<const T extends string | number>(values: readonly T[]): v.GenericSchema<T, T> {
  return v.picklist(values, `must be one of ${values.join(', ')}`)
}

type Entry<E extends v.ObjectEntries> = v.StrictObjectSchema<E, v.ErrorMessage<v.StrictObjectIssue>>

/** A list of entries that have these keys and no others. */
export function list<E extends v.ObjectEntries>(
  description: string,
  entries: E,
): v.GenericSchema<v.InferInput<Entry<E>>[], v.InferOutput<Entry<E>>[]> {
  const names = Object.keys(entries).join(', ')
  const entry: Entry<E> = v.strictObject(entries, ({ expected }) =>
    expected === 'never' ? `must be one of ${names}` : `must have keys, out of ${names}`,
  )
  return v.pipe(v.array(entry, 'must be a list'), v.metadata({ kind: 'list' }), v.description(description))
}

/** A text of at least one character. */
export function text(description: string): v.GenericSchema<string, string> {
  const message = 'must be a text of at least one character'
  const schema = v.pipe(v.string(message), v.minLength(1, message), v.metadata({ kind: 'text' }))
  return v.pipe(schema, v.description(description))
}

/** A list of texts: of one at least, unless said. */
export function texts(description: string, least: number = 1): v.GenericSchema<readonly string[], readonly string[]> {
  const message = 'must be a list of texts'
  const schema = v.pipe(v.array(v.string(message), message), v.minLength(least, message), v.metadata({ kind: 'list' }))
  return v.pipe(schema, v.description(description))
}

function amount(unit: Unit, description: string, [fallback, range]: [number, Range]): Setting<number | string, number> {
  const { min = 0, max = Infinity } = range
  const bounds =
    max === Infinity ? `at least ${unit.format(min)}, or unlimited` : `from ${unit.format(min)} to ${unit.format(max)}`
  const message = `must be ${unit.example}, ${bounds}`
  const schema = v.pipe(
    v.union([v.number(message), v.string(message)], message),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const value = unit.parse(dataset.value)
      if (value !== undefined && value >= min && value <= max && (value !== Infinity || max === Infinity)) return value
      addIssue({ message })
      return NEVER
    }),
    v.metadata({ kind: unit.kind }),
  )
  return v.optional(v.pipe(schema, v.description(description)), fallback)
}
