import { type Authenticator, BrokerError, encodeUtf8, type Exchange, readUtf8, type Step } from '@isomq/kernel'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { encodeBase64 } from './base64.ts'
import { type ClientFirst, parseClientFinal, parseClientFirst } from './client-messages.ts'
import { saslPrep } from './sasl-prep.ts'
import { leastIterations, type Verifier } from './verifier.ts'

/** What a login by SCRAM needs. */
export interface ScramOptions {
  /** The verifier of a user by its name after SASLprep; undefined when there is no such user. */
  lookup(username: string): Promise<Verifier | undefined>
  /** Chance for one exchange, such as `Host.randomId`: 18 printable ASCII characters or more without a comma, never given twice, not guessable. */
  nonce(): string
  /** How users that do not exist look. Unless given, their salts last as long as this authenticator. */
  readonly decoy?: Decoy | undefined
}

/** What makes users that do not exist look like those that do: the same salt each time, as many rounds, and a wrong password. */
export interface Decoy {
  /** What nobody outside can know. It should be the same after a restart. */
  readonly secret: Uint8Array
  /** As real users have. */
  readonly iterations: number
}

/** SCRAM-SHA-256 (RFC 5802 and 7677) without channel binding. A client acts for itself only. */
export function scramSha256(options: ScramOptions): Authenticator {
  const decoy = options.decoy ?? { secret: encodeUtf8(options.nonce()), iterations: leastIterations }
  return { method: 'SCRAM-SHA-256', begin: () => new ScramExchange({ ...options, decoy }) }
}

/** What the first message of the client has settled. */
interface Begun {
  readonly first: ClientFirst
  readonly username: string
  readonly verifier: Verifier
  readonly serverFirst: string
  readonly nonce: string
}

class ScramExchange implements Exchange {
  readonly #options: ScramOptions & { readonly decoy: Decoy }
  #asked = false
  #begun: Begun | undefined

  constructor(options: ScramOptions & { readonly decoy: Decoy }) {
    this.#options = options
  }

  async respond(data: Uint8Array | undefined): Promise<Step> {
    if (data === undefined && !this.#asked) {
      // The client has not begun by itself: an empty question asks it to (RFC 4422, section 3).
      this.#asked = true
      return { type: 'challenge', data: undefined }
    }
    this.#asked = true
    const text = data && readUtf8(data, 0, data.length)
    if (text === undefined || text.includes('\0')) throw refused()
    return this.#begun === undefined ? this.#begin(text) : finish(this.#begun, text)
  }

  async #begin(text: string): Promise<Step> {
    const first = parseClientFirst(text)
    if (first === undefined) throw refused()
    const username = saslPrep(first.username)
    const { authorization } = first
    if (username === '' || (authorization !== undefined && saslPrep(authorization) !== username)) throw refused()
    // Made for every user, so that it takes as long.
    const decoy = decoyOf(username, this.#options.decoy)
    const verifier = (await this.#options.lookup(username)) ?? decoy
    const nonce = first.nonce + this.#options.nonce()
    const serverFirst = `r=${nonce},s=${encodeBase64(verifier.salt)},i=${verifier.iterations}`
    this.#begun = { first, username, verifier, serverFirst, nonce }
    return { type: 'challenge', data: encodeUtf8(serverFirst) }
  }
}

function finish({ first, username, verifier, serverFirst, nonce }: Begun, text: string): Step {
  const final = parseClientFinal(text)
  if (final === undefined || final.nonce !== nonce) throw refused()
  // What the client meant to say of the channel must be what we have read (section 6).
  if (final.binding !== encodeBase64(encodeUtf8(first.header))) throw refused()
  const message = encodeUtf8(`${first.bare},${serverFirst},${final.withoutProof}`)
  const signature = hmac(sha256, verifier.storedKey, message)
  const proven = isProof(final.proof, signature, verifier.storedKey)
  const data = encodeUtf8(`v=${encodeBase64(hmac(sha256, verifier.serverKey, message))}`)
  if (!proven) throw refused()
  return { type: 'accepted', username, data }
}

/** Whether the proof, with the signature taken off, is the key whose hash is stored. Takes as long whichever bits are wrong. */
function isProof(proof: Uint8Array, signature: Uint8Array, storedKey: Uint8Array): boolean {
  const hash = sha256(proof.map((byte, i) => byte ^ signature[i]!))
  let difference = 0
  for (let i = 0; i < hash.length; i++) difference |= hash[i]! ^ storedKey[i]!
  return difference === 0
}

/** The verifier of a user that does not exist: always the same one, and no password fits it. */
function decoyOf(username: string, { secret, iterations }: Decoy): Verifier {
  const derive = (what: string): Uint8Array => hmac(sha256, secret, encodeUtf8(`${what}\0${username}`))
  return { iterations, salt: derive('salt').slice(0, 16), storedKey: derive('stored'), serverKey: derive('server') }
}

function refused(): BrokerError {
  return new BrokerError('not-authenticated')
}
