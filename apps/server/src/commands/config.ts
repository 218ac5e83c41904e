import { openAccess } from '../access/open-access.ts'
import { nodeHost } from '../node-host.ts'
import { UserError } from '../user-error.ts'
import type { ConfigFlags } from '../config/flags.ts'
import { keys, type Key } from '../config/keys.ts'
import { loadConfig, type Loaded } from '../config/load.ts'
import { describeSource } from '../config/source.ts'
import { readTlsFiles } from '../config/tls-files.ts'
import { formatBytes, formatDuration } from '../config/units.ts'

/** `isomq config check`: one line when all is well. Throws a UserError that has a line for each problem. */
export async function checkCommand(flags: ConfigFlags): Promise<string> {
  const { config, file } = await load(flags)
  const errors: string[] = []
  const gather = (error: unknown): void => {
    if (!(error instanceof UserError)) throw error
    errors.push(...error.lines)
  }
  for (const name of ['mqtts', 'wss', 'https'] as const) {
    const listener = config.listeners[name]
    if (listener !== false) await readTlsFiles(listener, `listeners.${name}`).catch(gather)
  }
  await openAccess(
    config,
    nodeHost(() => undefined),
  ).catch(gather)
  if (errors.length > 0) throw new UserError(errors)
  return `${file ?? 'no configuration file'}: ok\n`
}

/** `isomq config print`: every key in force and where its value came from. */
export async function printCommand(flags: ConfigFlags, json: boolean): Promise<string> {
  const loaded = await load(flags)
  const rows = keys.flatMap((key) => rowOf(key, loaded))
  if (json) {
    const entries = rows.map(({ key, value, source }) => [
      key.path,
      { value: value === Infinity ? 'unlimited' : value, source },
    ])
    return `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`
  }
  return rows
    .map(({ key, value, source }) => `${`${key.path} = ${readable(key, value)}`.padEnd(50)}  # ${source}\n`)
    .join('')
}

function load(flags: ConfigFlags): Promise<Loaded> {
  return loadConfig({ directory: process.cwd(), env: process.env, flags })
}

interface Row {
  readonly key: Key
  readonly value: unknown
  readonly source: string
}

/** A section has a row only when it is off as a whole. */
function rowOf(key: Key, loaded: Loaded): Row[] {
  let value: unknown = loaded.config
  for (const name of key.path.split('.')) {
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
  }
  if (value === undefined || (key.section && value !== false)) return []
  if (key.secret) value = (value as object[]).map(withoutSecrets)
  return [{ key, value, source: describeSource(loaded.origin(key.path)) }]
}

/** An entry of a list without what proves who somebody is; a URL may say that too. */
function withoutSecrets(entry: object): object {
  const shown = Object.entries(entry).map(([name, value]: [string, unknown]) => {
    if (name === 'verifier' || name === 'password') return [name, '(hidden)']
    return [name, name === 'url' ? String(value).replace(/\/\/[^/]*@/, '//(hidden)@') : value]
  })
  return Object.fromEntries(shown) as object
}

function readable(key: Key, value: unknown): string {
  if (value === Infinity) return 'unlimited'
  if (key.kind === 'duration') return formatDuration(value as number)
  if (key.kind === 'size') return formatBytes(value as number)
  return JSON.stringify(value, (_, each: unknown) => (each === Infinity ? 'unlimited' : each))
}
