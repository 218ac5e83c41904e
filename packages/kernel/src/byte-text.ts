/** Bytes are kept as text, a character for each, up to so many: a small array takes two hundred bytes more. */
export const longestByteText = 256

/** Bytes, at most `longestByteText`, as text: a character for each. */
export function byteText(bytes: Uint8Array): string {
  // Spreading goes through an iterator: five times as slow.
  return Reflect.apply(String.fromCharCode, undefined, bytes)
}

/** The bytes that `byteText` made this text of, in an array of their own. */
export function textBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
