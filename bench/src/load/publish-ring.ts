import { FRESH_DIGITS, topicsOf } from './names.ts'
import { publishTemplate } from './packets.ts'
import type { LoadPlan } from './plan.ts'
import { MASK, wsFrame } from './ws-frames.ts'

const MAX_WRITE_BYTES = 64 * 1024

/**
 * The packets of one publisher, laid out once. A batch is one copy of a stretch of the ring with a few bytes patched
 * per message, which is why the load costs far less than the broker.
 */
export class PublishRing {
  readonly #ring: Buffer
  readonly #frame: number
  readonly #count: number
  readonly #mask: readonly number[]
  readonly #stampAt: number
  readonly #packetIdAt: number
  /** Where the digits of a new topic are; -1 without. */
  readonly #freshAt: number

  constructor(plan: LoadPlan, publisher: number) {
    const webSocket = plan.target.kind === 'websocket'
    const topics = topicsOf(plan, publisher)
    const template = publishTemplate(topics[0]!, publisher, plan.payload, plan.qos)
    const frames = topics.map((topic) => {
      const { bytes } = publishTemplate(topic, publisher, plan.payload, plan.qos)
      return webSocket ? wsFrame(bytes) : bytes
    })
    this.#frame = frames[0]!.length
    const perWrite = Math.max(1, Math.min(plan.window, Math.floor(MAX_WRITE_BYTES / this.#frame)))
    const rounds = Math.ceil(perWrite / topics.length)
    this.#ring = Buffer.concat(Array.from({ length: rounds }, () => frames).flat())
    this.#count = rounds * topics.length
    const head = this.#frame - template.bytes.length
    this.#stampAt = template.stampAt + head
    this.#packetIdAt = plan.qos === 0 ? -1 : template.packetIdAt + head
    if (plan.fresh && webSocket) throw new Error('new topics go over TCP only')
    this.#freshAt = plan.fresh ? template.topicEnd - FRESH_DIGITS : -1
    // The mask counts from the first byte behind the frame's head.
    this.#mask = [0, 1, 2, 3].map((i) => (webSocket ? MASK[(i - head) & 3]! : 0))
  }

  /** Bytes for up to `wanted` messages from `first` on, and how many it holds (fewer at the ring's end). */
  batch(first: number, wanted: number, micros: number): { bytes: Buffer; count: number } {
    const start = first % this.#count
    const most = Math.max(1, Math.floor(MAX_WRITE_BYTES / this.#frame))
    const count = Math.min(wanted, this.#count - start, most)
    const frame = this.#frame
    const bytes = Buffer.from(this.#ring.subarray(start * frame, (start + count) * frame))
    for (let i = 0; i < count; i++) this.#patch(bytes, i * frame, first + i, micros)
    return { bytes, count }
  }

  #patch(bytes: Buffer, frame: number, sequence: number, micros: number): void {
    const at = frame + this.#stampAt
    const mask = this.#mask
    const m0 = mask[this.#stampAt & 3]!
    const m1 = mask[(this.#stampAt + 1) & 3]!
    const m2 = mask[(this.#stampAt + 2) & 3]!
    const m3 = mask[(this.#stampAt + 3) & 3]!
    bytes[at] = (sequence >>> 24) ^ m0
    bytes[at + 1] = (sequence >>> 16) ^ m1
    bytes[at + 2] = (sequence >>> 8) ^ m2
    bytes[at + 3] = sequence ^ m3
    bytes[at + 4] = (micros >>> 24) ^ m0
    bytes[at + 5] = (micros >>> 16) ^ m1
    bytes[at + 6] = (micros >>> 8) ^ m2
    bytes[at + 7] = micros ^ m3
    if (this.#freshAt >= 0) writeDigits(bytes, frame + this.#freshAt, sequence)
    if (this.#packetIdAt < 0) return
    const packetId = packetIdOf(sequence)
    bytes[frame + this.#packetIdAt] = (packetId >>> 8) ^ mask[this.#packetIdAt & 3]!
    bytes[frame + this.#packetIdAt + 1] = packetId ^ mask[(this.#packetIdAt + 1) & 3]!
  }
}

/** The number in base 16, `a` for 0: no two messages of a run have the same. */
function writeDigits(bytes: Buffer, at: number, sequence: number): void {
  let rest = sequence
  for (let i = at + FRESH_DIGITS - 1; i >= at; i--) {
    bytes[i] = 0x61 + (rest & 15)
    rest >>>= 4
  }
}

/** Packet ids go round 1…65535; the window is far smaller, so none is in use twice. */
function packetIdOf(sequence: number): number {
  return (sequence % 65535) + 1
}
