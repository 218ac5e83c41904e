const durations: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])
const sizes: ReadonlyMap<string, number> = new Map([
  ['b', 1],
  ['kb', 1000],
  ['mb', 1000 ** 2],
  ['gb', 1000 ** 3],
  ['kib', 1024],
  ['mib', 1024 ** 2],
  ['gib', 1024 ** 3],
])
const countUnits: ReadonlyMap<string, number> = new Map()

/** Milliseconds from a number of them or from `500ms`, `10s`, `5m`, `2h`, `7d`, `unlimited`. Undefined where it is neither, negative, or not whole. */
export function parseDuration(value: unknown): number | undefined {
  return parse(value, durations)
}

/** Bytes from a number of them or from `512B`, `64KB` (64,000), `64KiB` (65,536), `1MiB`, `1GiB`, `unlimited`. Undefined as for durations. */
export function parseBytes(value: unknown): number | undefined {
  return parse(value, sizes)
}

/** A whole number from a number or its digits, or `unlimited`. Undefined as for durations. */
export function parseCount(value: unknown): number | undefined {
  return parse(value, countUnits)
}

/** The shortest text that `parseDuration` reads back as these milliseconds. */
export function formatDuration(milliseconds: number): string {
  return format(milliseconds, durations, ['d', 'h', 'm', 's', 'ms'])
}

/** The shortest text that `parseBytes` reads back as these bytes. */
export function formatBytes(bytes: number): string {
  return format(bytes, sizes, ['GiB', 'MiB', 'KiB', 'B'])
}

function parse(value: unknown, units: ReadonlyMap<string, number>): number | undefined {
  if (value === Infinity || value === 'unlimited') return Infinity
  let amount = value
  if (typeof value === 'string') {
    const match = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(value.trim())
    const unit = match?.[2]?.toLowerCase()
    const factor = unit === '' ? 1 : units.get(unit ?? '')
    if (factor === undefined) return undefined
    amount = Number(match?.[1]) * factor
  }
  return Number.isSafeInteger(amount) && (amount as number) >= 0 ? (amount as number) : undefined
}

function format(value: number, units: ReadonlyMap<string, number>, names: readonly string[]): string {
  if (value === Infinity) return 'unlimited'
  for (const name of names) {
    const factor = units.get(name.toLowerCase()) ?? 1
    if (value >= factor && value % factor === 0) return `${value / factor}${name}`
  }
  return `${value}${names.at(-1)}`
}
