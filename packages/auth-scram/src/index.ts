export { saslPrep } from './sasl-prep.ts'
export { type Decoy, scramSha256, type ScramOptions } from './scram-sha-256.ts'
export { formatVerifier, makeVerifier, parseVerifier, type Verifier } from './verifier.ts'
