import { type Role, admission, refusal } from './admission.ts'
import { decodeConnect } from './decode-connect.ts'
import { decodeAck, decodePublish } from './decode-publish.ts'
import { decodeAuth, decodeConnack, decodeDisconnect, decodePingreq, decodePingresp } from './decode-session.ts'
import { decodeSuback, decodeSubscribe, decodeUnsuback, decodeUnsubscribe } from './decode-subscribe.ts'
import { Frame, noBytes } from './frame.ts'
import { join } from './join.ts'
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

// What is reserved at once for a frame that comes in small pieces; from there on as much again as has arrived.
const firstRoom = 256
// Pieces this long are kept as they came. The payload of a long PUBLISH stays in them: whoever only passes it on copies nothing.
const longPiece = 4096

// Nothing is ever added to it.
const nothing: Uint8Array[] = []

function added(list: Uint8Array[], bytes: Uint8Array): Uint8Array[] {
  if (list === nothing) return [bytes]
  list.push(bytes)
  return list
}

/**
 * Turns chunks of bytes, cut anywhere, into packets [MQTT-4.2-1]. The reader pulls: it may stop after any packet and go on later.
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
  #waiting = nothing
  #first = 0
  // A frame that spans chunks, as far as it is here: whole pieces, then the #filled bytes of #room. #wanted is its
  // length, 0 while the fixed header (#body bytes) is in pieces too.
  #pieces = nothing
  #room: Uint8Array = noBytes
  #filled = 0
  #gathered = 0
  #wanted = 0
  #body = 0
  /** What follows the first piece of a PUBLISH that was not joined. */
  #rest: readonly Uint8Array[] | undefined
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
    return this.#room.length
  }

  /** Takes the next bytes. The caller gives the chunk away and does not write to it any more. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0 || this.#failure !== undefined) return
    if (this.#at === this.#chunk.length && this.#first === this.#waiting.length) {
      this.#chunk = chunk
      this.#at = 0
    } else this.#waiting = added(this.#waiting, chunk)
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
      case PacketType.Publish: {
        const publish = decodePublish(frame, this.#topics)
        if (this.#rest !== undefined) publish.rest = this.#rest
        this.#rest = undefined
        return publish
      }
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
      if (size === 0 || size > chunk.length - at) {
        this.#wanted = size
        this.#body = this.#frame.at - at
        return this.#gather()
      }
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
      while (this.#wanted === 0 && this.#at < this.#chunk.length) {
        this.#keep(1)
        this.#wanted = this.#measure(this.#room, 0, this.#gathered)
        this.#body = this.#frame.at
      }
      if (this.#wanted === 0) continue
      const missing = this.#wanted - this.#gathered
      const here = this.#chunk.length - this.#at
      this.#keep(missing < here ? missing : here)
      if (missing <= here) {
        this.#assemble()
        return true
      }
    } while (this.#advance())
    return false
  }

  #keep(count: number): void {
    const from = this.#at
    this.#at = from + count
    this.#gathered += count
    if (count >= longPiece) {
      this.#seal()
      this.#pieces = added(this.#pieces, this.#chunk.subarray(from, this.#at))
      return
    }
    if (this.#filled + count > this.#room.length) {
      this.#seal()
      const missing = this.#wanted === 0 ? Infinity : this.#wanted - this.#gathered + count
      this.#room = new Uint8Array(Math.min(Math.max(firstRoom, this.#gathered), Math.max(missing, count)))
    }
    this.#room.set(this.#chunk.subarray(from, this.#at), this.#filled)
    this.#filled += count
  }

  /** The room becomes a piece. */
  #seal(): void {
    if (this.#filled > 0) this.#pieces = added(this.#pieces, this.#room.subarray(0, this.#filled))
    this.#room = noBytes
    this.#filled = 0
  }

  /** Puts the cursor on the frame whose pieces are all here. */
  #assemble(): void {
    this.#seal()
    const frame = this.#frame
    const pieces = this.#pieces
    const first = pieces[0]!
    frame.start = 0
    frame.at = this.#body
    frame.end = this.#wanted
    if (pieces.length === 1) frame.bytes = first
    else if (frame.type === PacketType.Publish && headEnd(frame, first) <= first.length) {
      frame.bytes = first
      this.#rest = pieces.slice(1)
    } else frame.bytes = join(pieces)
    this.#pieces = nothing
    this.#gathered = this.#wanted = 0
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
      this.#waiting = nothing
      this.#first = 0
    }
    return true
  }

  #drop(): void {
    this.#chunk = this.#room = this.#frame.bytes = noBytes
    this.#waiting = nothing
    this.#pieces = nothing
    this.#rest = undefined
    this.#at = this.#first = this.#filled = this.#gathered = this.#wanted = 0
  }
}

/** Where the payload of a PUBLISH begins, as far as its first piece tells; infinite when it does not. */
function headEnd(frame: Frame, first: Uint8Array): number {
  let at = frame.at + 2 + ((first[frame.at]! << 8) | first[frame.at + 1]!)
  if ((frame.flags & 6) !== 0) at += 2
  if (frame.version !== 5) return at
  for (let shift = 0, length = 0; shift < 28; shift += 7) {
    const byte = first[at++]
    if (byte === undefined) return Infinity
    length |= (byte & 0x7f) << shift
    if (byte < 0x80) return at + length
  }
  return Infinity
}
