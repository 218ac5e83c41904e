const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const form = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/

/** Bytes as base64 with padding (RFC 4648, section 4). */
export function encodeBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const three = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    for (let shift = 18; shift >= 0; shift -= 6) text += alphabet[(three >> shift) & 63]
  }
  const missing = (3 - (bytes.length % 3)) % 3
  return missing === 0 ? text : text.slice(0, -missing) + '='.repeat(missing)
}

/** The bytes this is the one base64 form of; undefined for anything else, be it spaces or stray bits. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!form.test(text)) return undefined
  const digits = text.replace(/=+$/, '')
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4))
  let bits = 0
  for (let i = 0, at = 0; i < digits.length; i++) {
    bits = ((bits << 6) | alphabet.indexOf(digits[i]!)) & 0xffff
    if (i % 4 !== 0) bytes[at++] = (bits >> (6 - 2 * (i % 4))) & 0xff
  }
  return encodeBase64(bytes) === text ? bytes : undefined
}
