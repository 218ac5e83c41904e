import { type Role, admission, refusal } from './admission.ts'
import { decodeConnect } from './decode-connect.ts'
import { decodeAck, decodePublish } from './decode-publish.ts'
import { decodeAuth, decodeConnack, decodeDisconnect, decodePingreq, decodePingresp } from './decode-session.ts'
import { decodeSuback, decodeSubscribe, decodeUnsuback, decodeUnsubscribe } from './decode-subscribe.ts'
import { Frame, noBytes } from './frame.ts'
import { MalformedPacket } from './malformed-packet.ts'
import { type Packet, PacketType, type ProtocolVersion } from './packet.ts'
import { ReasonCode } from './reason-code.ts'
import { TopicCache } from './topic-cache.ts'

/** What a decoder needs to know from the start. */
export interface DecoderOptions {
  /** Who is reading. */
  readonly role: Role
  /** Largest frame accepted, in bytes, its fixed header included. */
  readonly maxPacketSize: number
  /**
   * The protocol spoken. A server leaves it out: its first packet must be CONNECT, which tells. A server that gives it
   * takes CONNECT as past. A client gives what its CONNECT said (4 when left out).
   */
  readonly version?: ProtocolVersion | undefined
}

// One for all connections: they talk about the same topics. Made when first needed: it takes a megabyte.
let sharedTopics: TopicCache | undefined

// What is reserved at once for a frame that comes in pieces; from there on as much again as has arrived.
const firstRoom = 256

/**
 * Turns chunks of bytes, cut anywhere, into packets. The reader pulls: it may stop after any packet and go on later.
 * Packets point into the chunks, which the caller has given away; only a frame that spans chunks is copied, once.
 */
export class Decoder {
  /** Largest frame accepted, in bytes. May be changed between packets. */
  maxPacketSize: number
  readonly #frame: Frame
  readonly #topics: TopicCache
  #admitted: Uint8Array
  #chunk: Uint8Array = noBytes
  #at = 0
  // Chunks behind #chunk, from #first on.
  #waiting: Uint8Array[] = []
  #first = 0
  // A frame that spans chunks, as far as it is here. #wanted is its length, 0 while the header is in pieces too.
  #pieces: Uint8Array = noBytes
  #gathered = 0
  #wanted = 0
  #failure: MalformedPacket | undefined

  constructor(options: DecoderOptions) {
    this.maxPacketSize = options.maxPacketSize
    this.#topics = sharedTopics ??= new TopicCache()
    this.#frame = new Frame(options.role === 'server')
    this.#frame.version = options.version ?? (options.role === 'server' ? 0 : 4)
    this.#admitted = admission(options.role, this.#frame.version)
  }

  /** The protocol spoken; undefined before CONNECT. Setting it skips or overrules CONNECT. */
  get version(): ProtocolVersion | undefined {
    const version = this.#frame.version
    return version === 0 ? undefined : version
  }

  set version(version: ProtocolVersion) {
    this.#frame.version = version
    this.#admitted = admission(this.#frame.fromClient ? 'server' : 'client', version)
  }

  /** Bytes reserved for a frame that is not whole yet: at most 256, or twice what has arrived of it. */
  get reserved(): number {
    return this.#pieces.length
  }

