/** The key that masks every frame of the load. Fixed, but not zero: a server must really unmask. */
export const MASK: readonly number[] = [0x5a, 0xc3, 0x3c, 0xa5]

/** A masked binary frame around a copy of the bytes. The length field is the shortest one that fits. */
export function wsFrame(bytes: Uint8Array): Buffer {
  const length = bytes.length
  const extended = length < 126 ? 0 : length < 65536 ? 2 : 8
  const head = 2 + extended + 4
  const frame = Buffer.allocUnsafe(head + length)
  frame[0] = 0x82
  frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127)
  if (extended === 2) frame.writeUInt16BE(length, 2)
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2)
  frame.set(MASK, head - 4)
  for (let i = 0; i < length; i++) frame[head + i] = bytes[i]! ^ MASK[i & 3]!
  return frame
}

/** Takes WebSocket frames apart and hands on what is in the binary ones; a close frame from the broker throws. */
export class WsReader {
  readonly #payload: (bytes: Buffer) => void
  #rest: Buffer = Buffer.alloc(0)
  #left = 0

  constructor(payload: (bytes: Buffer) => void) {
    this.#payload = payload
  }

  /** Takes the next bytes. They may be overwritten as soon as this returns. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    let at = 0
    while (at < bytes.length) {
      if (this.#left === 0) {
        const head = this.#head(bytes, at)
        if (head === 0) break
        at += head
      }
      const end = Math.min(bytes.length, at + this.#left)
      if (end > at) this.#payload(bytes.subarray(at, end))
      this.#left -= end - at
      at = end
    }
    this.#rest = Buffer.from(bytes.subarray(at))
  }

  #head(bytes: Buffer, at: number): number {
    if (bytes.length - at < 2) return 0
    const opcode = bytes[at]! & 15
    const short = bytes[at + 1]! & 127
    const size = short < 126 ? 2 : short === 126 ? 4 : 10
    if (bytes.length - at < size) return 0
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6)
    if (opcode !== 0 && opcode !== 2) throw new Error(`the broker sent a WebSocket frame with opcode ${opcode}`)
    this.#left = length
    return size
  }
}
