import { readUtf8 } from '@isomq/kernel'
import { hasWildcard } from './frame.ts'

const slots = 4096
const slotBytes = 256

/**
 * Topic names found by their bytes. A publisher says the same few topics over and over: on a hit no string is built and
 * nothing is checked again. Bounded: 4096 names of up to 256 bytes, about a megabyte; a new name takes the place of an
 * old one whose hash is alike. Longer names are read anew each time.
 */
export class TopicCache {
  readonly #names: string[] = Array.from({ length: slots }, () => '')
  readonly #lengths: Uint16Array = new Uint16Array(slots)
  readonly #bytes: Uint8Array = new Uint8Array(slots * slotBytes)
  #turn = 0

  /** Names held now. */
  get size(): number {
    return this.#lengths.reduce((count, length) => (length > 0 ? count + 1 : count), 0)
  }

  /** The topic name these bytes spell; empty when they spell none (`topicFault` tells why). The caller has checked the bounds. */
  read(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start
    if (length > slotBytes) return build(bytes, start, end)
    let hash = length
    let i = start
    for (const whole = end - 3; i < whole; i += 4) {
      hash ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
      hash = Math.imul(hash, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    for (; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x9e3779b1)
    hash ^= hash >>> 17
    const slot = hash & (slots - 1)
    if (this.#holds(slot, bytes, start, length)) return this.#names[slot]!
    if (this.#holds(slot ^ 1, bytes, start, length)) return this.#names[slot ^ 1]!
    return this.#learn(slot, bytes, start, end)
  }

  #holds(slot: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.#lengths[slot] !== length) return false
    const kept = this.#bytes
    const base = slot * slotBytes
    for (let i = 0; i < length; i++) if (kept[base + i] !== bytes[start + i]) return false
    return true
  }

  #learn(slot: number, bytes: Uint8Array, start: number, end: number): string {
    const name = build(bytes, start, end)
    if (name === '') return ''
    // An empty place if one of the two is, else each in turn.
    if (this.#lengths[slot] !== 0 && (this.#lengths[slot ^ 1] === 0 || (this.#turn ^= 1) === 1)) slot ^= 1
    this.#lengths[slot] = end - start
    this.#names[slot] = name
    this.#bytes.set(bytes.subarray(start, end), slot * slotBytes)
    return name
  }
}

/** Why bytes are no topic name. */
export function topicFault(bytes: Uint8Array, start: number, end: number): 'empty' | 'ill-formed' | 'wildcard' {
  if (start === end) return 'empty' // [MQTT-4.7.3-1]
  for (let i = start; i < end; i++) if (bytes[i] === 0) return 'ill-formed' // [MQTT-4.7.3-2]
  if (readUtf8(bytes, start, end) === undefined) return 'ill-formed' // [MQTT-3.3.2-1]
  return 'wildcard'
}

function build(bytes: Uint8Array, start: number, end: number): string {
  for (let i = start; i < end; i++) if (bytes[i] === 0) return ''
  if (hasWildcard(bytes, start, end)) return ''
  return readUtf8(bytes, start, end) ?? ''
}
