/** A number with thousands separators and about three significant digits; `–` for null. */
export function digits(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–'
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value.toFixed(value >= 10 ? 1 : 2)
}

/** A time in µs, as µs or ms. */
export function duration(micros: number): string {
  return micros < 1000 ? `${Math.round(micros)} µs` : `${digits(micros / 1000)} ms`
}

/** Bytes as MiB; `–` for null. */
export function mebibytes(bytes: number | null): string {
  return bytes === null ? '–' : digits(bytes / 2 ** 20)
}

/** A share of 1 as whole per cent; `–` for null. */
export function percent(share: number | null): string {
  return share === null ? '–' : `${Math.round(share * 100)} %`
}

/** a ÷ b as a factor; `–` when one is missing. */
export function ratio(a: number | null | undefined, b: number | null | undefined): string {
  if (a === null || a === undefined || !b) return '–'
  return `${(a / b).toFixed(2)}×`
}

/** A table for the terminal: columns aligned, the first one to the left, the others to the right. */
export function plainTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '),
  )
  return lines.map((line) => `  ${line.trimEnd()}`).join('\n')
}

/** The same table in Markdown. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const rule = (rows[0] ?? []).map((_, column) => (column === 0 ? ':--' : '--:'))
  const [head = [], ...body] = rows
  return [head, rule, ...body].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