  /** Takes the next bytes. The caller gives the chunk away and does not write to it any more. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0 || this.#failure !== undefined) return
    if (this.#at === this.#chunk.length && this.#first === this.#waiting.length) {
      this.#chunk = chunk
      this.#at = 0
    } else this.#waiting.push(chunk)
  }

  /** The next packet; undefined when its bytes are not all here. Throws `MalformedPacket`, and from then on only that same error. */
  next(): Packet | undefined {
    if (this.#failure !== undefined) throw this.#failure
    try {
      return this.#locate() ? this.#decode() : undefined
    } catch (error) {
      if (error instanceof MalformedPacket) this.#failure = error
      this.#drop()
      throw error
    }
  }

  #decode(): Packet {
    const frame = this.#frame
    switch (frame.type) {
      case PacketType.Publish:
        return decodePublish(frame, this.#topics)
      case PacketType.Puback:
      case PacketType.Pubrec:
      case PacketType.Pubrel:
      case PacketType.Pubcomp:
        return decodeAck(frame)
      case PacketType.Connect: {
        const connect = decodeConnect(frame)
        this.version = connect.version
        return connect
      }
      case PacketType.Connack:
        return decodeConnack(frame)
      case PacketType.Subscribe:
        return decodeSubscribe(frame)
      case PacketType.Suback:
        return decodeSuback(frame)
      case PacketType.Unsubscribe:
        return decodeUnsubscribe(frame)
      case PacketType.Unsuback:
        return decodeUnsuback(frame)
      case PacketType.Pingreq:
        return decodePingreq(frame)
      case PacketType.Pingresp:
        return decodePingresp(frame)
      case PacketType.Disconnect:
        return decodeDisconnect(frame)
      default:
        return decodeAuth(frame)
    }
  }

  /** Puts the cursor on the next whole frame; false when there is none. */
  #locate(): boolean {
    if (this.#gathered > 0) return this.#gather()
    const chunk = this.#chunk
    const at = this.#at
    if (at < chunk.length) {
      const size = this.#measure(chunk, at, chunk.length)
      if (size === 0 || size > chunk.length - at) return this.#gather()
      this.#frame.end = this.#at = at + size
      return true
    }
    return this.#advance() && this.#locate()
  }

  /**
   * Reads the fixed header at `at` and refuses by it: a wrong type or flags at the first byte, a bad length as soon as
   * it shows. Returns the length of the whole frame, 0 while the header goes on past `limit`.
   */
  #measure(bytes: Uint8Array, at: number, limit: number): number {
    const frame = this.#frame
    const first = bytes[at]!
    frame.bytes = bytes
    frame.start = at
    frame.type = first >> 4
    frame.flags = first & 15
    const reason = this.#admitted[first]!
    if (reason !== 0) throw refusal(frame, reason)
    let body = at + 1
    let length = 0
    let shift = 0
    for (;;) {
      if (body === limit) return 0
      const byte = bytes[body++]!
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        // [MQTT-1.5.5-1]; MQTT 3.1.1 gives each number of bytes its range in table 2.4.
        if (byte === 0 && shift > 0) throw frame.malformed('remaining length is longer than it need be')
        break
      }
      shift += 7
      if (shift === 28) throw frame.malformed('remaining length has more than four bytes')
    }
    frame.at = body
    const size = body - at + length
    if (size > this.maxPacketSize) throw frame.fault(ReasonCode.PacketTooLarge, `${size} bytes are too many`)
    return size
  }

  /** Collects a frame that spans chunks. Room is made for what is here, never for what is announced. */
  #gather(): boolean {
    do {
      const chunk = this.#chunk
      while (this.#wanted === 0 && this.#at < chunk.length) {
        this.#keep(1)
        this.#wanted = this.#measure(this.#pieces, 0, this.#gathered)
      }
      if (this.#wanted === 0) continue
      const missing = this.#wanted - this.#gathered
      const here = chunk.length - this.#at
      this.#keep(missing < here ? missing : here)
      if (missing <= here) {
        this.#frame.bytes = this.#pieces
        this.#frame.end = this.#gathered
        this.#gathered = this.#wanted = 0
        this.#pieces = noBytes
        return true
      }
    } while (this.#advance())
    return false
  }

  #keep(count: number): void {
    const total = this.#gathered + count
    if (total > this.#pieces.length) {
      let room = Math.max(firstRoom, total * 2)
      if (this.#wanted > 0 && room > this.#wanted) room = this.#wanted
      const larger = new Uint8Array(room)
      larger.set(this.#pieces.subarray(0, this.#gathered))
      this.#pieces = larger
    }
    const at = this.#at
    if (count === 1) this.#pieces[this.#gathered] = this.#chunk[at]!
    else this.#pieces.set(this.#chunk.subarray(at, at + count), this.#gathered)
    this.#gathered = total
    this.#at = at + count
  }

  /** Goes on to the next chunk; false, and the last one let go, when there is none. */
  #advance(): boolean {
    if (this.#first === this.#waiting.length) {
      this.#chunk = this.#frame.bytes = noBytes
      this.#at = 0
      return false
    }
    this.#chunk = this.#waiting[this.#first++]!
    this.#at = 0
    if (this.#first === this.#waiting.length) {
      this.#waiting = []
      this.#first = 0
    }
    return true
  }

  #drop(): void {
    this.#chunk = this.#pieces = this.#frame.bytes = noBytes
    this.#waiting = []
    this.#at = this.#first = this.#gathered = this.#wanted = 0
  }
}
