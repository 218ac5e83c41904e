import { parseVerifier, saslPrep, type Verifier } from '@isomq/auth-scram'
import * as v from 'valibot'
import type { Setting } from './settings.ts'

/** A user that logs in by SCRAM. */
export interface Account {
  /** After SASLprep. */
  readonly username: string
  readonly verifier: Verifier
}

/** The same as users write it. */
export interface AccountInput {
  readonly username: string
  /** As `isomq passwd --scram` prints it. */
  readonly verifier: string
}

const username = v.pipe(
  v.string('must be a text'),
  v.transform(saslPrep),
  v.minLength(1, 'must have at least one character'),
)

const verifierMessage = 'must be a verifier as `isomq passwd --scram` prints it'
const verifier = v.pipe(
  v.string(verifierMessage),
  v.rawTransform(({ dataset, addIssue, NEVER }): Verifier => {
    const parsed = parseVerifier(dataset.value)
    if (parsed !== undefined) return parsed
    addIssue({ message: verifierMessage })
    return NEVER
  }),
)

/** A list of users with their verifiers; nobody unless given. Its metadata `secret` keeps what is in it from being shown. */
export function accounts(description: string): Setting<readonly AccountInput[], readonly Account[]> {
  const one = v.strictObject({ username, verifier }, 'must have a username and a verifier, and nothing else')
  const schema = v.pipe(v.array(one, 'must be a list of users'), v.metadata({ kind: 'list', secret: true }))
  return v.optional(
    v.pipe(schema, v.description(description)) as v.GenericSchema<readonly AccountInput[], readonly Account[]>,
    [],
  )
}
