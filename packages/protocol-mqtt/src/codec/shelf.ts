import { Slab } from './slab.ts'

// What is kept of a chunk is copied in blocks of this size. One small packet that stays when all others have gone holds no more.
const blockBytes = 4_096
// Where less is left of a chunk, an array for it alone would not pay.
const leastBlock = 1_024

const slab = new Slab(blockBytes)
let source: Uint8Array | undefined
let from = 0
let block: Uint8Array = slab.bytes

/** A place where bytes may stay. */
export interface Kept {
  readonly bytes: Uint8Array
  readonly at: number
}

/**
 * Copies bytes of a chunk to where they may stay when the chunk goes: at `at` of `bytes` of what comes back, which is valid
 * until the next call. Packets that came side by side are copied at once, and lie side by side again.
 */
export function shelve(chunk: Uint8Array, start: number, end: number): Kept {
  if (chunk === source && start >= from && end - from <= block.length) return at(block, start - from)
  const length = end - start
  if (length <= blockBytes && chunk.length - start < leastBlock) {
    const place = slab.take(length)
    slab.bytes.set(chunk.subarray(start, end), place)
    return at(slab.bytes, place)
  }
  source = chunk
  from = start
  block = new Uint8Array(chunk.subarray(start, Math.max(end, start + blockBytes)))
  return at(block, 0)
}

// One for all calls: every message is kept.
const last = { bytes: block, at: 0 }

function at(bytes: Uint8Array, place: number): Kept {
  last.bytes = bytes
  last.at = place
  return last
}
