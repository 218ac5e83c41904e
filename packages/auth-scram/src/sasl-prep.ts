// RFC 3454, tables C.1.2 and B.1.
const spaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g
const nothing = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/g

/**
 * A name or password as SASLprep (RFC 4013) maps and normalizes it, so that the ways to type the same text give the same
 * bytes. What SASLprep prohibits, such as control characters and mixed directions, is let through: it proves nothing less.
 */
export function saslPrep(text: string): string {
  return text.replace(spaces, ' ').replace(nothing, '').normalize('NFKC')
}
