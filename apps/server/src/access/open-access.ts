import type { AclRule } from '@isomq/acl'
import { jwtAuthenticator, jwtVerifier, type VerifyJwt } from '@isomq/auth-jwt'
import { type PasswordFile, readPasswordFile } from '@isomq/auth-password'
import type { Authenticator, Broker, Clock, Guard, Host, PeerInfo } from '@isomq/kernel'
import { readFile } from 'node:fs/promises'
import { authenticatorsOf } from '../authenticators.ts'
import type { Config } from '../config/types.ts'
import { UserError } from '../user-error.ts'
import { Access } from './access.ts'
import { demandsLogin } from './demands-login.ts'
import { certificateCheck, identityOfJwt, jwtCheck, passwordCheck, provenIdentity } from './checks.ts'
import { HashPool } from './hash-pool.ts'
import { httpCheck } from './http-check.ts'
import type { Check, Identity } from './identity.ts'
import { readRules } from './read-rules.ts'

/** Who may come in, and do what, as configured. */
export interface OpenAccess {
  /** Undefined where everybody may everything. */
  readonly guard: Guard | undefined
  readonly authenticators: readonly Authenticator[]
  /** Reads the files anew. Rejects with a UserError where one is of no use; what was in force stays. */
  reload(broker: Broker): Promise<void>
  close(): void
}

/** Reads what access takes. Rejects with a UserError that has a line for everything in its files that is wrong. */
export async function openAccess(config: Config, host: Pick<Host, 'clock' | 'randomId'>): Promise<OpenAccess> {
  const { authentication, authorization } = config
  const admins = new Set(authentication.admins)
  let files = await readFiles(config)
  const pool = new HashPool()
  const tokens = new WeakMap<PeerInfo, Identity>()
  const checks: Check[] = []
  const authenticators = Array.from(authenticatorsOf(config, host))
  if (authentication.certificate !== 'off') checks.push(certificateCheck(authentication.certificate, admins))
  const verify = await verifierOf(config)
  if (verify !== undefined) {
    checks.push(jwtCheck(verify))
    authenticators.push(jwtAuthenticator(verify, (identity, { peer }) => tokens.set(peer, identityOfJwt(identity))))
  }
  if (authentication.passwordFile !== undefined) checks.push(passwordCheck(() => files.users, { pool, admins }))
  if (authentication.http.url !== undefined)
    checks.push(httpCheck({ ...authentication.http, url: authentication.http.url }, host.clock))
  const hasRules = authorization.file !== undefined || authorization.rules.length > 0
  const rules = (): readonly AclRule[] | undefined => (hasRules ? [...files.rules, ...authorization.rules] : undefined)
  if (checks.length === 0 && authenticators.length === 0 && !hasRules)
    return { guard: undefined, authenticators, reload: () => Promise.resolve(), close: () => undefined }
  const access = new Access({
    clock: host.clock as Clock,
    checks,
    proven: (credentials) => provenIdentity(credentials, tokens, admins),
    anonymous: !demandsLogin(config),
    holds: ({ proof, username }) => proof === undefined || files.users.get(username) === proof,
    rules: rules(),
    otherwise: authorization.otherwise,
  })
  return {
    guard: access,
    authenticators,
    async reload(broker) {
      files = keepSame(files, await readFiles(config))
      access.renew(rules(), broker)
    },
    close: () => pool.close(),
  }
}

interface Files {
  readonly users: PasswordFile['users']
  readonly rules: readonly AclRule[]
}

async function readFiles({ authentication, authorization }: Config): Promise<Files> {
  const lines: string[] = []
  const read = async <T extends { readonly faults: readonly { line?: number | undefined; message: string }[] }>(
    key: string,
    file: string | undefined,
    parse: (text: string) => T,
  ): Promise<T | undefined> => {
    if (file === undefined) return undefined
    try {
      const result = parse(await readFile(file, 'utf8'))
      for (const { line, message } of result.faults)
        lines.push(`${key}: ${file}${line === undefined ? '' : `:${line}`}: ${message}`)
      return result
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      lines.push(`${key}: ${file} ${code === 'ENOENT' ? 'does not exist' : `cannot be read: ${message}`}`)
      return undefined
    }
  }
  const passwords = await read('authentication.passwordFile', authentication.passwordFile, readPasswordFile)
  const { file } = authorization
  const rules = await read('authorization.file', file, (text) => readRules(text, file!))
  if (lines.length > 0) throw new UserError(lines)
  return { users: passwords?.users ?? new Map(), rules: rules?.rules ?? [] }
}

/** What has not changed is the very same: whoever has come in by it stays. */
function keepSame(before: Files, after: Files): Files {
  const users = Array.from(after.users, ([name, hash]) => {
    const old = before.users.get(name)
    return [name, old !== undefined && JSON.stringify(old) === JSON.stringify(hash) ? old : hash] as const
  })
  return { ...after, users: new Map(users) }
}

async function verifierOf({ authentication: { jwt } }: Config): Promise<VerifyJwt | undefined> {
  const { secretFile, publicKeyFile, jwks, clockTolerance, ...rest } = jwt
  if ((secretFile ?? publicKeyFile ?? jwks) === undefined) return undefined
  try {
    return await jwtVerifier({
      ...rest,
      jwks,
      clockTolerance: clockTolerance / 1000,
      // A line feed at its end is the editor's.
      secret: secretFile === undefined ? undefined : trimmed(await readFile(secretFile)),
      publicKey: publicKeyFile === undefined ? undefined : await readFile(publicKeyFile, 'utf8'),
    })
  } catch (error) {
    throw new UserError(`authentication.jwt: ${(error as Error).message}`)
  }
}

function trimmed(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 10 || bytes[end - 1] === 13)) end--
  return bytes.subarray(0, end)
}
