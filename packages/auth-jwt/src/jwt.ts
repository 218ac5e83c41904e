import { type Authenticator, BrokerError, type Credentials, readUtf8 } from '@isomq/kernel'
import {
  createRemoteJWKSet,
  errors,
  importJWK,
  importSPKI,
  type JWK,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'

/** Algorithms by which a token may be signed (RFC 7518, RFC 8037). */
export type JwtAlgorithm =
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'HS256'
  | 'HS384'
  | 'HS512'
  | 'RS256'
  | 'RS384'
  | 'RS512'

/** All of them. */
export const algorithms: readonly JwtAlgorithm[] = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
]

/** How tokens are verified. */
export interface JwtOptions {
  /** One of the three: a shared secret for HS…, a public key (PEM) for the others, or where keys are published (RFC 7517). */
  readonly secret?: Uint8Array | undefined
  readonly publicKey?: string | undefined
  readonly jwks?: string | undefined
  /** Those that are taken, and no others. */
  readonly algorithms: readonly JwtAlgorithm[]
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
  /** Seconds by which clocks may differ. Default 5. */
  readonly clockTolerance?: number | undefined
  /** The claim that has the user name. Default `sub`. */
  readonly usernameClaim?: string | undefined
  /** The claim that has rules. Default `acl`. */
  readonly aclClaim?: string | undefined
  /** The claim that is true for administrators. Default `admin`. */
  readonly adminClaim?: string | undefined
  /** Milliseconds for which published keys are kept. Default 10 minutes. */
  readonly jwksMaxAge?: number | undefined
}

/** What a token says. */
export interface JwtIdentity {
  readonly username: string
  readonly admin: boolean
  /** When it expires, milliseconds since the epoch; undefined: never. */
  readonly until: number | undefined
  /** What the claim of rules holds, unread. */
  readonly acl: unknown
}

/** Rejects with BrokerError `not-authenticated`, or `unavailable` where published keys cannot be had. */
export type VerifyJwt = (token: string) => Promise<JwtIdentity>

/** Verifies JSON Web Tokens (RFC 7519). Rejects with TypeError where the options make no sense. */
export async function jwtVerifier(options: JwtOptions): Promise<VerifyJwt> {
  const { issuer, audience, clockTolerance = 5 } = options
  if (options.algorithms.length === 0) throw new TypeError('no algorithm is allowed')
  const key = await keyOf(options)
  const bounds = {
    algorithms: [...options.algorithms],
    clockTolerance,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  }
  return async (token) => {
    try {
      const { payload } =
        typeof key === 'function' ? await jwtVerify(token, key, bounds) : await jwtVerify(token, key, bounds)
      return identityOf(payload, options)
    } catch (error) {
      if (error instanceof BrokerError) throw error
      const isOurs = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout)
      if (isOurs) throw new BrokerError('not-authenticated', error.message)
      throw new BrokerError('unavailable', 'the keys of tokens cannot be had', { cause: error })
    }
  }
}

/** Login by a token in AUTH packets, and by another one before the first expires. `proven` is told whose token it was. */
export function jwtAuthenticator(
  verify: VerifyJwt,
  proven: (identity: JwtIdentity, credentials: Credentials) => void,
): Authenticator {
  return {
    method: 'JWT',
    begin: (credentials) => ({
      async respond(data) {
        const token = data === undefined ? undefined : readUtf8(data, 0, data.length)
        if (token === undefined) throw new BrokerError('not-authenticated', 'there is no token')
        const identity = await verify(token)
        proven(identity, credentials)
        return { type: 'accepted', username: identity.username }
      },
    }),
  }
}

type Key = Awaited<ReturnType<typeof importJWK>> | JWTVerifyGetKey

async function keyOf({ secret, publicKey, jwks, jwksMaxAge = 600_000, algorithms }: JwtOptions): Promise<Key> {
  if ([secret, publicKey, jwks].filter((each) => each !== undefined).length !== 1)
    throw new TypeError('one of secret, publicKey and jwks must be given')
  // Else a public key, which anybody has, would be taken for a secret.
  if (algorithms.some((name) => name.startsWith('HS') !== (secret !== undefined)))
    throw new TypeError('HS… is for a secret, and a secret for HS… alone')
  if (secret !== undefined) {
    if (secret.length < 32) throw new TypeError('the secret must have at least 32 bytes')
    return secret
  }
  if (jwks !== undefined) return createRemoteJWKSet(new URL(jwks), { cacheMaxAge: jwksMaxAge, timeoutDuration: 5000 })
  if (publicKey!.trimStart().startsWith('{')) return importJWK(JSON.parse(publicKey!) as JWK, algorithms[0])
  return importSPKI(publicKey!, algorithms[0]!)
}

function identityOf(payload: JWTPayload, options: JwtOptions): JwtIdentity {
  const { usernameClaim = 'sub', aclClaim = 'acl', adminClaim = 'admin' } = options
  const username = Object.hasOwn(payload, usernameClaim) ? payload[usernameClaim] : undefined
  if (typeof username !== 'string' || username === '')
    throw new BrokerError('not-authenticated', `the token has no ${usernameClaim}`)
  const until = payload.exp === undefined ? undefined : payload.exp * 1000
  const acl = Object.hasOwn(payload, aclClaim) ? payload[aclClaim] : undefined
  return { username, admin: Object.hasOwn(payload, adminClaim) && payload[adminClaim] === true, until, acl }
}
