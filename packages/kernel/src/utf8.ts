/** Bytes the UTF-8 form of a string takes. A lone surrogate counts as U+FFFD (3 bytes). */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) length += 1
    else if (isPair(text, i)) {
      length += 2
      i++
    } else length += 2
  }
  return length
}

/** Writes the UTF-8 form of a string at `at` and returns the place after it. The caller has made room (`utf8Length`). */
export function writeUtf8(text: string, target: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i)
    if (code < 0x80) {
      target[at++] = code
      continue
    }
    if (code < 0x800) {
      target[at++] = 0xc0 | (code >> 6)
    } else {
      if (isPair(text, i)) {
        code = 0x10000 + ((code & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff)
        target[at++] = 0xf0 | (code >> 18)
        target[at++] = 0x80 | ((code >> 12) & 0x3f)
      } else {
        if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd
        target[at++] = 0xe0 | (code >> 12)
      }
      target[at++] = 0x80 | ((code >> 6) & 0x3f)
    }
    target[at++] = 0x80 | (code & 0x3f)
  }
  return at
}

/** The UTF-8 form of a string in an array of its own. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text))
  writeUtf8(text, bytes, 0)
  return bytes
}

/** Code units given to one `String.fromCharCode`. */
const chunk = 1024

/** The string that these bytes are the UTF-8 form of; undefined when they are ill-formed (overlong, surrogate, truncated, above U+10FFFF). */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  // Made in one piece: of strings that are added up engines keep a tree of their parts.
  let text = ''
  let units: number[] = []
  let i = start
  while (i < end) {
    if (units.length >= chunk) {
      text += String.fromCharCode(...units)
      units = []
    }
    const lead = bytes[i++]!
    if (lead < 0x80) {
      units.push(lead)
      continue
    }
    const extra =
      lead >= 0xc2 && lead < 0xe0 ? 1 : lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xf0 && lead < 0xf5 ? 3 : 0
    if (extra === 0 || i + extra > end) return undefined
    let code = lead & (0x3f >> extra)
    for (let n = 0; n < extra; n++) {
      const next = bytes[i++]!
      if ((next & 0xc0) !== 0x80) return undefined
      code = (code << 6) | (next & 0x3f)
    }
    if (extra === 2 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) return undefined
    if (extra === 3 && (code < 0x10000 || code > 0x10ffff)) return undefined
    if (code < 0x10000) units.push(code)
    else units.push(0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff))
  }
  return text + String.fromCharCode(...units)
}

function isPair(text: string, i: number): boolean {
  const high = text.charCodeAt(i)
  if (high < 0xd800 || high > 0xdbff) return false
  const low = text.charCodeAt(i + 1)
  return low >= 0xdc00 && low <= 0xdfff
}
