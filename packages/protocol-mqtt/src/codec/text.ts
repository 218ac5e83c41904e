import { readUtf8 } from '@isomq/kernel'

/** Arrays of 0 to so many numbers. */
const rooms: readonly number[][] = Array.from({ length: 65 }, (_, length) => Array.from({ length }, () => 0))
const most = rooms.length - 1

/**
 * The string these bytes are the UTF-8 form of; undefined when they are ill-formed [MQTT-1.5.4-1] [MQTT-1.5.3-1 of 3.1.1] or
 * hold U+0000 [MQTT-1.5.4-2] [MQTT-1.5.3-2 of 3.1.1]. U+FEFF is a character like any other [MQTT-1.5.4-3].
 */
export function readText(bytes: Uint8Array, start: number, end: number): string | undefined {
  // Nearly all text on the wire is ASCII and short. Made in one piece it takes a third longer than eight characters a step, but
  // engines read such a text faster than a chain of pieces, and topics are read often.
  let text = ''
  let i = start
  while (i < end) {
    const room = rooms[Math.min(end - i, most)]!
    for (let at = 0; at < room.length; at++) {
      const byte = bytes[i + at]!
      if (byte === 0) return undefined
      if (byte > 0x7f) {
        const rest = readUtf8(bytes, i, end)
        return rest === undefined || rest.includes('\0') ? undefined : text + rest
      }
      room[at] = byte
    }
    text += String.fromCharCode.apply(null, room)
    i += room.length
  }
  return text
}
