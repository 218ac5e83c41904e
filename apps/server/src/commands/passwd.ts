import { randomBytes } from 'node:crypto'
import { formatVerifier, makeVerifier, saslPrep } from '@isomq/auth-scram'
import { UserError } from '../user-error.ts'
import { readPassword } from './read-password.ts'

/** The flags of `isomq passwd`. */
export interface PasswdFlags {
  /** The user. */
  readonly scram: string
  /** Rounds of PBKDF2. */
  readonly iterations: number
}

/** `isomq passwd --scram USER`: one line of JSON that goes into the list `authentication.scram.users` as it is. */
export async function passwd({ scram: username, iterations }: PasswdFlags): Promise<string> {
  if (saslPrep(username) === '') throw new UserError('--scram: the user name is empty')
  const password = await readPassword(`Password for ${JSON.stringify(username)}: `)
  const verifier = formatVerifier(makeVerifier(password, { salt: randomBytes(16), iterations }))
  return `${JSON.stringify({ username, verifier })}\n`
}
