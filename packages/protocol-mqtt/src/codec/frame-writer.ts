import { utf8Length, writeUtf8 } from '@isomq/kernel'

const headerRoom = 5
const keptRoom = 0x10000

/** The largest number a variable byte integer holds, and so the longest body of a packet. */
const maxVarint = 0xfffffff

/** Bytes a variable byte integer takes. Throws RangeError when the value does not fit in four. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  if (value <= maxVarint) return 4
  throw new RangeError(`${value} does not fit in a variable byte integer`)
}

/** Writes a variable byte integer in the fewest bytes [MQTT-1.5.5-1] and returns the place after it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  while (value > 0x7f) {
    target[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  target[at++] = value
  return at
}

/** Bytes a string takes without its length. Throws RangeError when it cannot be sent: over 65535 bytes, or U+0000 in it. */
export function textLength(text: string): number {
  const length = utf8Length(text)
  if (length > 0xffff) throw new RangeError(`a string of ${length} bytes`) // [MQTT-4.7.3-3]
  if (text.includes('\0')) throw new RangeError('a string with U+0000') // [MQTT-1.5.4-2]
  return length
}

/**
 * Writes the fields of a packet one after the other. Every method throws RangeError for a value that has no place in its
 * field. Over a target of the caller's it writes there from `at` on; otherwise into room of its own, for `frame`.
 */
export class FrameWriter {
  #bytes: Uint8Array
  #at: number

  constructor(target: Uint8Array = new Uint8Array(1024), at: number = headerRoom) {
    this.#bytes = target
    this.#at = at
  }

  /** Where the next byte goes. */
  get at(): number {
    return this.#at
  }

  /** Forgets what was written. */
  reset(): void {
    this.#at = headerRoom
    if (this.#bytes.length > keptRoom) this.#bytes = new Uint8Array(1024)
  }

  byte(value: number): void {
    if ((value & 0xff) !== value) throw new RangeError(`${value} is no byte`)
    this.#need(1)
    this.#bytes[this.#at++] = value
  }

  uint16(value: number): void {
    if ((value & 0xffff) !== value) throw new RangeError(`${value} does not fit in two bytes`)
    this.#need(2)
    this.#bytes[this.#at++] = value >> 8
    this.#bytes[this.#at++] = value & 0xff
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) throw new RangeError(`${value} does not fit in four bytes`)
    this.uint16(value >>> 16)
    this.uint16(value & 0xffff)
  }

  varint(value: number): void {
    if (value >>> 0 !== value) throw new RangeError(`${value} is no length`)
    this.#need(varintLength(value))
    this.#at = writeVarint(this.#bytes, this.#at, value)
  }

  text(text: string): void {
    const length = textLength(text)
    this.uint16(length)
    this.#need(length)
    this.#at = writeUtf8(text, this.#bytes, this.#at)
  }

  binary(bytes: Uint8Array): void {
    if (bytes.length > 0xffff) throw new RangeError(`${bytes.length} bytes of binary data`)
    this.uint16(bytes.length)
    this.#need(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** A packet identifier, which is never 0. */
  packetId(id: number): void {
    if (id === 0) throw new RangeError('packet identifier 0')
    this.uint16(id)
  }

  /** The whole frame, in an array of its own: this first byte, the length, and all that was written. */
  frame(first: number): Uint8Array {
    const length = this.#at - headerRoom
    const start = headerRoom - 1 - varintLength(length)
    this.#bytes[start] = first
    writeVarint(this.#bytes, start + 1, length)
    return this.#bytes.slice(start, this.#at)
  }

  #need(count: number): void {
    const end = this.#at + count
    if (end <= this.#bytes.length) return
    const larger = new Uint8Array(end * 2)
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}
