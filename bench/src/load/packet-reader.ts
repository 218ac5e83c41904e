/** A PUBLISH as far as the load looks at it. The reader uses one such object again and again. */
export interface Arrival {
  qos: number
  /** 0 at QoS 0. */
  packetId: number
  publisher: number
  sequence: number
  /** When it was sent, by the machine's monotonic clock; the low 32 bits. */
  micros: number
}

/** What the load wants to know of a byte stream from a broker. */
export interface PacketHandler {
  /** One whole PUBLISH. The arrival is only valid during the call. */
  publish(arrival: Arrival): void
  /** Any other packet. `value` is its first two bytes (a packet id, or flags and code of a CONNACK). */
  control(header: number, value: number, body: Buffer): void
}

const EMPTY = Buffer.alloc(0)

/** Reads MQTT packets out of chunks of any size. Of a PUBLISH only the stamp is looked at, so large payloads cost no copy. */
export class PacketReader {
  readonly #handler: PacketHandler
  readonly #payload: number
  #rest: Buffer = EMPTY
  #skip = 0
  readonly #arrival: Arrival = { qos: 0, packetId: 0, publisher: 0, sequence: 0, micros: 0 }

  /** `payload`: the length every payload must have; another one throws, for then bytes were lost or mixed. */
  constructor(handler: PacketHandler, payload: number) {
    this.#handler = handler
    this.#payload = payload
  }

  /** Takes the next bytes. They may be overwritten as soon as this returns. */
  push(chunk: Buffer): void {
    let bytes = chunk
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, chunk.length)
      this.#skip -= skipped
      if (this.#skip > 0) return
      this.#handler.publish(this.#arrival)
      bytes = chunk.subarray(skipped)
    } else if (this.#rest.length > 0) {
      bytes = Buffer.concat([this.#rest, chunk])
    }
    const at = this.#packets(bytes)
    this.#rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : EMPTY
  }

  #packets(bytes: Buffer): number {
    const end = bytes.length
    let at = 0
    while (end - at >= 2) {
      let body = at + 1
      let length = 0
      let shift = 0
      let digit = 128
      while (digit >= 128 && body < end) {
        digit = bytes[body++]!
        length += (digit & 127) << shift
        shift += 7
      }
      if (digit >= 128) return at
      const header = bytes[at]!
      const next = body + length
      if (header >> 4 !== 3) {
        if (next > end) return at
        const value = length >= 2 ? (bytes[body]! << 8) | bytes[body + 1]! : 0
        this.#handler.control(header, value, bytes.subarray(body, next))
      } else if (!this.#publish(bytes, header, body, next)) return at
      at = Math.min(next, end)
    }
    return at
  }

  #publish(bytes: Buffer, header: number, body: number, next: number): boolean {
    const end = bytes.length
    const qos = (header >> 1) & 3
    const stamp = next - this.#payload
    if (stamp + 10 > end) return false
    const topic = (bytes[body]! << 8) | bytes[body + 1]!
    if (body + 2 + topic + (qos > 0 ? 2 : 0) !== stamp) throw new Error('a PUBLISH has an unexpected length')
    const arrival = this.#arrival
    arrival.qos = qos
    arrival.packetId = qos > 0 ? (bytes[stamp - 2]! << 8) | bytes[stamp - 1]! : 0
    arrival.sequence = u32(bytes, stamp)
    arrival.micros = u32(bytes, stamp + 4)
    arrival.publisher = (bytes[stamp + 8]! << 8) | bytes[stamp + 9]!
    if (next <= end) this.#handler.publish(arrival)
    else this.#skip = next - end
    return true
  }
}

function u32(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
