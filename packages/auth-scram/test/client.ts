import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'

/** A client's side of SCRAM-SHA-256, on Node's own cryptography. */
export class ScramClient {
  readonly header: string
  readonly bare: string
  readonly #password: string
  #message = ''
  #salted: Buffer = Buffer.alloc(0)

  constructor(username: string, password: string, { header = 'n,,', nonce = 'fyko+d2lbbFgONRv9qkxdawL' } = {}) {
    this.header = header
    this.bare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
    this.#password = password
  }

  get first(): string {
    return this.header + this.bare
  }

  /** The last message, given the server's first. Whatever else it is made to say is proven all the same. */
  final(serverFirst: string, { header = this.header, extension = '', nonce: other = '' } = {}): string {
    const [, nonce = '', salt = '', iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? []
    this.#salted = pbkdf2Sync(this.#password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256')
    const withoutProof = `c=${Buffer.from(header).toString('base64')},r=${other || nonce}${extension}`
    this.#message = `${this.bare},${serverFirst},${withoutProof}`
    const clientKey = hmac(this.#salted, 'Client Key')
    const signature = hmac(createHash('sha256').update(clientKey).digest(), this.#message)
    return `${withoutProof},p=${Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0))).toString('base64')}`
  }

  /** What the server must say at the end. */
  get serverFinal(): string {
    return `v=${hmac(hmac(this.#salted, 'Server Key'), this.#message).toString('base64')}`
  }
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
