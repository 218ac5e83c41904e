import { randomBytes } from 'node:crypto'
import { hashPassword, parseHash } from '@isomq/auth-password'
import { formatVerifier, makeVerifier, saslPrep } from '@isomq/auth-scram'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { UserError } from '../user-error.ts'
import { readPassword } from './read-password.ts'

/** The flags of `isomq passwd`. */
export interface PasswdFlags {
  /** The user, for a verifier of SCRAM. */
  readonly scram?: string
  /** Rounds of PBKDF2. */
  readonly iterations: number
  /** The file is made anew. */
  readonly create?: boolean
  /** The password is on the command line. */
  readonly batch?: boolean
  readonly delete?: boolean
  /** What is not hashed yet in the file is. */
  readonly update?: boolean
}

/** `isomq passwd`: what it prints. Throws a UserError for what makes no sense. */
export async function passwd(
  flags: PasswdFlags,
  file: string | undefined,
  username: string | undefined,
  password: string | undefined,
): Promise<string> {
  if (flags.scram !== undefined) return scram(flags.scram, flags.iterations)
  if (file === undefined) throw new UserError('name a file and a user, or use --scram')
  if (flags.update === true) return updateFile(file)
  if (username === undefined) throw new UserError('name a user behind the file')
  if (username === '' || /[:\n\r\0]/.test(username)) throw new UserError('a user name is not empty, and has no colon')
  if (password !== undefined && flags.batch !== true) throw new UserError('with a password on the command line, say -b')
  if (flags.create !== true && !existsSync(file)) throw new UserError(`${file} does not exist; -c makes it`)
  const lines = flags.create === true ? [] : linesOf(file)
  const others = lines.filter((line) => nameIn(line) !== username)
  if (flags.delete === true) {
    if (others.length === lines.length) throw new UserError(`${file} has no user ${JSON.stringify(username)}`)
    return write(file, others)
  }
  if (flags.batch === true && password === undefined) throw new UserError('-b takes a password behind the user')
  if (password === '') throw new UserError('the password is empty')
  const hash = await hashPassword(password ?? (await readPassword(`Password for ${JSON.stringify(username)}: `)))
  return write(file, [...others, `${username}:${hash}`])
}

/** One line of JSON that goes into the list `authentication.scram.users` as it is. */
async function scram(username: string, iterations: number): Promise<string> {
  if (saslPrep(username) === '') throw new UserError('--scram: the user name is empty')
  const password = await readPassword(`Password for ${JSON.stringify(username)}: `)
  const verifier = formatVerifier(makeVerifier(password, { salt: randomBytes(16), iterations }))
  return `${JSON.stringify({ username, verifier })}\n`
}

async function updateFile(file: string): Promise<string> {
  if (!existsSync(file)) throw new UserError(`${file} does not exist`)
  const lines = []
  for (const line of linesOf(file)) {
    const name = nameIn(line)
    const rest = line.slice((name ?? '').length + 1)
    lines.push(name === undefined || parseHash(rest) !== undefined ? line : `${name}:${await hashPassword(rest)}`)
  }
  return write(file, lines)
}

/** The user of a line; undefined for comments and the like. */
function nameIn(line: string): string | undefined {
  const colon = line.indexOf(':')
  return colon <= 0 || line.startsWith('#') ? undefined : line.slice(0, colon)
}

function linesOf(file: string): string[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** All of it or nothing, and for nobody else to read. */
function write(file: string, lines: readonly string[]): string {
  const fresh = `${file}.${process.pid}.new`
  writeFileSync(fresh, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 })
  renameSync(fresh, file)
  return ''
}
