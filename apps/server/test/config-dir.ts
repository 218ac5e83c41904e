import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach } from 'vitest'
import type { ConfigFlags } from '../src/config/flags.ts'
import { loadConfig, type Loaded } from '../src/config/load.ts'
import { UserError } from '../src/user-error.ts'

const made: string[] = []
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true })
})

/** A directory with these files, gone after the test. */
function directoryWith(files: Record<string, string> = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'isomq-config-'))
  made.push(directory)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  return directory
}

/** What a test gives to `loadConfig`. */
export interface Given {
  files?: Record<string, string>
  env?: Record<string, string>
  flags?: ConfigFlags
}

export function load({ files, env = {}, flags = {} }: Given = {}): Promise<Loaded> {
  return loadConfig({ directory: directoryWith(files), env, flags })
}

/** The lines a user would see. */
export async function refusals(given: Given): Promise<readonly string[]> {
  try {
    await load(given)
  } catch (error) {
    if (error instanceof UserError) return error.lines
    throw error
  }
  return []
}
