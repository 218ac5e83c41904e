import type { Qos } from '@isomq/kernel'
import { join } from './join.ts'
import type {
  AnswerProperties,
  AuthProperties,
  ConnackProperties,
  ConnectProperties,
  DisconnectProperties,
  PublishProperties,
  SubscribeProperties,
  UnsubscribeProperties,
  WillProperties,
} from './packet-properties.ts'

import { shelve } from './shelf.ts'

/** The packet types by their number on the wire: the upper four bits of the first byte (section 2.1.2). */
export const PacketType = {
  Connect: 1,
  Connack: 2,
  Publish: 3,
  Puback: 4,
  Pubrec: 5,
  Pubrel: 6,
  Pubcomp: 7,
  Subscribe: 8,
  Suback: 9,
  Unsubscribe: 10,
  Unsuback: 11,
  Pingreq: 12,
  Pingresp: 13,
  Disconnect: 14,
  Auth: 15,
} as const

/** A number that is a packet type. */
export type PacketType = (typeof PacketType)[keyof typeof PacketType]

/** The protocol level of CONNECT: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. */
export type ProtocolVersion = 3 | 4 | 5

/** The message a server publishes for a client that went away without a farewell. Its bytes belong to the packet alone. */
export interface Will {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  readonly properties?: WillProperties | undefined
}

/** CONNECT. `cleanStart` is what 3.x calls Clean Session; `keepAlive` is seconds. Its bytes are copies: they may be kept. */
export interface Connect {
  readonly type: typeof PacketType.Connect
  readonly version: ProtocolVersion
  readonly cleanStart: boolean
  readonly keepAlive: number
  readonly clientId: string
  readonly will?: Will | undefined
  readonly username?: string | undefined
  readonly password?: Uint8Array | undefined
  readonly properties?: ConnectProperties | undefined
}

/** CONNACK. `reasonCode` is the return code 0 to 5 in 3.x. */
export interface Connack {
  readonly type: typeof PacketType.Connack
  readonly sessionPresent: boolean
  readonly reasonCode: number
  readonly properties?: ConnackProperties | undefined
}

/** PUBLISH as it came in. It points into the chunk it arrived in; whoever keeps it longer than the tick calls `keep` first. */
export class Publish {
  readonly type: typeof PacketType.Publish
  bytes: Uint8Array
  /** Where the whole frame begins in `bytes`: its fixed header. */
  start: number
  /** Where the frame and its payload end. */
  end: number
  payloadStart: number
  readonly qos: Qos
  readonly dup: boolean
  readonly retain: boolean
  /** Empty only in MQTT 5.0 with a topic alias. */
  readonly topic: string
  /** 0 when QoS is 0. */
  readonly packetId: number
  /** Undefined when there are none, as always before MQTT 5.0. */
  properties: PublishProperties | undefined
  /** Pieces of the payload that follow behind `bytes`, which then ends before `end`. Undefined when there are none. */
  rest: readonly Uint8Array[] | undefined = undefined
  /** True: the bytes are those of somebody who gets it, with his packet identifier. */
  claimed = false

  // One call with every field keeps the shape of the object, and so the speed of all its readers.
  // oxlint-disable-next-line max-params
  constructor(
    bytes: Uint8Array,
    start: number,
    end: number,
    payloadStart: number,
    flags: number,
    topic: string,
    packetId: number,
    properties: PublishProperties | undefined,
  ) {
    this.type = PacketType.Publish
    this.bytes = bytes
    this.start = start
    this.end = end
    this.payloadStart = payloadStart
    this.qos = ((flags >> 1) & 3) as Qos
    this.dup = (flags & 8) !== 0
    this.retain = (flags & 1) !== 0
    this.topic = topic
    this.packetId = packetId
    this.properties = properties
  }

  /** Bytes of the payload. */
  get payloadLength(): number {
    return this.end - this.payloadStart
  }

  /** Where the packet identifier is, counted from `start`; 0 when there is none. */
  get packetIdAt(): number {
    if (this.qos === 0) return 0
    const { bytes, start } = this
    // The remaining length ends with the first byte below 0x80; behind it is the topic.
    let at = start + 1
    while (bytes[at]! >= 0x80) at++
    return at + 3 + ((bytes[at + 1]! << 8) | bytes[at + 2]!) - start
  }

  /** Moves it to bytes that hold not much else, where it may stay. */
  keep(): void {
    const { bytes, start, end, properties, rest } = this
    const { correlationData } = properties ?? {}
    if (correlationData !== undefined)
      this.properties = { ...properties, correlationData: new Uint8Array(correlationData) }
    if (rest === undefined) {
      const { bytes: block, at } = shelve(bytes, start, end)
      return this.#move(block, at)
    }
    // Long pieces of chunks are mostly its own.
    const held = rest.reduce((sum, piece) => sum + piece.buffer.byteLength, bytes.buffer.byteLength)
    if (held <= 2 * (end - start)) return
    this.rest = undefined
    this.#move(join([bytes.subarray(start), ...rest]), 0)
  }

