const slabBytes = 16_384
const largestShare = 2_048

let slab: Uint8Array = new Uint8Array(0)
let used = 0

/**
 * Zeroed bytes for a frame that is soon sent. Small ones are cut from a slab of 16 KiB, several times faster than an
 * array of their own; no byte is ever handed out twice, and a slab lives as long as the last frame cut from it.
 */
export function cut(length: number): Uint8Array {
  if (length > largestShare) return new Uint8Array(length)
  if (used + length > slab.length) {
    slab = new Uint8Array(slabBytes)
    used = 0
  }
  const start = used
  used = start + length
  return slab.subarray(start, used)
}
