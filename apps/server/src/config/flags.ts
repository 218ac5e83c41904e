import { flatten } from './flatten.ts'
import { readValue } from './read-value.ts'
import { listenerNames } from './types.ts'
import type { Assignment, Layer, Problem, Source } from './source.ts'

/** The command line's say in the configuration. */
export interface ConfigFlags {
  readonly config?: string
  readonly set?: readonly string[]
  readonly mqtt?: string
  readonly ws?: string
  readonly mqtts?: string
  readonly wss?: string
  readonly http?: string
  readonly https?: string
  readonly site?: readonly string[]
  readonly memory?: boolean
  readonly data?: string
  readonly logLevel?: string
  readonly verbose?: boolean
  readonly allowAnonymous?: boolean
}

/** Keys from flags. What a flag of its own says goes before `--set`. */
export function readFlags(flags: ConfigFlags): Layer {
  const layers = (flags.set ?? []).map(readSet)
  for (const name of listenerNames) {
    const value = flags[name]
    if (value !== undefined) layers.push(readAddress(`listeners.${name}`, value, { kind: 'flag', name: `--${name}` }))
  }
  if (flags.site !== undefined) layers.push(readSites(flags.site))
  if (flags.memory === true) layers.push(one('storage.type', 'memory', '--memory'))
  if (flags.data !== undefined)
    layers.push(one('storage.type', 'lmdb', '--data'), one('storage.path', flags.data, '--data'))
  if (flags.memory === true && flags.data !== undefined)
    layers.push(failed('--data', 'cannot go together with --memory'))
  if (flags.verbose === true) layers.push(one('log.level', 'debug', '-v'))
  if (flags.logLevel !== undefined) layers.push(one('log.level', flags.logLevel, '--log-level'))
  if (flags.allowAnonymous === true) layers.push(one('allowAnonymous', true, '--allow-anonymous'))
  return { assignments: layers.flatMap((each) => each.assignments), problems: layers.flatMap((each) => each.problems) }
}

function readSet(text: string): Layer {
  const equals = text.indexOf('=')
  if (equals < 1) return failed(`--set ${text}`, 'must look like path.to.key=value')
  const path = text.slice(0, equals)
  const source: Source = { kind: 'flag', name: '--set' }
  return flatten(readValue(path, text.slice(equals + 1)), path, () => source)
}

/** `/path=directory`, each. */
function readSites(texts: readonly string[]): Layer {
  const pairs = texts.map((text) => /^([^=]+)=(.+)$/.exec(text))
  const wrong = pairs.indexOf(null)
  if (wrong >= 0) return failed('--site', `must be PATH=DIRECTORY, not ${JSON.stringify(texts[wrong])}`)
  const sites = pairs.map((pair) => ({ path: pair?.[1], directory: pair?.[2] }))
  return one('sites', sites, '--site')
}

/** `HOST:PORT`, `[V6]:PORT`, `:PORT`, `PORT`, or `off`. */
function readAddress(path: string, text: string, source: Source): Layer {
  if (text === 'off') return { assignments: [{ path, value: false, source }], problems: [] }
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text)
  if (match === null) return failed(source.name, `must be HOST:PORT or off, not ${JSON.stringify(text)}`)
  const host = match[1] ?? match[2]
  const assignments: Assignment[] = [{ path: `${path}.port`, value: Number(match[3]), source }]
  if (host !== undefined && host !== '') assignments.push({ path: `${path}.host`, value: host, source })
  return { assignments, problems: [] }
}

function one(path: string, value: unknown, name: string): Layer {
  return { assignments: [{ path, value, source: { kind: 'flag', name } }], problems: [] }
}

function failed(name: string, message: string): Layer {
  const problem: Problem = { source: { kind: 'flag', name }, message }
  return { assignments: [], problems: [problem] }
}