  #move(bytes: Uint8Array, at: number): void {
    const by = at - this.start
    this.bytes = bytes
    this.start = at
    this.end += by
    this.payloadStart += by
  }

  /** The payload, made anew at each call: a view of `bytes`, or a copy when it lies in pieces. */
  get payload(): Uint8Array {
    const here = this.bytes.subarray(this.payloadStart, this.end)
    return this.rest === undefined ? here : join([here, ...this.rest])
  }
}

/** A PUBLISH to be sent. A received `Publish` fits. `packetId` counts only when QoS > 0, `properties` only in MQTT 5.0. */
export interface OutgoingPublish {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly dup: boolean
  readonly retain: boolean
  readonly packetId: number
  readonly properties?: PublishProperties | undefined
}

/** What PUBACK, PUBREC, PUBREL and PUBCOMP have in common. `reasonCode` is 0 in 3.x. */
export interface Ack<Type extends PacketType = AckType> {
  readonly type: Type
  readonly packetId: number
  readonly reasonCode: number
  readonly properties?: AnswerProperties | undefined
}

/** The types of the four packets that acknowledge a PUBLISH step by step. */
export type AckType = 4 | 5 | 6 | 7

/** PUBACK: the answer to QoS 1. */
export type Puback = Ack<typeof PacketType.Puback>

/** PUBREC: the first answer to QoS 2. */
export type Pubrec = Ack<typeof PacketType.Pubrec>

/** PUBREL: the sender lets go of a QoS 2 message. */
export type Pubrel = Ack<typeof PacketType.Pubrel>

/** PUBCOMP: the end of QoS 2. */
export type Pubcomp = Ack<typeof PacketType.Pubcomp>

/** One line of a SUBSCRIBE. The last three are false, false and 0 before MQTT 5.0. */
export interface FilterRequest {
  /** Not empty and well-formed text; whether it is a good filter is for the reader to judge. */
  readonly filter: string
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
}

/** SUBSCRIBE, with at least one filter. */
export interface Subscribe {
  readonly type: typeof PacketType.Subscribe
  readonly packetId: number
  readonly filters: readonly FilterRequest[]
  readonly properties?: SubscribeProperties | undefined
}

/** SUBACK: one code per filter, in order [MQTT-3.9.3-1]. */
export interface Suback {
  readonly type: typeof PacketType.Suback
  readonly packetId: number
  readonly reasonCodes: readonly number[]
  readonly properties?: AnswerProperties | undefined
}

/** UNSUBSCRIBE, with at least one filter. */
export interface Unsubscribe {
  readonly type: typeof PacketType.Unsubscribe
  readonly packetId: number
  readonly filters: readonly string[]
  readonly properties?: UnsubscribeProperties | undefined
}

/** UNSUBACK: one code per filter, in order [MQTT-3.11.3-1]; no codes before MQTT 5.0. */
export interface Unsuback {
  readonly type: typeof PacketType.Unsuback
  readonly packetId: number
  readonly reasonCodes: readonly number[]
  readonly properties?: AnswerProperties | undefined
}

/** PINGREQ. */
export interface Pingreq {
  readonly type: typeof PacketType.Pingreq
}

/** PINGRESP. */
export interface Pingresp {
  readonly type: typeof PacketType.Pingresp
}

/** DISCONNECT. `reasonCode` is 0 in 3.x. */
export interface Disconnect {
  readonly type: typeof PacketType.Disconnect
  readonly reasonCode: number
  readonly properties?: DisconnectProperties | undefined
}

/** AUTH, MQTT 5.0 only. */
export interface Auth {
  readonly type: typeof PacketType.Auth
  readonly reasonCode: number
  readonly properties?: AuthProperties | undefined
}

/** Any packet but PUBLISH: these look the same coming in and going out. */
export type ControlPacket =
  | Connect
  | Connack
  | Puback
  | Pubrec
  | Pubrel
  | Pubcomp
  | Subscribe
  | Suback
  | Unsubscribe
  | Unsuback
  | Pingreq
  | Pingresp
  | Disconnect
  | Auth

/** What a decoder yields. Tell them apart by `type`. */
export type Packet = ControlPacket | Publish

/** What an encoder takes. Every `Packet` is one. */
export type OutgoingPacket = ControlPacket | (OutgoingPublish & { readonly type: typeof PacketType.Publish })

const names: readonly string[] =
  'RESERVED CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT AUTH'.split(
    ' ',
  )

/** The name of a packet type as the specification writes it; `RESERVED` for anything that is no type. */
export function packetName(type: number): string {
  return names[type] ?? 'RESERVED'
}
