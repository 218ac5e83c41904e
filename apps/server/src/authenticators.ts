import { formatVerifier, scramSha256 } from '@isomq/auth-scram'
import { type Authenticator, encodeUtf8, type Host } from '@isomq/kernel'
import type { Config } from './config/types.ts'

/** The methods of enhanced authentication that are configured: SCRAM-SHA-256 where it has users. */
export function authenticatorsOf({ authentication }: Config, host: Pick<Host, 'randomId'>): readonly Authenticator[] {
  const { users } = authentication.scram
  const [first] = users
  if (first === undefined) return []
  const verifiers = new Map(users.map(({ username, verifier }) => [username, verifier]))
  return [
    scramSha256({
      lookup: (username) => Promise.resolve(verifiers.get(username)),
      nonce: () => host.randomId(),
      decoy: {
        // All verifiers together: the same after a restart, and more than any one user can know.
        secret: encodeUtf8(users.map(({ verifier }) => formatVerifier(verifier)).join()),
        iterations: first.verifier.iterations,
      },
    }),
  ]
}
