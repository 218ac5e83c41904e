import { readFileSync } from 'node:fs'
import { UserError } from '../user-error.ts'

/** The file that `-o` names, or undefined. `takesValue` says which other flags are followed by a value. */
export function optionsFile(args: readonly string[], takesValue: (flag: string) => boolean): string | undefined {
  let file: string | undefined
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    if (arg === '-o' || arg === '--options') file = args[i + 1]
    else file = /^(?:-o|--options=)(.+)$/s.exec(arg)?.[1] ?? file
    if (takesValue(arg)) i += 1
  }
  return file
}

/**
 * The command line that a file of options stands for: one option a line, its value after a space and up to the end of
 * the line. Empty lines and those that begin with `#` are passed over. Throws a UserError that names the file, and the
 * line of what is no option.
 */
export function readOptions(file: string): string[] {
  const args: string[] = []
  for (const [index, line] of linesOf(file).entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const [, flag = '', value = ''] = /^\s*(\S+)\s*(.*?)\s*$/s.exec(line) ?? []
    const where = `-o ${file}:${index + 1}`
    if (!flag.startsWith('-')) throw new UserError(`${where}: must begin with an option, such as -h localhost`)
    if (/^(-o|--options(=.*)?)$/s.test(flag)) throw new UserError(`${where}: a file of options cannot name another`)
    args.push(flag, ...(flag === '-D' || flag === '--property' ? propertyParts(value) : value === '' ? [] : [value]))
  }
  return args
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)
  } catch (error) {
    throw new UserError(`-o ${file}: ${(error as Error).message}`)
  }
}

/** Packet, property, and one value that may have spaces, or for a user property a name before it. */
function propertyParts(text: string): string[] {
  const count = /^\S+\s+user-property\s/.test(text) ? 3 : 2
  const head = new RegExp(String.raw`^(?:\S+\s+){0,${count}}`).exec(text)?.[0] ?? ''
  return [...head.trim().split(/\s+/), text.slice(head.length)].filter((part) => part !== '')
}
