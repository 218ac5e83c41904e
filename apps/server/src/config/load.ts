import * as v from 'valibot'
import { UserError } from '../user-error.ts'
import { checkConfig } from './checks.ts'
import { readEnv } from './env.ts'
import { readConfigFile } from './file.ts'
import { readFlags, type ConfigFlags } from './flags.ts'
import { isSecret } from './keys.ts'
import { merge, type Merged } from './merge.ts'
import { configSchema } from './schema.ts'
import { describeProblem, type Problem, type Source } from './source.ts'
import type { Config } from './types.ts'

/** The configuration in force. */
export interface Loaded {
  readonly config: Config
  /** The file it was read from, if any. */
  readonly file?: string | undefined
  /** Where the value of a key came from. */
  origin(path: string): Source
}

/** Where to look. */
export interface LoadOptions {
  readonly directory: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly flags: ConfigFlags
}

/** Flag before environment before file before default. Throws a UserError that has a line for everything that is wrong. */
export async function loadConfig(options: LoadOptions): Promise<Loaded> {
  const file = await readConfigFile(options.directory, options.flags.config)
  const layers = [file, readEnv(options.env), readFlags(options.flags)]
  const merged = merge(layers.flatMap((layer) => layer.assignments))
  const result = v.safeParse(configSchema, merged.value)
  const problems = layers.flatMap((layer) => layer.problems)
  if (result.issues === undefined) problems.push(...checkConfig(result.output, merged))
  else problems.push(...result.issues.map((issue) => invalid(issue, merged)))
  if (problems.length > 0 || !result.success) throw new UserError([...new Set(problems.map(describeProblem))])
  return { config: result.output, file: file.path, origin: (path) => merged.origin(path) }
}

function invalid(issue: v.BaseIssue<unknown>, merged: Merged): Problem {
  const path = v.getDotPath(issue) ?? ''
  const source = merged.blame(path)
  if (issue.input === undefined) return { source, path, message: 'is required' }
  if (isSecret(path)) return { source, path, message: issue.message }
  return {
    source,
    path,
    message: `${issue.message}, not ${shorten(JSON.stringify(issue.input) ?? String(issue.input))}`,
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
