import type { Config } from '../config/types.ts'

/** Whether clients must show who they are. */
export function demandsLogin({ authentication, allowAnonymous }: Config): boolean {
  const { passwordFile, certificate, jwt, http, scram } = authentication
  const hasJwt = (jwt.secretFile ?? jwt.publicKeyFile ?? jwt.jwks) !== undefined
  const isAsked = passwordFile !== undefined || certificate !== 'off' || hasJwt || http.url !== undefined
  return !allowAnonymous && (isAsked || scram.users.length > 0)
}
