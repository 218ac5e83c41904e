import { parseHash, type PasswordHash } from './password-hash.ts'

/** What a password file says. */
export interface PasswordFile {
  /** By user name. */
  readonly users: ReadonlyMap<string, PasswordHash>
  readonly faults: readonly { readonly line: number; readonly message: string }[]
}

/** Reads a `password_file` of mosquitto: a line `name:hash` for each user; empty lines and those that begin with `#` say nothing. No line that is wrong makes a user. */
export function readPasswordFile(text: string): PasswordFile {
  const users = new Map<string, PasswordHash>()
  const faults: { line: number; message: string }[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '')
    if (line === '' || line.startsWith('#')) continue
    const fault = (message: string): void => void faults.push({ line: index + 1, message })
    // A name has no colon, and a hash has none.
    const colon = line.lastIndexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    const hash = parseHash(line.slice(colon + 1))
    if (colon < 0) fault('must be name:hash, as isomq passwd or mosquitto_passwd writes it')
    else if (name === '') fault('has no user name')
    else if (users.has(name)) fault(`has ${JSON.stringify(name)} a second time`)
    else if (hash === undefined)
      fault(`has no hash behind ${JSON.stringify(name)} that is known: $argon2id$, $7$ or $6$`)
    else users.set(name, hash)
  }
  return { users, faults }
}
