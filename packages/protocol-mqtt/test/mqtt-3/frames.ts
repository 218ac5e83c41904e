import { expect } from 'vitest'
import { hex } from '../codec/frames.ts'
import type { Bench } from '../harness.ts'
import { frame, string, type Wire, wire } from '../wire.ts'

/** The versions that share these tests. They differ in CONNECT alone, and in that 3.1 knows no session present flag. */
export const versions = [3, 4] as const

/** One of them. */
export type Version = (typeof versions)[number]

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
