import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * What a module exports by default, awaited; undefined where it exports nothing so. jiti reads TypeScript on every Node,
 * and tells the place of a fault in JavaScript too. What the module imports from `@isomq/server` is this very package,
 * wherever the module lies.
 */
export async function importDefault(full: string): Promise<unknown> {
  const { createJiti } = await import('jiti')
  const virtualModules = { '@isomq/server': await import('../index.ts') }
  const jiti = createJiti(import.meta.url, {
    fsCache: false,
    moduleCache: false,
    interopDefault: false,
    virtualModules,
  })
  return await jiti.import<{ readonly default?: unknown }>(full).then((module) => module.default)
}

/** A line that names a place: of a stack, of the head of a SyntaxError, or of jiti's message. */
const placed = /^\s*(?:at .*\(|at (?:async )?)?((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/])[^\n()]+?):(\d+)(?::\d+)?\)?$/gm
/** Where this package lies: its own lines are no place to look for the fault. */
const own = fileURLToPath(new URL('..', import.meta.url))

/** Where a module of this text went wrong: the innermost place outside of packages, or the line that imports what is not there. No line where none can be told. */
export function faultPlace(
  error: unknown,
  full: string,
  text: string,
): { readonly file: string; readonly line?: number } {
  const { message = '', stack = '' } = error as Partial<Error>
  for (const [, place = '', line] of `${message}\n${stack}`.matchAll(placed)) {
    const file = place.startsWith('file://') ? fileURLToPath(place) : place
    if (!file.includes('node_modules') && !file.startsWith(own)) return { file, line: Number(line) }
  }
  const [, missing] = /^Cannot find (?:module|package) '([^']+)'/.exec(message) ?? []
  const lines = text.split('\n')
  const index = missing === undefined ? -1 : lines.findIndex((line) => imports(line, basename(missing)))
  return index < 0 ? { file: full } : { file: full, line: index + 1 }
}

function imports(line: string, name: string): boolean {
  return /\b(?:from|import|require)\b/.test(line) && line.includes(name)
}

/** The first line of what an error says, without the name of its kind. */
export function faultText(message: string): string {
  const [line = ''] = message.split('\n', 1)
  return line.replace(/^ParseError: /, '').trim()
}
