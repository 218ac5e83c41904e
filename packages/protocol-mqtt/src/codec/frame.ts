import { MalformedPacket } from './malformed-packet.ts'
import { type ProtocolVersion, packetName } from './packet.ts'
import { ReasonCode } from './reason-code.ts'
import { readText } from './text.ts'

/** An array without bytes, to point at when there is nothing to point at. */
export const noBytes: Uint8Array = new Uint8Array(0)

/**
 * A cursor over one whole frame. Each decoder has one and moves it from frame to frame. The readers move `at` and throw
 * `MalformedPacket` rather than pass `end`; `field` is what the error calls the thing being read.
 */
export class Frame {
  bytes: Uint8Array = noBytes
  /** Where the fixed header begins. */
  start = 0
  /** The next byte to read. */
  at = 0
  end = 0
  type = 0
  flags = 0
  /** 0 before CONNECT has told. */
  version: ProtocolVersion | 0 = 0
  readonly fromClient: boolean

  constructor(fromClient: boolean) {
    this.fromClient = fromClient
  }

  /** The error to throw for bytes that are no packet (0x81). */
  malformed(what: string): MalformedPacket {
    return this.fault(ReasonCode.MalformedPacket, what)
  }

  /** The error to throw for a packet that must not be sent (0x82). */
  forbidden(what: string): MalformedPacket {
    return this.fault(ReasonCode.ProtocolError, what)
  }

  /** The error to throw with a reason code of its own. */
  fault(reason: number, what: string): MalformedPacket {
    return new MalformedPacket(
      reason,
      `${packetName(this.type)}: ${what}`,
      this.version === 0 ? undefined : this.version,
    )
  }

  byte(field: string): number {
    if (this.at >= this.end) throw this.malformed(`${field} is missing`)
    return this.bytes[this.at++]!
  }

  uint16(field: string): number {
    const at = this.at
    if (at + 2 > this.end) throw this.malformed(`${field} is cut short`)
    this.at = at + 2
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!
  }

  uint32(field: string): number {
    const high = this.uint16(field)
    return high * 0x10000 + this.uint16(field)
  }

  /** A variable byte integer: at most four bytes, and the fewest that will do [MQTT-1.5.5-1]. */
  varint(field: string): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte(field)
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) throw this.malformed(`${field} is longer than it need be`)
        return value
      }
    }
    throw this.malformed(`${field} has more than four bytes`)
  }

  /** A string: its length in two bytes, then well-formed UTF-8 without U+0000. */
  text(field: string): string {
    const length = this.uint16(field)
    const start = this.at
    const end = start + length
    if (end > this.end) throw this.malformed(`${field} is cut short`)
    this.at = end
    const text = readText(this.bytes, start, end)
    if (text === undefined) throw this.malformed(`${field} is not UTF-8, or contains U+0000`)
    return text
  }

  /** Bytes after their length in two bytes: a view, not a copy. */
  binary(field: string): Uint8Array {
    const length = this.uint16(field)
    const start = this.at
    if (start + length > this.end) throw this.malformed(`${field} is cut short`)
    this.at = start + length
    return this.bytes.subarray(start, this.at)
  }

  /** A packet identifier: never zero [MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT-2.3.1-1 of 3.1.1]. */
  packetId(): number {
    const id = this.uint16('packet identifier')
    if (id === 0) throw this.forbidden('packet identifier is 0')
    return id
  }

  /** Throws when bytes are left that belong to no field. */
  done(): void {
    if (this.at !== this.end) throw this.malformed(`${this.end - this.at} bytes too many`)
  }
}

/** Whether a wildcard is among these bytes. Topic names have none [MQTT-3.3.2-2] [MQTT-4.7.1-1]. */
export function hasWildcard(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === 0x23 || bytes[i] === 0x2b) return true
  return false
}
