import { type Clock, encodeUtf8, readUtf8, type Storage } from '@isomq/kernel'
import { ApiError } from './api-error.ts'

/** Administrators may everything, viewers may look. */
export type Role = 'administrator' | 'viewer'

/** Who calls. */
export interface Caller {
  readonly name: string
  readonly role: Role
}

interface User {
  readonly role: Role
  readonly salt: string
  readonly hash: string
}

interface Key {
  readonly name: string
  readonly role: Role
  readonly hash: string
  readonly createdAt: number
}

const table = 'admins'
/** Milliseconds for which a session is good after its last use. */
const lasting = 3_600_000
/** Failed logins before the next has to wait, from one address; then twice as long each time. */
const free = 5
const mostSessions = 1000
const mostAddresses = 10_000

/** Users, API keys and their sessions; users and keys are rows of the broker's storage, and only hashes are kept. */
export class Accounts {
  readonly #rows: ReturnType<Storage['table']>
  readonly #clock: Clock
  readonly #rounds: number
  readonly #sessions = new Map<string, { readonly caller: Caller; until: number }>()
  readonly #failures = new Map<string, { count: number; until: number }>()

  /** `rounds` of PBKDF2 with SHA-256: fewer than the default, which is what OWASP advises, are for tests. */
  constructor(storage: Storage, clock: Clock, rounds: number = 600_000) {
    this.#rounds = rounds
    this.#rows = storage.table(table)
    this.#clock = clock
  }

  /** Makes the first administrator, `admin`, where there is nobody. Resolves with his password, or undefined where there was somebody. */
  async begin(): Promise<string | undefined> {
    for await (const _ of this.#rows.scan('user ')) return undefined
    const password = randomToken()
    await this.setUser('admin', password, 'administrator')
    return password
  }

  async setUser(name: string, password: string, role: Role): Promise<void> {
    const salt = randomToken()
    await this.#put(`user ${name}`, { role, salt, hash: await slowHash(password, salt, this.#rounds) } satisfies User)
  }

  async users(): Promise<{ readonly username: string; readonly role: Role }[]> {
    const users = []
    for await (const [key, row] of this.#rows.scan('user '))
      users.push({ username: key.slice('user '.length), role: read<User>(row).role })
    return users
  }

  /** Resolves with false when there is none of this name. */
  async deleteUser(name: string): Promise<boolean> {
    if ((await this.#rows.get(`user ${name}`)) === undefined) return false
    await this.#put(`user ${name}`, undefined)
    for (const [token, { caller }] of Array.from(this.#sessions)) if (caller.name === name) this.#sessions.delete(token)
    return true
  }

  /** A key for programs. The secret is told this once. */
  async createKey(name: string, role: Role): Promise<{ readonly api_key: string; readonly api_secret: string }> {
    const [id, secret] = [randomToken().slice(0, 16), randomToken()]
    const key: Key = { name, role, hash: await quickHash(secret), createdAt: this.#clock.now() }
    await this.#put(`key ${id}`, key)
    return { api_key: id, api_secret: secret }
  }

  async keys(): Promise<
    { readonly api_key: string; readonly name: string; readonly role: Role; readonly created_at: string }[]
  > {
    const keys = []
    for await (const [id, row] of this.#rows.scan('key ')) {
      const { name, role, createdAt } = read<Key>(row)
      keys.push({ api_key: id.slice('key '.length), name, role, created_at: new Date(createdAt).toJSON() })
    }
    return keys
  }

  async deleteKey(id: string): Promise<boolean> {
    if ((await this.#rows.get(`key ${id}`)) === undefined) return false
    await this.#put(`key ${id}`, undefined)
    return true
  }

  /** A token for who has the password. Rejects with ApiError 401, and 429 where too many have failed from this address. */
  async login(
    name: string,
    password: string,
    address: string = '',
  ): Promise<{ readonly token: string; readonly role: Role }> {
    this.#slowDown(address)
    const row = await this.#rows.get(`user ${name}`)
    const user = row && read<User>(row)
    // One who is not there costs as much.
    const hash = await slowHash(password, user?.salt ?? 'nobody', this.#rounds)
    if (user === undefined || !isEqual(hash, user.hash)) {
      this.#failed(address)
      throw new ApiError(401, 'BAD_USERNAME_OR_PWD', 'Wrong user name or password')
    }
    this.#failures.delete(address)
    const token = randomToken()
    if (this.#sessions.size >= mostSessions) this.#sessions.delete(this.#sessions.keys().next().value!)
    const caller = { name, role: user.role }
    this.#sessions.set(await quickHash(token), { caller, until: this.#clock.now() + lasting })
    return { token, role: user.role }
  }

  /** The session of this token is over. */
  async logout(authorization: string | null): Promise<void> {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
    if (token !== undefined) this.#sessions.delete(await quickHash(token))
  }

  /** Who shows this in his `Authorization`; undefined: nobody that is known. */
  async caller(authorization: string | null): Promise<Caller | undefined> {
    const [, scheme = '', value = ''] = /^(\S+) (\S+)$/.exec(authorization ?? '') ?? []
    if (scheme.toLowerCase() === 'bearer') {
      const session = this.#sessions.get(await quickHash(value))
      if (session === undefined || session.until <= this.#clock.now()) return undefined
      session.until = this.#clock.now() + lasting
      return session.caller
    }
    if (scheme.toLowerCase() !== 'basic') return undefined
    const [id = '', secret = ''] = fromBase64(value).split(':', 2)
    const row = await this.#rows.get(`key ${id}`)
    const key = row && read<Key>(row)
    const isRight = isEqual(await quickHash(secret), key?.hash ?? '')
    return key !== undefined && isRight ? { name: key.name, role: key.role } : undefined
  }

  #slowDown(address: string): void {
    const record = this.#failures.get(address)
    if (record === undefined || record.until <= this.#clock.now()) return
    throw new ApiError(429, 'TOO_MANY_REQUESTS', 'Too many logins have failed; try again later')
  }

  #failed(address: string): void {
    const count = (this.#failures.get(address)?.count ?? 0) + 1
    const wait = count < free ? 0 : Math.min(300_000, 1000 * 2 ** (count - free))
    this.#failures.delete(address)
    this.#failures.set(address, { count, until: this.#clock.now() + wait })
    if (this.#failures.size > mostAddresses) this.#failures.delete(this.#failures.keys().next().value!)
  }

  async #put(key: string, value: object | undefined): Promise<void> {
    await this.#rows.write([{ key, value: value && encodeUtf8(JSON.stringify(value)) }])
  }
}

function read<T>(row: Uint8Array): T {
  return JSON.parse(readUtf8(row, 0, row.length) ?? '') as T
}

function randomToken(): string {
  return hex(crypto.getRandomValues(new Uint8Array(32)))
}

async function slowHash(password: string, salt: string, rounds: number): Promise<string> {
  const key = await crypto.subtle.importKey('raw', bytesOf(password), 'PBKDF2', false, ['deriveBits'])
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt: bytesOf(salt), iterations: rounds }
  return hex(new Uint8Array(await crypto.subtle.deriveBits(how, key, 256)))
}

/** Enough for what is random itself. */
async function quickHash(secret: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytesOf(secret))))
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encodeUtf8(text))
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function fromBase64(text: string): string {
  try {
    return atob(text)
  } catch {
    return ''
  }
}

/** Looks at every character, whatever the first ones say. */
function isEqual(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}
