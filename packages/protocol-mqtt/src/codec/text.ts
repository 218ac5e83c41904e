import { readUtf8 } from '@isomq/kernel'

/**
 * The string these bytes are the UTF-8 form of; undefined when they are ill-formed [MQTT-1.5.4-1] [MQTT-1.5.3-1 of 3.1.1] or
 * hold U+0000 [MQTT-1.5.4-2] [MQTT-1.5.3-2 of 3.1.1]. U+FEFF is a character like any other [MQTT-1.5.4-3].
 */
export function readText(bytes: Uint8Array, start: number, end: number): string | undefined {
  // Nearly all text on the wire is ASCII: eight characters a step take a quarter of the time of one by one.
  let text = ''
  let i = start
  for (const last = end - 8; i <= last; i += 8) {
    const a = bytes[i]!
    const b = bytes[i + 1]!
    const c = bytes[i + 2]!
    const d = bytes[i + 3]!
    const e = bytes[i + 4]!
    const f = bytes[i + 5]!
    const g = bytes[i + 6]!
    const h = bytes[i + 7]!
    if ((a | b | c | d | e | f | g | h) > 0x7f) break
    if (a === 0 || b === 0 || c === 0 || d === 0 || e === 0 || f === 0 || g === 0 || h === 0) return undefined
    text += String.fromCharCode(a, b, c, d, e, f, g, h)
  }
  for (; i < end; i++) {
    const byte = bytes[i]!
    if (byte === 0) return undefined
    if (byte > 0x7f) {
      const rest = readUtf8(bytes, i, end)
      return rest === undefined || rest.includes('\0') ? undefined : text + rest
    }
    text += String.fromCharCode(byte)
  }
  return text
}
