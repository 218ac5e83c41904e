import { decodeBase64 } from './base64.ts'

/** The first message of a client (RFC 5802, section 7: client-first-message). */
export interface ClientFirst {
  /** gs2-header, as it came. */
  readonly header: string
  /** client-first-message-bare, as it came. */
  readonly bare: string
  readonly username: string
  /** Whom it wants to act for, where it says so. */
  readonly authorization: string | undefined
  readonly nonce: string
}

/** The last message of a client (client-final-message). */
export interface ClientFinal {
  /** gs2-header again, with what the channel is bound to: base64. */
  readonly binding: string
  readonly nonce: string
  readonly proof: Uint8Array
  /** client-final-message-without-proof, as it came. */
  readonly withoutProof: string
}

// Letters that mean something in SCRAM are no extensions. `m` announces one that must be understood: there is none.
const extension = /^[b-df-hj-loqt-uw-zA-Z]$/
const printable = /^[\u0021-\u002b\u002d-\u007e]+$/

/** Reads the first message; undefined when it is malformed, or asks for channel binding. */
export function parseClientFirst(text: string): ClientFirst | undefined {
  const [flag, authzid, ...rest] = text.split(',')
  // `y`: the client could bind the channel and thinks that we cannot, which is so.
  if ((flag !== 'n' && flag !== 'y') || authzid === undefined) return undefined
  const authorization = authzid === '' ? undefined : readName(authzid, 'a=')
  if (authzid !== '' && authorization === undefined) return undefined
  const username = readName(rest[0] ?? '', 'n=')
  const nonce = read(rest[1] ?? '', 'r=')
  if (username === undefined || nonce === undefined || !printable.test(nonce)) return undefined
  if (!rest.slice(2).every(isExtension)) return undefined
  return { header: `${flag},${authzid},`, bare: rest.join(','), username, authorization, nonce }
}

/** Reads the last message; undefined when it is malformed. */
export function parseClientFinal(text: string): ClientFinal | undefined {
  const parts = text.split(',')
  const binding = read(parts[0] ?? '', 'c=')
  const nonce = read(parts[1] ?? '', 'r=')
  const last = read(parts.at(-1)!, 'p=')
  const proof = last === undefined ? undefined : decodeBase64(last)
  if (binding === undefined || nonce === undefined || proof === undefined) return undefined
  if (!parts.slice(2, -1).every(isExtension)) return undefined
  return { binding, nonce, proof, withoutProof: parts.slice(0, -1).join(',') }
}

function read(part: string, name: string): string | undefined {
  return part.startsWith(name) ? part.slice(name.length) : undefined
}

/** A name in which a comma is written `=2C` and an equals sign `=3D`. */
function readName(part: string, name: string): string | undefined {
  const text = read(part, name)
  if (text === undefined || /=(?!2C|3D)/.test(text)) return undefined
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

function isExtension(part: string): boolean {
  return part[1] === '=' && part.length > 2 && extension.test(part[0]!)
}
