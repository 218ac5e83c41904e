const longestHead = 14
const binary = 0x82
const close = 0x8

/** Where the frames of one connection go. */
export interface FrameTargets {
  /** Payload of whole or partial binary frames, unmasked, in order. Given away. */
  deliver(bytes: Uint8Array): void
  /** Bytes of all other frames, as they came. */
  pass(bytes: Buffer): void
}

/** What is expected of frames. */
export interface FrameRules {
  /** A server's frames come masked, a client's do not (RFC 6455, section 5.1). */
  readonly masked: boolean
  /** Bytes of the largest payload taken. */
  readonly maxPayload: number
}

/**
 * Reads what a WebSocket nearly always brings, single binary frames, in one pass over each chunk: the payloads are unmasked
 * where they lie and moved together, so that many frames are one array for the reader. To MQTT the boundaries of frames mean nothing
 * [MQTT-6.0.0-2], so neither must a frame be whole. Everything else (control frames, fragments, text, and whatever breaks the
 * rules) is passed on, with all of its chunk behind it: there may be nothing more to read after it.
 */
export class FrameReader {
  readonly #targets: FrameTargets
  readonly #rules: FrameRules
  readonly #head = new Uint8Array(longestHead)
  #headLength = 0
  /** Bytes of the present frame's payload that are still to come. */
  #left = 0
  /** True: the present frame is read here, false: it is passed on. */
  #own = false
  #mask = 0
  /** A message of several frames is under way. */
  #fragmented = false
  /** The peer has sent a closing frame. */
  #over = false

  constructor(rules: FrameRules, targets: FrameTargets) {
    this.#rules = rules
    this.#targets = targets
  }

  /** The next bytes of the socket. They are changed. */
  read(chunk: Buffer): void {
    const end = chunk.length
    const view = new DataView(chunk.buffer, chunk.byteOffset, end)
    let trusting = true
    let at = 0
    // Payload is gathered in the chunk itself, from `first` to `out`.
    let first = 0
    let out = 0
    while (at < end && !this.#over) {
      if (this.#left <= 0) {
        at = this.#readHead(chunk, at)
        if (this.#left < 0) break
        this.#own = trusting && this.#isPlain()
        if (!this.#own) {
          trusting = false
          this.#deliver(chunk, first, out)
          first = out = 0
          this.#targets.pass(Buffer.from(this.#head.subarray(0, this.#headLength)))
        }
      }
      const count = Math.min(this.#left, end - at)
      if (this.#own) {
        if (first === out) first = out = at
        this.#unmask(view, at, out, count)
        out += count
      } else if (count > 0) this.#targets.pass(chunk.subarray(at, at + count))
      at += count
      this.#left -= count
      if (this.#left === 0) this.#endFrame()
    }
    this.#deliver(chunk, first, out)
  }

  #deliver({ buffer, byteOffset }: Buffer, first: number, out: number): void {
    if (out > first) this.#targets.deliver(new Uint8Array(buffer, byteOffset + first, out - first))
  }

  /** Reads on in a head, and sets `#left` to the length it tells, or below 0 while the head is not whole. */
  #readHead(chunk: Buffer, at: number): number {
    const head = this.#head
    while (at < chunk.length) {
      head[this.#headLength++] = chunk[at++]!
      if (this.#headLength === headLength(head, this.#headLength)) {
        this.#left = payloadLength(head)
        return at
      }
    }
    this.#left = -1
    return at
  }

  #isPlain(): boolean {
    const { masked, maxPayload } = this.#rules
    const head = this.#head
    const isMasked = head[1]! >= 0x80
    if (head[0] !== binary || isMasked !== masked || this.#fragmented || this.#left > maxPayload) return false
    const at = this.#headLength - 4
    this.#mask = isMasked ? new DataView(head.buffer).getUint32(at, true) : 0
    return true
  }

  /** Takes the mask off `count` bytes at `from`, which go to `to`: there or before. */
  // oxlint-disable-next-line max-params -- for every frame: an object for its arguments would cost more
  #unmask(view: DataView, from: number, to: number, count: number): void {
    const mask = this.#mask
    const last = from + count
    for (; from + 4 <= last; from += 4, to += 4) view.setUint32(to, view.getUint32(from, true) ^ mask, true)
    let rest = mask
    for (; from < last; from++, to++) {
      view.setUint8(to, view.getUint8(from) ^ (rest & 0xff))
      rest = (rest >>> 8) | (rest << 24)
    }
    // What follows in the next chunk begins in the middle of the mask.
    this.#mask = rest
  }

  #endFrame(): void {
    const first = this.#head[0]!
    this.#headLength = 0
    if ((first & 0xf) < close) this.#fragmented = first < 0x80
    else if ((first & 0xf) === close) this.#over = true
  }
}

/** Bytes of a head of which the first `known` are here; 2 before it can be told. */
function headLength(head: Uint8Array, known: number): number {
  if (known < 2) return 2
  const length = head[1]! & 0x7f
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (head[1]! >= 0x80 ? 4 : 0)
}

function payloadLength(head: Uint8Array): number {
  const short = head[1]! & 0x7f
  const view = new DataView(head.buffer)
  // Beyond 2^53 it is not exact. Nobody takes such a frame.
  return short < 126 ? short : short === 126 ? view.getUint16(2) : view.getUint32(2) * 2 ** 32 + view.getUint32(6)
}
