import { argon2id, argon2Verify } from 'hash-wasm'
import { fromBase64 } from './base64.ts'

/** What is kept of a password, in one of the ways of mosquitto. */
export type PasswordHash =
  /** Argon2id (RFC 9106), in its usual writing; what mosquitto 2.1 makes, and we. */
  | { readonly kind: 'argon2id'; readonly encoded: string }
  /** `$7$`: PBKDF2 (RFC 8018) with HMAC-SHA-512; what mosquitto 2.0 makes. */
  | {
      readonly kind: 'pbkdf2'
      readonly iterations: number
      readonly salt: Uint8Array<ArrayBuffer>
      readonly hash: Uint8Array
    }
  /** `$6$`: SHA-512 of the password and the salt, once; what mosquitto before 2.0 makes. */
  | { readonly kind: 'sha512'; readonly salt: Uint8Array<ArrayBuffer>; readonly hash: Uint8Array }

/** Bounds on what a line of a file may have us compute. */
const most = { iterations: 10_000_000, memory: 1024 * 1024, passes: 64, lanes: 64 }

/** Reads what is kept of a password; undefined where it is nothing that we know, or would take for ever. */
export function parseHash(text: string): PasswordHash | undefined {
  const [before, kind, ...parts] = text.split('$')
  if (before !== '') return undefined
  if (kind === 'argon2id') return parseArgon2(text, parts)
  const [first = '', second = '', third = ''] = parts
  if (kind === '6' && parts.length === 2) {
    const [salt, hash] = [fromBase64(first), fromBase64(second)]
    return salt && hash?.length === 64 ? { kind: 'sha512', salt, hash } : undefined
  }
  if (kind === '7' && parts.length === 3) {
    const [salt, hash] = [fromBase64(second), fromBase64(third)]
    const iterations = /^[1-9]\d*$/.test(first) ? Number(first) : Infinity
    const isKnown = iterations <= most.iterations && salt !== undefined && hash?.length === 64
    return isKnown ? { kind: 'pbkdf2', iterations, salt, hash } : undefined
  }
  return undefined
}

/** Whether it takes long, and does so on the thread it is asked on. */
export function isArgon2(hash: PasswordHash): boolean {
  return hash.kind === 'argon2id'
}

/** Whether this is the password. Takes as long for a wrong one as for the right one. */
export async function verifyPassword(password: Uint8Array, kept: PasswordHash): Promise<boolean> {
  const copy = new Uint8Array(password)
  switch (kept.kind) {
    case 'argon2id':
      // An empty one is nobody's, and takes as long as any other.
      if (copy.length === 0) return argon2Verify({ password: Uint8Array.of(0), hash: kept.encoded }).then(() => false)
      return argon2Verify({ password: copy, hash: kept.encoded })
    case 'pbkdf2': {
      const key = await crypto.subtle.importKey('raw', copy, 'PBKDF2', false, ['deriveBits'])
      const how = { name: 'PBKDF2', hash: 'SHA-512', salt: kept.salt, iterations: kept.iterations }
      const isKnown = isEqual(new Uint8Array(await crypto.subtle.deriveBits(how, key, 512)), kept.hash)
      // HMAC fills its key up with zeros: with some behind it another password would do, and who made the hash had none.
      return isKnown && copy.at(-1) !== 0
    }
    case 'sha512': {
      const both = new Uint8Array(copy.length + kept.salt.length)
      both.set(copy)
      both.set(kept.salt, copy.length)
      return isEqual(new Uint8Array(await crypto.subtle.digest('SHA-512', both)), kept.hash)
    }
  }
}

/** What is to be kept of a password: Argon2id with 19 MiB and two passes, as OWASP advises. */
export function hashPassword(password: string | Uint8Array, salt: Uint8Array = randomSalt()): Promise<string> {
  return argon2id({
    password,
    salt,
    memorySize: 19 * 1024,
    iterations: 2,
    parallelism: 1,
    hashLength: 32,
    outputType: 'encoded',
  })
}

function randomSalt(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(16))
}

function parseArgon2(encoded: string, parts: readonly string[]): PasswordHash | undefined {
  const [version, parameters = '', salt = '', hash = ''] = parts
  const [, memory, passes, lanes] = /^m=(\d+),t=(\d+),p=(\d+)$/.exec(parameters) ?? []
  const isBounded =
    Number(memory) <= most.memory && Number(passes) <= most.passes && Number(lanes) <= most.lanes && Number(passes) > 0
  const [saltBytes, hashBytes] = [fromBase64(salt), fromBase64(hash)]
  const isWhole =
    version === 'v=19' && parts.length === 4 && (saltBytes?.length ?? 0) >= 8 && (hashBytes?.length ?? 0) >= 16
  return isBounded && isWhole ? { kind: 'argon2id', encoded } : undefined
}

/** Looks at every byte, whatever the first ones say. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ (b[i] ?? 0)
  return difference === 0
}
