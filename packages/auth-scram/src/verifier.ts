import { encodeUtf8 } from '@isomq/kernel'
import { hmac } from '@noble/hashes/hmac.js'
import { pbkdf2 } from '@noble/hashes/pbkdf2.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { saslPrep } from './sasl-prep.ts'

/** What a server keeps instead of a password (RFC 5802, section 3). Whoever has it can play the server, and try passwords. */
export interface Verifier {
  /** Rounds of PBKDF2. */
  readonly iterations: number
  readonly salt: Uint8Array
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** Fewest rounds of PBKDF2 (RFC 7677, section 4), and what is used unless said. */
export const leastIterations = 4096

const keyLength = 32
const form = /^SCRAM-SHA-256\$([1-9]\d{0,8}):([^$:]+)\$([^$:]+):([^$:]+)$/

/** The verifier of a password, which is put through SASLprep. The work is the caller's to wait for: some milliseconds for 4096 rounds. */
export function makeVerifier(
  password: string,
  { salt, iterations = leastIterations }: { readonly salt: Uint8Array; readonly iterations?: number | undefined },
): Verifier {
  const salted = pbkdf2(sha256, encodeUtf8(saslPrep(password)), salt, { c: iterations, dkLen: keyLength })
  const clientKey = hmac(sha256, salted, encodeUtf8('Client Key'))
  const serverKey = hmac(sha256, salted, encodeUtf8('Server Key'))
  return { iterations, salt, storedKey: sha256(clientKey), serverKey }
}

/** A verifier as PostgreSQL writes it: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. */
export function formatVerifier({ iterations, salt, storedKey, serverKey }: Verifier): string {
  return `SCRAM-SHA-256$${iterations}:${encodeBase64(salt)}$${encodeBase64(storedKey)}:${encodeBase64(serverKey)}`
}

/** The verifier of such a text; undefined when it is none, or has fewer rounds than `leastIterations`. */
export function parseVerifier(text: string): Verifier | undefined {
  const [, count, ...rest] = form.exec(text) ?? []
  const iterations = Number(count)
  const [salt, storedKey, serverKey] = rest.map(decodeBase64)
  if (salt === undefined || storedKey?.length !== keyLength || serverKey?.length !== keyLength) return undefined
  return iterations < leastIterations ? undefined : { iterations, salt, storedKey, serverKey }
}
