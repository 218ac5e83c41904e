import { utf8Length } from './utf8.ts'

/** Longest topic or filter, in UTF-8 bytes. */
const MAX_BYTES = 65_535

const HASH = 0x23
const DOLLAR = 0x24
const PLUS = 0x2b
const SLASH = 0x2f

/** May a message be published to this topic? At least one character, none of `+`, `#` and U+0000, at most 65,535 UTF-8 bytes. O(length). */
export function isTopic(topic: string): boolean {
  if (!fits(topic)) return false
  for (let i = 0; i < topic.length; i++) {
    const unit = topic.charCodeAt(i)
    if (unit === PLUS || unit === HASH || unit === 0) return false
  }
  return true
}

/** May this filter be subscribed to? Like a topic, but `+` may fill a whole level and `#` the whole last level. O(length). */
export function isFilter(filter: string): boolean {
  if (!fits(filter)) return false
  const last = filter.length - 1
  for (let i = 0; i <= last; i++) {
    const unit = filter.charCodeAt(i)
    if (unit === 0) return false
    if (unit !== PLUS && unit !== HASH) continue
    if (i > 0 && filter.charCodeAt(i - 1) !== SLASH) return false
    if (i < last && (unit === HASH || filter.charCodeAt(i + 1) !== SLASH)) return false
  }
  return true
}

/**
 * Does the filter cover the topic? The meaning of filters: `+` covers one level (an empty one too), a last `/#` covers the parent level and everything
 * below, and a wildcard in the first level covers no topic that starts with `$`. Characters are compared as they are.
 * Both are valid (`isFilter`, `isTopic`); else the answer means nothing. O(length), no allocation.
 */
export function matches(filter: string, topic: string): boolean {
  let f = 0
  let t = 0
  if (topic.charCodeAt(0) === DOLLAR && filter.charCodeAt(0) !== DOLLAR) return false
  for (;;) {
    const first = filter.charCodeAt(f)
    if (first === HASH) return true
    if (first === PLUS) {
      f++
      while (t < topic.length && topic.charCodeAt(t) !== SLASH) t++
    } else {
      while (t < topic.length && topic.charCodeAt(t) !== SLASH && topic.charCodeAt(t) === filter.charCodeAt(f)) {
        t++
        f++
      }
    }
    // Both levels must end here, or they differ.
    if (t === topic.length) return f === filter.length || (f === filter.length - 2 && filter.endsWith('/#'))
    if (topic.charCodeAt(t) !== SLASH || filter.charCodeAt(f) !== SLASH) return false
    t++
    f++
  }
}

/**
 * Does the filter cover every topic that the other one covers? Both are valid filters; else the answer means nothing.
 * O(length).
 */
export function covers(filter: string, other: string): boolean {
  if (other.charCodeAt(0) === DOLLAR && filter.charCodeAt(0) !== DOLLAR) return false
  const wide = filter.split('/')
  const narrow = other.split('/')
  for (let i = 0; i < narrow.length; i++) {
    if (wide[i] === '#') return true
    // A topic is never empty: what `#` and `/#` cover has a level there.
    if (narrow[i] === '#') return (i === 0 || other === '/#') && wide.slice(i).join('/') === '+/#'
    if (wide[i] !== narrow[i] && (wide[i] !== '+' || narrow[i] === undefined)) return false
  }
  return wide.length === narrow.length || (wide.length === narrow.length + 1 && wide.at(-1) === '#')
}

/** How many levels a topic or filter has: slashes plus one. O(length), no allocation. */
export function levels(topic: string): number {
  let count = 1
  for (let i = 0; i < topic.length; i++) if (topic.charCodeAt(i) === SLASH) count++
  return count
}

/**
 * Is this a topic that only the broker itself publishes to: `$SYS` and all below? What is retained there tells of this
 * life of the broker: it is not stored, and no limit of retained messages counts it.
 */
export function isReserved(topic: string): boolean {
  return topic.startsWith('$SYS/') || topic === '$SYS'
}

function fits(text: string): boolean {
  if (text.length === 0 || text.length > MAX_BYTES) return false
  // No UTF-16 unit takes more than three bytes: short texts need no count.
  return text.length * 3 <= MAX_BYTES || utf8Length(text) <= MAX_BYTES
}
