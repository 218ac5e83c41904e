import { hasWildcard } from './frame.ts'
import { readText } from './text.ts'

const slots = 4096
const slotWords = 64
// Places a name may have: with four, a thousand topics hardly ever push each other out.
const ways = 4

/**
 * Topic names found by their bytes. A publisher says the same few topics over and over: on a hit no string is built and
 * nothing is checked again. Bounded: 4096 names of up to 256 bytes, about a megabyte; a new name takes the place of an
 * old one whose hash is alike. Longer names are read anew each time.
 */
export class TopicCache {
  readonly #names: string[] = Array.from({ length: slots }, () => '')
  readonly #lengths: Uint16Array = new Uint16Array(slots)
  // The bytes of each name, four to a word: comparing words takes half the time of comparing bytes.
  readonly #words: Int32Array = new Int32Array(slots * slotWords)
  #turn = 0

  /** Names held now. */
  get size(): number {
    return this.#lengths.reduce((count, length) => (length > 0 ? count + 1 : count), 0)
  }

  /** The topic name these bytes spell; empty when they spell none (`topicFault` tells why). The caller has checked the bounds. */
  read(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start
    if (length > slotWords * 4) return build(bytes, start, end)
    let hash = length
    let i = start
    for (const whole = end - 3; i < whole; i += 4) {
      hash ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
      hash = Math.imul(hash, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    for (; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x9e3779b1)
    hash ^= hash >>> 17
    const first = hash & (slots - ways)
    for (let slot = first; slot < first + ways; slot++)
      if (this.#lengths[slot] === length && this.#holds(slot, bytes, start, end)) return this.#names[slot]!
    return this.#learn(first, bytes, start, end)
  }

  #holds(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const words = this.#words
    let word = slot * slotWords
    let i = start
    for (const whole = end - 3; i < whole; i += 4)
      if (words[word++] !== (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)))
        return false
    return i === end || words[word] === rest(bytes, i, end)
  }

  #learn(first: number, bytes: Uint8Array, start: number, end: number): string {
    const name = build(bytes, start, end)
    if (name === '') return ''
    // An empty place if there is one, else each in turn.
    let slot = first
    while (slot < first + ways && this.#lengths[slot] !== 0) slot++
    if (slot === first + ways) slot = first + (this.#turn = (this.#turn + 1) & (ways - 1))
    this.#lengths[slot] = end - start
    this.#names[slot] = name
    let word = slot * slotWords
    for (let i = start; i < end; i += 4) this.#words[word++] = rest(bytes, i, Math.min(end, i + 4))
    return name
  }
}

/** Why bytes are no topic name. */
export function topicFault(bytes: Uint8Array, start: number, end: number): 'empty' | 'ill-formed' | 'wildcard' {
  if (start === end) return 'empty' // [MQTT-4.7.3-1]
  if (readText(bytes, start, end) === undefined) return 'ill-formed' // [MQTT-3.3.2-1] [MQTT-4.7.3-2]
  return 'wildcard'
}

/** Up to four bytes as a word, the first lowest. */
function rest(bytes: Uint8Array, start: number, end: number): number {
  let word = 0
  for (let i = end - 1; i >= start; i--) word = (word << 8) | bytes[i]!
  return word
}

function build(bytes: Uint8Array, start: number, end: number): string {
  if (hasWildcard(bytes, start, end)) return ''
  return readText(bytes, start, end) ?? ''
}
