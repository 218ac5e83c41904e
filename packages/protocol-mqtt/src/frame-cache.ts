import type { Grant, Message, Qos } from '@isomq/kernel'
import { publishTemplate } from './codec/encode-publish.ts'
import type { ProtocolVersion, Publish } from './codec/packet.ts'
import type { PublishProperties } from './codec/packet-properties.ts'
import { propertiesOf } from './messages.ts'

/** A PUBLISH as it goes out to many, or as it came in: `packetIdAt` (counted from `start`) says where each one's own packet identifier goes. */
export interface Frame {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  /** 0 when there is none. */
  readonly packetIdAt: number
  /** Bytes of the payload. */
  readonly payloadLength: number
  /** What follows behind the end of `bytes`, which then comes before `end`. */
  readonly rest: readonly Uint8Array[] | undefined
  /** True: `bytes` are somebody's own, with his packet identifier. Others take copies. */
  claimed: boolean
}

const nobody = { identifiers: [] } as unknown as Grant

/**
 * Frames of the message that is being delivered just now, one for each way it can look: encoded for the first
 * subscriber that needs it, shared by the others.
 */
export class FrameCache {
  #message: Message | undefined
  #now = 0
  /** The packet it came in, where that is what goes out to somebody at QoS 0, and of which version it is. */
  #received: Publish | undefined
  #receivedV5 = false
  readonly #frames: (Frame | undefined)[] = Array.from({ length: 16 })
  #encoded = 0

  /** The message has just arrived as this packet: whoever gets it unchanged gets these very bytes. */
  prime(message: Message, publish: Publish, v5: boolean): void {
    this.#reset(message, message.timestamp)
    this.#received = publish
    this.#receivedV5 = v5
  }

  /** The frame for these header flags (QoS and retain as in the first byte). Properties are the message's own. */
  frame(message: Message, v5: boolean, header: number, now: number): Frame {
    // What is left of an expiry interval depends on the time.
    if (this.#message !== message || (message.expiresAt !== undefined && this.#now !== now)) this.#reset(message, now)
    if (header === 0 && this.#received !== undefined && this.#receivedV5 === v5) return this.#received
    const variant = (v5 ? 8 : 0) | header
    const known = this.#frames[variant]
    if (known !== undefined) return known
    const properties = v5 ? propertiesOf(message, nobody, now, 0) : undefined
    const frame = encodeFrame(message, { version: v5 ? 5 : 4, header, properties, topic: message.topic })
    this.#frames[variant] = frame
    this.#encoded++
    return frame
  }

  #reset(message: Message, now: number): void {
    this.#message = message
    this.#now = now
    this.#received = undefined
    if (this.#encoded === 0) return
    this.#frames.fill(undefined)
    this.#encoded = 0
  }
}

// From here on two pieces to write are less work than one copy.
const longPayload = 16_384

/** How a message looks to one subscriber. */
export interface Look {
  readonly version: ProtocolVersion
  /** QoS and retain as in the first byte. */
  readonly header: number
  readonly properties: PublishProperties | undefined
  /** Empty when an alias in the properties stands for it. */
  readonly topic: string
}

/** A frame with a packet identifier still to be written, where there is one. Its DUP is 0 [MQTT-4.3.1-1]. */
export function encodeFrame(message: Message, look: Look): Frame {
  const { version, header, properties, topic } = look
  const qos = ((header >> 1) & 3) as Qos
  const retain = (header & 1) !== 0
  const { payload } = message
  const publish = { topic, payload, qos, dup: false, retain, packetId: 0, properties }
  // A long payload is not copied behind its head: nobody changes it any more.
  const isLong = payload.length >= longPayload
  const { bytes, packetIdAt } = publishTemplate(publish, version, isLong ? 'head' : 'whole')
  const end = isLong ? bytes.length + payload.length : bytes.length
  const rest = isLong ? [payload] : undefined
  return { bytes, start: 0, end, packetIdAt, payloadLength: payload.length, rest, claimed: false }
}
