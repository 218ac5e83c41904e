import type { Message } from './message.ts'
import { decodeMessage, ownBytes } from './message-codec.ts'

const chunkBytes = 65_536

interface Chunk {
  readonly bytes: Uint8Array
  /** Messages in it that nobody has taken. */
  messages: number
}

/**
 * Encoded messages packed into few arrays, each under a number: one that nobody has asked for yet costs its bytes, and no
 * object. An array goes when its last message has been taken.
 */
export class PackedMessages {
  readonly #chunks: (Chunk | undefined)[] = []
  #used = chunkBytes

  /** Arrays in use. */
  get chunks(): number {
    return this.#chunks.reduce((sum, chunk) => sum + Number(chunk !== undefined), 0)
  }

  /** Puts a copy of an encoded message in, and gives its number. */
  add(encoded: Uint8Array): number {
    if (this.#used + encoded.length > chunkBytes) {
      // What is longer than an array of ours has its own.
      this.#chunks.push({ bytes: new Uint8Array(Math.max(chunkBytes, encoded.length)), messages: 0 })
      this.#used = 0
    }
    const at = this.#used
    const chunk = this.#chunks.at(-1)!
    chunk.bytes.set(encoded, at)
    chunk.messages++
    this.#used += encoded.length
    return (this.#chunks.length - 1) * chunkBytes + at
  }

  /** The message of this number, with bytes of its own; the number means nothing any more. Throws RangeError when it is damaged. */
  take(number: number): Message {
    const index = Math.floor(number / chunkBytes)
    const chunk = this.#chunks[index]!
    const message = ownBytes(decodeMessage(chunk.bytes.subarray(number % chunkBytes)))
    // The last one may still be filled.
    if (--chunk.messages === 0 && index < this.#chunks.length - 1) this.#chunks[index] = undefined
    return message
  }
}
