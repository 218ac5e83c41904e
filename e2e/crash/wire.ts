import { field, frame } from '../support/raw.ts'

/** Protocol levels spoken here: 3.1.1 and 5. */
export type Version = 4 | 5

/** Quality of service of everything that is checked here. */
export type Qos = 1 | 2

/** First bytes of packets with nothing but an identifier. */
export const Ack = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const

/** PINGREQ. */
export const ping: Buffer = Buffer.from([0xc0, 0])

/** DISCONNECT, the will with it forgotten. */
export const farewell: Buffer = Buffer.from([0xe0, 0])

/** A will, MQTT 5. */
export interface WillFields {
  readonly topic: string
  readonly payload: string
  readonly qos: Qos
  /** Seconds. */
  readonly delay: number
}

/** CONNECT; without `clean` the session is kept for an hour. */
export function connect(id: string, version: Version, clean: boolean, will?: WillFields): Buffer {
  const flags = (clean ? 2 : 0) | (will === undefined ? 0 : 4 | (will.qos << 3))
  const head = Buffer.concat([field('MQTT'), Buffer.from([version, flags, 0, 0])])
  const properties = Buffer.from(version === 4 ? [] : clean ? [0] : [5, 0x11, 0, 0, 0x0e, 0x10])
  const last =
    will === undefined
      ? Buffer.alloc(0)
      : Buffer.concat([Buffer.from([5, 0x18, 0, 0, 0, will.delay]), field(will.topic), field(will.payload)])
  return frame(0x10, head, properties, field(id), last)
}

/** What a PUBLISH says. */
export interface Publish {
  readonly topic: string
  readonly payload: string
  readonly qos: number
  readonly retain: boolean
  readonly dup: boolean
  /** Packet identifier. */
  readonly id: number
}

/** PUBLISH without properties. */
export function publish(version: Version, { topic, payload, qos, retain, dup, id }: Publish): Buffer {
  const first = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
  return frame(first, field(topic), number(id), Buffer.from(version === 5 ? [0] : []), Buffer.from(payload))
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP that says yes. */
export function ack(first: number, id: number): Buffer {
  return frame(first, number(id))
}

/** SUBSCRIBE. */
export function subscribe(version: Version, id: number, filters: readonly string[], qos: number): Buffer {
  const properties = Buffer.from(version === 5 ? [0] : [])
  return frame(0x82, number(id), properties, ...filters.flatMap((filter) => [field(filter), Buffer.from([qos])]))
}

/** UNSUBSCRIBE. */
export function unsubscribe(version: Version, id: number, filter: string): Buffer {
  return frame(0xa2, number(id), Buffer.from(version === 5 ? [0] : []), field(filter))
}

/** The parts of a PUBLISH that came with these flags and this body. Its properties are passed over. */
export function parsePublish(version: Version, flags: number, body: Buffer): Publish {
  const end = 2 + body.readUInt16BE(0)
  const qos = (flags >> 1) & 3
  let at = end + (qos > 0 ? 2 : 0)
  if (version === 5) {
    // None here is longer than a byte tells.
    at += 1 + (body[at] ?? 0)
  }
  return {
    topic: body.toString('utf8', 2, end),
    payload: body.toString('utf8', at),
    qos,
    retain: (flags & 1) === 1,
    dup: (flags & 8) !== 0,
    id: qos > 0 ? body.readUInt16BE(end) : 0,
  }
}

function number(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}
