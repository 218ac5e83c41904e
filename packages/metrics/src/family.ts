import { buckets, type Histogram } from '@isomq/kernel'

/** One measurement of a family. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly value: number
}

/** Samples of one name. */
export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly Sample[]
}

/** Times of one name; in seconds where they are told. */
export interface HistogramFamily {
  readonly name: string
  readonly type: 'histogram'
  readonly help: string
  readonly times: Histogram
}

/** One number. */
export function family(type: Family['type'], name: string, help: string, value: number): Family {
  return { name, type, help, samples: [{ value }] }
}

/** Families as text, in the format 0.0.4 of Prometheus. */
export function render(families: readonly (Family | HistogramFamily)[]): string {
  return families.map((each) => `${head(each)}${each.type === 'histogram' ? times(each) : samples(each)}`).join('')
}

function head({ name, type, help }: Family | HistogramFamily): string {
  return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`
}

function samples({ name, samples }: Family): string {
  return samples.map(({ labels, value }) => `${name}${labelText(labels)} ${number(value)}\n`).join('')
}

function times({ name, times: { counts, count, sum } }: HistogramFamily): string {
  let below = 0
  const lines = buckets.map((bound, i) => {
    below += counts[i]!
    return `${name}_bucket{le="${number(bound / 1000)}"} ${number(below)}\n`
  })
  return `${lines.join('')}${name}_bucket{le="+Inf"} ${number(count)}\n${name}_sum ${number(sum / 1000)}\n${name}_count ${number(count)}\n`
}

function labelText(labels: Sample['labels']): string {
  if (labels === undefined) return ''
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`)
  return `{${parts.join(',')}}`
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function number(value: number): string {
  return value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value)
}
