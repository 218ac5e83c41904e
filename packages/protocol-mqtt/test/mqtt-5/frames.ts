import { expect } from 'vitest'
import { hex } from '../codec/frames.ts'
import type { Bench } from '../harness.ts'
import { block, frame, string, type Wire, wire } from '../wire.ts'

// MQTT 5.0 byte by byte. Properties are given as hexadecimal digits, without their length.

/** What a CONNECT says beside its client id. */
export interface Hello {
  /** Connect flags; Clean Start alone unless given. */
  readonly flags?: string
  readonly properties?: string
  /** Will properties, will topic, will payload, user name, password: whatever the flags ask for. */
  readonly rest?: readonly Uint8Array[]
  /** Seconds. */
  readonly keepAlive?: number
}

/** CONNECT. */
export function connect(id: string, hello: Hello = {}): Uint8Array {
  const { flags = '02', properties = '', rest = [], keepAlive = 0 } = hello
  const seconds = Uint8Array.of(keepAlive >> 8, keepAlive & 255)
  return frame(0x10, '0004 4d515454 05', flags, seconds, block(properties), string(id), ...rest)
}

/** The end of the payload of a CONNECT that has a will. */
export function will(topic: string, payload: string, properties = ''): Uint8Array[] {
  return [block(properties), string(topic), string(payload)]
}

/** PUBLISH with this first byte. */
export function publish(
  first: number,
  topic: string,
  payload: string,
  rest: { id?: number; properties?: string } = {},
): Uint8Array {
  const { id, properties = '' } = rest
  const numbered = id === undefined ? hex('') : Uint8Array.of(id >> 8, id & 255)
  return frame(first, string(topic), numbered, block(properties), new TextEncoder().encode(payload))
}

/** SUBSCRIBE to filters, each with its options. */
export function subscribe(
  id: number,
  properties: string,
  ...filters: readonly (readonly [filter: string, options: number])[]
): Uint8Array {
  const pairs = filters.flatMap(([filter, options]) => [string(filter), Uint8Array.of(options)])
  return frame(0x82, Uint8Array.of(id >> 8, id & 255), block(properties), ...pairs)
}

/** SUBACK 0x90 or UNSUBACK 0xb0 with these codes. */
export function answer(first: number, id: number, ...codes: readonly number[]): Uint8Array {
  return frame(first, Uint8Array.of(id >> 8, id & 255, 0, ...codes))
}

/** UNSUBSCRIBE. */
export function unsubscribe(id: number, ...filters: readonly string[]): Uint8Array {
  return frame(0xa2, Uint8Array.of(id >> 8, id & 255, 0), ...filters.map((filter) => string(filter)))
}

/** PUBACK 0x40, PUBREC 0x50, PUBREL 0x62, PUBCOMP 0x70; a code of 0 is left out. */
export function ack(first: number, id: number, code = 0): Uint8Array {
  return frame(first, Uint8Array.of(id >> 8, id & 255), code === 0 ? '' : Uint8Array.of(code))
}

/** A connection that is let in. */
export async function login(b: Bench, id: string, hello: Hello = {}): Promise<Wire> {
  const client = wire(b)
  await client.says(connect(id, hello))
  expect(client.takes()[0]).toMatch(/^20 .. 0[01] 00 /)
  return client
}

/** A client that has subscribed to a filter with these options. */
export async function subscriber(b: Bench, filter: string, granted: number, properties = ''): Promise<Wire> {
  const client = await login(b, 'sub', { properties })
  await client.says(subscribe(1, '', [filter, granted]))
  client.hears(answer(0x90, 1, granted & 3))
  return client
}
