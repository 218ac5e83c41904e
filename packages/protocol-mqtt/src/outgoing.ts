import {
  type Consumer,
  DeliveryFlag,
  type ErrorCode,
  type Grant,
  type Host,
  type Load,
  type Message,
} from '@isomq/kernel'
import { PacketType } from './codec/packet.ts'
import { writeAck, writeUint16 } from './codec/encode-publish.ts'
import { encodeFrame, type Frame, type FrameCache } from './frame-cache.ts'
import type { Login } from './handle-connect.ts'
import { propertiesOf, PublishedMessage } from './messages.ts'
import type { Output } from './output.ts'

/** What a client said in CONNECT about what it takes. */
export interface Appetite {
  readonly v5: boolean
  /** [MQTT-3.3.4-9] [MQTT-3.3.4-10] [MQTT-4.9.0-2] [MQTT-4.9.0-3] */
  readonly receiveMaximum: number
  /** [MQTT-3.1.2-24] */
  readonly maxPacketSize: number
  /** [MQTT-3.1.2-26] [MQTT-3.1.2-27] */
  readonly topicAliasMaximum: number
}

/** The delivering side of one client: messages in, PUBLISH and PUBREL frames out. */
export class Outgoing implements Consumer {
  readonly credit: number
  /** How the client came in. */
  readonly login: Login
  readonly #output: Output
  readonly #cache: FrameCache
  readonly #appetite: Appetite
  readonly #host: Host
  readonly #client: { ended(reason: ErrorCode): void }
  /** Topics that have an alias on this connection [MQTT-3.3.2-7]. */
  #aliases: Map<string, number> | undefined

  constructor(
    output: Output,
    cache: FrameCache,
    host: Host,
    rest: { login: Login; client: { ended(reason: ErrorCode): void } },
  ) {
    this.#output = output
    this.#cache = cache
    this.#host = host
    this.login = rest.login
    this.#appetite = rest.login.appetite
    this.#client = rest.client
    this.credit = this.#appetite.receiveMaximum
  }

  get load(): Load {
    return this.#output.load
  }

  deliver(message: Message, grant: Grant, tag: number, flags: number): boolean {
    const { v5, maxPacketSize, topicAliasMaximum } = this.#appetite
    // [MQTT-3.3.1-12] [MQTT-3.3.1-13]; what is sent because it is retained says so [MQTT-3.3.1-8 of 3.1.1].
    const retain = (flags & DeliveryFlag.retained) !== 0 || (grant.retainAsPublished && message.retain) ? 1 : 0
    const header = ((flags & DeliveryFlag.qos) << 1) | retain
    let frame: Frame
    try {
      if (v5 && (topicAliasMaximum > 0 || grant.identifiers.length > 0)) frame = this.#own(message, grant, header)
      else frame = (tag > 0 && asReceived(message, v5)) || this.#shared(message, header)
    } catch (error) {
      // What another protocol brought may have no form in this one.
      if (error instanceof RangeError) return false
      throw error
    }
    if (frame.end - frame.start > maxPacketSize) return false // [MQTT-3.1.2-25]
    this.#output.publish(frame.payloadLength)
    // [MQTT-4.3.2-1] [MQTT-4.3.3-1]: the kernel gives each delivery a tag of its own.
    if (tag === 0) this.#write(frame)
    // [MQTT-3.3.1-1] [MQTT-3.3.1-3] [MQTT-4.3.2-2] [MQTT-4.3.3-2]
    else this.#writeTagged(frame, tag, 0x30 | header | ((flags & DeliveryFlag.redelivered) !== 0 ? 8 : 0))
    return true
  }

  // [MQTT-4.3.3-4] [MQTT-4.3.3-5] [MQTT-4.3.3-6]
  confirm(tag: number): void {
    const output = this.#output
    output.packet(PacketType.Pubrel)
    output.reserve(4)
    writeAck(output.room, output.place - 4, PacketType.Pubrel, tag)
  }

  end(reason: ErrorCode): void {
    this.#client.ended(reason)
  }

  #write({ bytes, start, end, rest }: Frame): void {
    if (rest === undefined) return this.#output.write(bytes, start, end)
    this.#output.write(bytes, start, bytes.length)
    for (const piece of rest) this.#output.write(piece, 0, piece.length)
  }

  /** The first byte and the packet identifier are this receiver's own: the first one to come has the frame itself, all others a copy of it. */
  #writeTagged(frame: Frame, tag: number, first: number): void {
    if (frame.claimed) return this.#writeCopy(frame, tag, first)
    frame.claimed = true
    const { bytes, start, packetIdAt } = frame
    bytes[start] = first
    writeUint16(bytes, start + packetIdAt, tag)
    this.#write(frame)
  }

  /** Copies the frame up to its packet identifier; a long rest is shared. */
  #writeCopy({ bytes, start, end: whole, packetIdAt, rest }: Frame, tag: number, first: number): void {
    const output = this.#output
    const end = rest === undefined ? whole : bytes.length
    const afterId = start + packetIdAt + 2
    const copied = end - afterId < 4096 ? end - start : packetIdAt + 2
    output.reserve(copied)
    const at = output.place - copied
    const { room } = output
    room.set(copied === bytes.length ? bytes : bytes.subarray(start, start + copied), at)
    room[at] = first
    writeUint16(room, at + packetIdAt, tag)
    if (start + copied < end) output.write(bytes, start + copied, end)
    if (rest !== undefined) for (const piece of rest) output.write(piece, 0, piece.length)
  }

  #shared(message: Message, header: number): Frame {
    const now = message.expiresAt === undefined ? 0 : this.#host.clock.now()
    return this.#cache.frame(message, this.#appetite.v5, header, now)
  }

  /** A frame that only this client can read: with its identifiers, its aliases, or both. */
  #own(message: Message, grant: Grant, header: number): Frame {
    const { topic } = message
    const { topicAliasMaximum, maxPacketSize } = this.#appetite
    const aliases = (this.#aliases ??= new Map())
    const known = aliases.get(topic)
    if (known !== undefined) return this.#encode(message, grant, header, known)
    const next = aliases.size + 1 // [MQTT-3.3.2-11]
    if (next > topicAliasMaximum) return this.#encode(message, grant, header, 0)
    const frame = this.#encode(message, grant, header, next)
    // Too large a packet is not sent, and so teaches the client no alias; without one it may be small enough.
    if (frame.end - frame.start > maxPacketSize) return this.#encode(message, grant, header, 0)
    aliases.set(topic, next)
    return frame
  }

  #encode(message: Message, grant: Grant, header: number, alias: number): Frame {
    const properties = propertiesOf(message, grant, this.#host.clock.now(), alias)
    // Aliases are given in order: up to here the client has learned them.
    const topic = alias > 0 && alias <= (this.#aliases?.size ?? 0) ? '' : message.topic
    return encodeFrame(message, { version: 5, header, properties, topic })
  }
}

function asReceived(message: Message, v5: boolean): Frame | undefined {
  return message instanceof PublishedMessage ? message.frame(v5) : undefined
}
