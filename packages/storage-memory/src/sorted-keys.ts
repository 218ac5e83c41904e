// Half of this is what a split leaves; small enough that an insertion moves little, large enough that buckets are few.
const bucketSize = 512

/** Strings in the order of their UTF-8 bytes. Adding and removing move at most one bucket of keys. */
export class SortedKeys {
  readonly #buckets: string[][] = []

  /** The key is not in the set yet. */
  add(key: string): void {
    const index = this.#bucketOf(key)
    const bucket = this.#buckets[index]
    if (bucket === undefined) {
      this.#buckets.push([key])
      return
    }
    bucket.splice(lowerBound(bucket, key), 0, key)
    if (bucket.length > bucketSize) this.#buckets.splice(index + 1, 0, bucket.splice(bucketSize >> 1))
  }

  /** The key is in the set. */
  remove(key: string): void {
    const index = this.#bucketOf(key)
    const bucket = this.#buckets[index]
    if (bucket === undefined) return
    bucket.splice(lowerBound(bucket, key), 1)
    if (bucket.length === 0) this.#buckets.splice(index, 1)
  }

  /** The keys that start with `prefix`, in order. */
  startingWith(prefix: string): string[] {
    const found: string[] = []
    let index = this.#bucketOf(prefix)
    let at = lowerBound(this.#buckets[index] ?? [], prefix)
    for (; index < this.#buckets.length; index++, at = 0) {
      const bucket = this.#buckets[index] ?? []
      for (; at < bucket.length; at++) {
        const key = bucket[at]
        if (key === undefined || !key.startsWith(prefix)) return found
        found.push(key)
      }
    }
    return found
  }

  /** The bucket that holds the key, or would: the last one that starts at or before it. */
  #bucketOf(key: string): number {
    let low = 0
    let high = this.#buckets.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (compareUtf8(this.#buckets[middle]?.[0] ?? '', key) <= 0) low = middle
      else high = middle
    }
    return low
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareUtf8(keys[middle] ?? '', key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Negative, 0 or positive as the UTF-8 bytes of `a` come before, equal or come after those of `b`. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

/** UTF-8 puts what UTF-16 writes with surrogates (D800–DFFF) behind everything else, E000–FFFF included. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
