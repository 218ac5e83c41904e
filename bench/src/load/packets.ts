import type { QoS } from './plan.ts'

const KEEP_ALIVE_SECONDS = 300
/** Payload of every will. */
export const LAST_WORD = 'this client is gone'

function packet(header: number, body: Uint8Array): Buffer {
  const head = [header]
  let length = body.length
  do {
    const digit = length % 128
    length = (length - digit) / 128
    head.push(length > 0 ? digit | 128 : digit)
  } while (length > 0)
  return Buffer.concat([Uint8Array.from(head), body])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes])
}

/**
 * CONNECT of MQTT 3.1.1; `kept`: without a clean session; `will`: the topic of one, at QoS 0. Client ids of 23 characters or
 * fewer are understood by every broker.
 */
export function connectPacket(clientId: string, kept: boolean, will?: string): Buffer {
  const flags = (kept ? 0 : 2) | (will === undefined ? 0 : 4)
  const rest = Uint8Array.of(4, flags, KEEP_ALIVE_SECONDS >> 8, KEEP_ALIVE_SECONDS & 255)
  const last = will === undefined ? [] : [text(will), text(LAST_WORD)]
  return packet(0x10, Buffer.concat([text('MQTT'), rest, text(clientId), ...last]))
}

/** SUBSCRIBE to all filters at one QoS, packet id 1. */
export function subscribePacket(filters: readonly string[], qos: QoS): Buffer {
  const parts = filters.map((filter) => Buffer.concat([text(filter), Uint8Array.of(qos)]))
  return packet(0x82, Buffer.concat([Uint8Array.of(0, 1), ...parts]))
}

/** A PUBLISH with an empty stamp, and where in it the fields to patch are. */
export interface PublishTemplate {
  readonly bytes: Buffer
  /** Offset of the packet id; meaningless at QoS 0. */
  readonly packetIdAt: number
  readonly stampAt: number
  /** Behind the last byte of the topic. */
  readonly topicEnd: number
}

/** A PUBLISH of a publisher: everything but packet id, sequence and time is in place. */
export function publishTemplate(topic: string, publisher: number, payload: number, qos: QoS): PublishTemplate {
  const id = qos === 0 ? 0 : 2
  const body = Buffer.concat([text(topic), Buffer.alloc(id), Buffer.alloc(payload, 'isomq bench ')])
  const bytes = packet(0x30 | (qos << 1), body)
  const stampAt = bytes.length - payload
  bytes.writeUInt16BE(publisher, stampAt + 8)
  return { bytes, packetIdAt: stampAt - id, stampAt, topicEnd: stampAt - id }
}

/** Small packets that carry nothing but a packet id, collected to be sent in one write. */
export class AckBatch {
  #bytes: Buffer = Buffer.allocUnsafe(4096)
  #length = 0

  /** Appends PUBACK (0x40), PUBREC (0x50), PUBREL (0x62) or PUBCOMP (0x70). */
  add(header: number, packetId: number): void {
    if (this.#length + 4 > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, this.#bytes])
    const bytes = this.#bytes
    bytes[this.#length++] = header
    bytes[this.#length++] = 2
    bytes[this.#length++] = packetId >> 8
    bytes[this.#length++] = packetId & 255
  }

  /** All packets since the last call, in a buffer of their own; undefined when there are none. */
  take(): Buffer | undefined {
    if (this.#length === 0) return undefined
    const bytes = Buffer.from(this.#bytes.subarray(0, this.#length))
    this.#length = 0
    return bytes
  }
}
