/** From here on a message of its own costs less than copying; shorter ones go together. */
const long = 4096

/** Bytes that wait to be posted, in order. */
export class Outbox {
  readonly #owned: boolean
  #chunks: Uint8Array[] = []
  #head = 0
  #length = 0

  /** `owned`: nobody else reads what is put in; a long array that is the whole of its buffer is then given on uncopied. */
  constructor(owned: boolean) {
    this.#owned = owned
  }

  get length(): number {
    return this.#length
  }

  put(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#chunks.push(bytes)
    this.#length += bytes.length
  }

  /** Takes the first `most` bytes (fewer where no more are there) in a buffer to be transferred. */
  take(most: number): ArrayBuffer {
    const first = this.#chunks[this.#head]
    if (this.#owned && first !== undefined && first.length >= long && first.length <= most && isWhole(first)) {
      this.#drop(first.length)
      return first.buffer
    }
    const all = new Uint8Array(Math.min(most, this.#length))
    for (let at = 0; at < all.length;) {
      const chunk = this.#chunks[this.#head]!
      const part = chunk.subarray(0, all.length - at)
      all.set(part, at)
      at += part.length
      this.#drop(part.length)
    }
    return all.buffer
  }

  clear(): void {
    this.#chunks = []
    this.#head = 0
    this.#length = 0
  }

  /** Forgets so many bytes of the first chunk. */
  #drop(length: number): void {
    const chunk = this.#chunks[this.#head]!
    this.#length -= length
    if (length < chunk.length) this.#chunks[this.#head] = chunk.subarray(length)
    else if (++this.#head === this.#chunks.length) {
      this.#chunks = []
      this.#head = 0
    }
  }
}

function isWhole(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.length === bytes.buffer.byteLength
}
