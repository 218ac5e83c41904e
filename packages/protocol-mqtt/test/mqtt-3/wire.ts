import { expect } from 'vitest'
import { hex, join } from '../codec/frames.ts'
import type { Bench } from '../harness.ts'
import { frame, string } from '../malformed/refusals.ts'

// MQTT 3.1 and 3.1.1 byte by byte: neither our encoder nor our decoder has a hand in what is sent and expected.

/** The versions that share these tests. They differ in CONNECT alone, and in that 3.1 knows no session present flag. */
export const versions = [3, 4] as const

/** One of them. */
export type Version = (typeof versions)[number]

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
    says: (...frames) => client.raw(...join(...frames)),
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

/** CONNECT with these flags; `rest` is what follows the client id. */
export function connect(version: Version, id: string, flags: string, ...rest: readonly Uint8Array[]): Uint8Array {
  const head = version === 4 ? '0004 4d515454 04' : '0006 4d5149736470 03'
  return frame(0x10, head, flags, '0000', string(id), ...rest)
}

/** CONNACK. */
export function connack(code: number, present = 0): Uint8Array {
  return Uint8Array.of(0x20, 2, present, code)
}

/** PUBLISH with this first byte. */
export function publish(first: number, topic: string, payload: string, id?: number): Uint8Array {
  const numbered = id === undefined ? hex('') : Uint8Array.of(id >> 8, id & 255)
  return frame(first, string(topic), numbered, new TextEncoder().encode(payload))
}

/** PUBACK 0x40, PUBREC 0x50, PUBREL 0x62, PUBCOMP 0x70, UNSUBACK 0xb0. */
export function ack(first: number, id: number): Uint8Array {
  return Uint8Array.of(first, 2, id >> 8, id & 255)
}

/** SUBSCRIBE to filters, each with its QoS. */
export function subscribe(id: number, ...filters: readonly (readonly [filter: string, qos: number])[]): Uint8Array {
  const pairs = filters.flatMap(([filter, qos]) => [string(filter), Uint8Array.of(qos)])
  return frame(0x82, Uint8Array.of(id >> 8, id & 255), ...pairs)
}

/** SUBACK. */
export function suback(id: number, ...codes: readonly number[]): Uint8Array {
  return frame(0x90, Uint8Array.of(id >> 8, id & 255, ...codes))
}

/** UNSUBSCRIBE. */
export function unsubscribe(id: number, ...filters: readonly string[]): Uint8Array {
  return frame(0xa2, Uint8Array.of(id >> 8, id & 255), ...filters.map((filter) => string(filter)))
}

/** PINGREQ, PINGRESP and DISCONNECT. */
export const [pingreq, pingresp, disconnect] = [hex('c000'), hex('d000'), hex('e000')]

/** A connection that is let in: with a clean session unless `flags` say otherwise. */
export async function login(b: Bench, version: Version, id: string, flags = '02'): Promise<Wire> {
  const client = wire(b)
  await client.says(connect(version, id, flags))
  expect(client.takes()[0]).toMatch(/^20 02 0[01] 00$/)
  return client
}

/** Topic and payload of a PUBLISH, without its packet identifier. */
export function text(frame: string): string {
  const bytes = hex(frame)
  const end = 4 + bytes[3]!
  const start = (bytes[0]! & 6) === 0 ? end : end + 2
  const decoder = new TextDecoder()
  return `${decoder.decode(bytes.subarray(4, end))} ${decoder.decode(bytes.subarray(start))}`
}
