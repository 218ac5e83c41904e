import { expect } from 'vitest'
import { hex, join } from './codec/frames.ts'
import type { Bench } from './harness.ts'

// MQTT byte by byte: neither our encoder nor our decoder has a hand in what is sent and expected.

/** A client's end of a connection. */
export interface Wire {
  readonly ended: boolean
  /** Sends frames in one piece and lets the broker work until it is quiet. */
  says(...frames: readonly Uint8Array[]): Promise<void>
  /** Throws unless exactly these frames have come since the last time. */
  hears(...frames: readonly Uint8Array[]): void
  /** The frames that have come since the last time, as hexadecimal digits. */
  takes(): string[]
  drop(): Promise<void>
}

/** A connection on which nothing was sent. */
export function wire(b: Bench): Wire {
  const client = b.dial(4)
  const taken = (): Uint8Array => join(...client.chunks.splice(0))
  return {
    get ended() {
      return client.closed
    },
    says: (...frames) => client.rawBytes(join(...frames)),
    hears: (...frames) => expect(split(taken())).toEqual(split(join(...frames))),
    takes: () => split(taken()),
    drop: () => client.drop(),
  }
}

/** Bytes as hexadecimal digits. */
export function digits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}

/** The frames these bytes are made of. */
function split(bytes: Uint8Array): string[] {
  const frames: string[] = []
  for (let at = 0; at < bytes.length;) {
    let [length, shift, body] = [0, 0, at + 1]
    for (let more = true; more; shift += 7) {
      const byte = bytes[body++]!
      length |= (byte & 127) << shift
      more = byte > 127
    }
    frames.push(digits(bytes.subarray(at, body + length)))
    at = body + length
  }
  return frames
}

/** A string as it is on the wire. */
export function string(bytes: Uint8Array | string): Uint8Array {
  const content = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
  return join(Uint8Array.of(content.length >> 8, content.length & 255), content)
}

/** A frame of hexadecimal pieces and bytes as they are. */
export function frame(first: number, ...pieces: readonly (string | Uint8Array)[]): Uint8Array {
  return join(Uint8Array.of(first), block(...pieces))
}

/** These pieces behind their length, as properties are. */
export function block(...pieces: readonly (string | Uint8Array)[]): Uint8Array {
  const body = join(...pieces.map((piece) => (typeof piece === 'string' ? hex(piece) : piece)))
  const length: number[] = []
  for (let left = body.length; left > 0 || length.length === 0; left = Math.floor(left / 128))
    length.push((left % 128) + (left > 127 ? 128 : 0))
  return join(Uint8Array.from(length), body)
}

/** PINGREQ, PINGRESP and DISCONNECT. */
export const [pingreq, pingresp, disconnect] = [hex('c000'), hex('d000'), hex('e000')]
