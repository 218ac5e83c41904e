import type { JwtIdentity, VerifyJwt } from '@isomq/auth-jwt'
import type { PasswordFile } from '@isomq/auth-password'
import { BrokerError, type Credentials, type PeerInfo, readUtf8 } from '@isomq/kernel'
import type { HashPool } from './hash-pool.ts'
import type { Check, Identity } from './identity.ts'
import { rulesFrom } from './read-rules.ts'

/** A name in the client's verified certificate is its user name, whatever it says itself. */
export function certificateCheck(which: 'cn' | 'san', admins: ReadonlySet<string>): Check {
  return ({ peer }) => {
    const username = which === 'cn' ? peer.certificate?.commonName : peer.certificate?.alternativeNames?.[0]
    if (username === undefined || username === '') return Promise.resolve(undefined)
    return Promise.resolve({ username, admin: admins.has(username) })
  }
}

/** A password that is a JSON Web Token says who it is. */
export function jwtCheck(verify: VerifyJwt): Check {
  return async ({ password }) => {
    const token = password && readUtf8(password, 0, password.length)
    if (token === undefined || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined
    return identityOfJwt(await verify(token))
  }
}

/** What a token says, with its rules read. Throws BrokerError `not-authenticated` where they are none. */
export function identityOfJwt({ username, admin, until, acl }: JwtIdentity): Identity {
  return { username, admin, until, rules: rulesOf(acl) }
}

/** Rules that came from outside; undefined where there are none. Throws BrokerError `not-authenticated` where they make no sense: with fewer nobody was meant to come in. */
export function rulesOf(given: unknown): Identity['rules'] {
  if (given === undefined || given === null) return undefined
  const { rules, faults } = rulesFrom(given)
  if (faults.length > 0)
    throw new BrokerError('not-authenticated', `the rules that came with it: ${faults[0]!.message}`)
  return rules
}

/** User names and passwords of a file, which may be read anew. */
export function passwordCheck(
  file: () => PasswordFile['users'],
  { pool, admins }: { readonly pool: HashPool; readonly admins: ReadonlySet<string> },
): Check {
  return async ({ username, password }) => {
    if (username === undefined) return undefined
    const users = file()
    const kept = users.get(username)
    // A user who is not there costs as much as one who is: another's password is compared, whatever comes of it.
    const [anybody] = users.values()
    const compared = kept ?? anybody
    const isRight = compared !== undefined && (await pool.verify(password ?? new Uint8Array(0), compared))
    if (kept === undefined) return undefined
    // An empty password is none.
    if (!isRight || password === undefined || password.length === 0) throw new BrokerError('not-authenticated')
    return { username, admin: admins.has(username), proof: kept }
  }
}

/** What an exchange of AUTH packets has proven. Tokens were read there; everybody else is but a name. */
export function provenIdentity(
  { username = '', peer }: Credentials,
  tokens: WeakMap<PeerInfo, Identity>,
  admins: ReadonlySet<string>,
): Identity {
  const told = tokens.get(peer)
  return told?.username === username ? told : { username, admin: admins.has(username) }
}
