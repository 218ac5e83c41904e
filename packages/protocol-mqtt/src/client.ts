import {
  type Broker,
  type Connection,
  type ConnectionReader,
  type ErrorCode,
  type PeerInfo,
  type Place,
  type Principal,
  type Session,
  TagSet,
} from '@isomq/kernel'
import { Decoder } from './codec/decoder.ts'
import { encode } from './codec/encoder.ts'
import { writeAck } from './codec/encode-publish.ts'
import { MalformedPacket } from './codec/malformed-packet.ts'
import { type ControlPacket, type Packet, PacketType, packetName, type ProtocolVersion } from './codec/packet.ts'
import { ReasonCode } from './codec/reason-code.ts'
import type { Door, Entered } from './door.ts'
import { Entry } from './entry.ts'
import type { FrameCache } from './frame-cache.ts'
import { handlePuback, handlePubcomp, handlePubrec, handlePubrel } from './handle-acks.ts'
import type { Login } from './handle-connect.ts'
import { handleDisconnect } from './handle-disconnect.ts'
import { handlePublish } from './handle-publish.ts'
import { handleSubscribe, handleUnsubscribe } from './handle-subscribe.ts'
import type { Common, Link } from './link.ts'
import { countReceived, type MqttCounters } from './mqtt-counters.ts'
import type { MqttOptions } from './options.ts'
import { Outgoing } from './outgoing.ts'
import { Output } from './output.ts'
import { type Pace, paceOf } from './pace.ts'
import { type Impatient, Patience } from './patience.ts'
import { connackCodes, reasonCodes } from './reason-codes.ts'
import { Replies } from './replies.ts'
import type { Rewrite } from './rewrite.ts'

/** One connection: bytes become packets, packets become calls of the kernel, and a fault becomes a farewell. */
export class Client implements ConnectionReader, Link, Door, Impatient {
  readonly broker: Broker
  readonly options: MqttOptions
  readonly cache: FrameCache
  readonly rewrite: Rewrite | undefined
  readonly counters: MqttCounters
  readonly place: Place
  readonly replies: Replies = new Replies(this)
  now = 0
  resumed = false
  readonly #connection: Connection
  readonly #decoder: Decoder
  readonly #output: Output
  readonly #patience: Patience
  readonly #pace: Pace | undefined
  readonly #entry: Entry = new Entry(this)
  #login: Login | undefined
  #session: Session | undefined
  #principal: Principal | undefined
  #outgoing: Outgoing | undefined
  #aliases: Map<number, string> | undefined
  #receiving: TagSet | undefined
  /** Reasons not to read on. */
  #holds = 0
  /** True while a packet is being handled that those behind it must wait for: CONNECT until it is accepted [MQTT-3.1.4-6]. */
  #busy = false
  #closed = false
  /** How the client is said to have gone, if not in order. */
  #loss: 'lost' | 'timeout' = 'lost'

  constructor(connection: Connection, broker: Broker, common: Common, place: Place) {
    const { options, cache, counters, rewrite } = common
    this.#connection = connection
    this.broker = broker
    this.options = options
    this.cache = cache
    this.rewrite = rewrite
    this.counters = counters
    this.place = place
    this.#pace = paceOf(broker.host.clock, broker.limits, options)
    this.#decoder = new Decoder({
      role: 'server',
      maxPacketSize: Math.min(options.connectPacketSize, options.maxPacketSize),
    })
    this.#output = new Output(connection, broker.host, { options, counters, reader: this })
    counters.connections++
    counters.open.add(this.#output)
    this.#patience = new Patience(broker.host.clock, this.#output, options, this)
    this.#patience.untilConnect(connection.peer.acceptedAt)
  }

  get aliases(): Map<number, string> {
    return (this.#aliases ??= new Map())
  }

  get receiving(): TagSet {
    return (this.#receiving ??= new TagSet())
  }

  get paused(): boolean {
    return this.#holds > 0
  }

  get version(): ProtocolVersion {
    return this.#decoder.version ?? 4
  }

  get peer(): PeerInfo {
    return this.#connection.peer
  }

  get closed(): boolean {
    return this.#closed
  }

  get session(): Session {
    return this.#session!
  }

  get principal(): Principal {
    return this.#principal!
  }

  get outgoing(): Outgoing {
    return this.#outgoing!
  }

  data(bytes: Uint8Array): void {
    if (this.#closed) return
    this.counters.bytesReceived += bytes.length
    this.#decoder.push(bytes)
    this.#read()
  }

  stalled(): void {
    this.#patience.stalled()
  }

  drain(): void {
    this.#output.drained()
    this.#patience.drained()
    this.#session?.outbound.pump()
  }

  close(error?: Error): void {
    this.#close(false, undefined, error)
  }

  send(packet: ControlPacket): void {
    if (this.#closed) return
    const bytes = encode(packet, this.version)
    // [MQTT-3.1.2-24]: what is too large for the client is not sent; an answer that cannot be given ends the connection.
    if (bytes.length > this.#entry.largest) this.cutOff(`a ${packetName(packet.type)} is larger than the client takes`)
    else {
      this.#output.packet(packet.type)
      this.#output.write(bytes, 0, bytes.length)
    }
  }

  acknowledge(type: 4 | 5 | 6 | 7, packetId: number): void {
    if (this.#closed) return
    this.#output.packet(type)
    this.#output.reserve(4)
    writeAck(this.#output.room, this.#output.place - 4, type, packetId)
  }

  fail(reason: number, detail: string): void {
    if (this.#closed) return
    this.broker.refused(this.peer, detail)
    if (reason === ReasonCode.KeepAliveTimeout) this.#loss = 'timeout'
    // [MQTT-4.13.1-1] [MQTT-4.13.2-1] [MQTT-4.8.0-1 of 3.1.1]. [MQTT-3.14.0-1]: before CONNACK there is no DISCONNECT, and in 3.x no server sends one at all.
    if (!this.#entry.welcomed) this.#entry.refuse(reason, this.#decoder.version)
    else if (this.version === 5) this.#farewell(reason, detail)
    // [MQTT-3.1.4-6]: whoever is turned away has left no will.
    this.#close(!this.#entry.welcomed)
  }

  failWith(code: ErrorCode, detail: string): void {
    this.fail(reasonCodes[code], detail)
  }

  leave(forgetWill: boolean, expiry: number | undefined): void {
    this.#close(forgetWill, expiry)
  }

  makeOutgoing(login: Login): Outgoing {
    return new Outgoing(this.#output, this.cache, this.broker.host, { login, client: this })
  }

  enter({ login, principal, session, resumed, outgoing }: Entered): void {
    this.#login = login
    this.#principal = principal
    this.#session = session
    this.#outgoing = outgoing
    this.resumed = resumed
    this.#patience.connected(login.keepAlive)
    this.#decoder.maxPacketSize = this.options.maxPacketSize
  }

  renew(principal: Principal): void {
    this.#principal = principal
    this.broker.sessions.renew(this.session, principal)
  }

  /** The kernel takes the session away, or the place of who has none. */
  ended(reason: ErrorCode): void {
    if (this.#closed) return
    const session = this.#session
    this.#session = undefined
    if (!this.#entry.welcomed) this.#entry.refuse(connackCodes[reason], this.#decoder.version)
    // [MQTT-3.1.4-3]
    else if (session !== undefined && this.version === 5) this.#farewell(reasonCodes[reason], '')
    this.#close(false)
  }

  holdFor(wait: Promise<void>): void {
    this.#hold()
    const release = (): void => this.#release()
    wait.then(release, release)
  }

  /** Reads packets as long as there are any and nothing makes them wait. */
  #read(): void {
    const { pressure, host } = this.broker
    this.now = host.clock.now()
    pressure.reset()
    try {
      while (!this.#busy && !this.#closed) {
        const packet = this.#decoder.next()
        if (packet === undefined) break
        countReceived(this.counters, packet)
        this.#patience.heard(this.now)
        const wait = this.#handle(packet)
        if (wait !== undefined) this.#wait(wait)
      }
    } catch (error) {
      this.failed(error)
    }
    if (this.#closed) return
    const { congested } = this.replies
    if (congested !== undefined) this.holdFor(congested)
    if (pressure.hold(() => this.#release())) this.#hold()
    // A client that does not take its answers gets to ask nothing more.
    if (this.#output.load > 0 && this.#patience.awaitDrain(() => this.#release())) this.#hold()
  }

  failed(error: unknown): void {
    if (error instanceof MalformedPacket) return this.fail(error.reason, error.message)
    this.broker.host.report(error, 'handling a packet')
    this.fail(ReasonCode.UnspecifiedError, 'internal error')
  }

  #wait(wait: Promise<void>): void {
    this.#busy = true
    this.#hold()
    const goOn = (): void => {
      this.#busy = false
      this.#release()
      if (!this.#closed) this.#read()
    }
    wait.then(goOn, (error: unknown) => {
      this.failed(error)
      goOn()
    })
  }

  #handle(packet: Packet): void | Promise<void> {
    if (!this.#entry.open) return this.#entry.handle(packet)
    switch (packet.type) {
      case PacketType.Publish:
        return this.#pace === undefined ? handlePublish(this, packet) : this.#pace.handle(this, packet)
      case PacketType.Puback:
        return handlePuback(this, packet)
      case PacketType.Pubrec:
        return handlePubrec(this, packet)
      case PacketType.Pubrel:
        return handlePubrel(this, packet)
      case PacketType.Pubcomp:
        return handlePubcomp(this, packet)
      case PacketType.Subscribe:
        return handleSubscribe(this, packet)
      case PacketType.Unsubscribe:
        return handleUnsubscribe(this, packet)
      case PacketType.Pingreq:
        return this.replies.push(
          undefined,
          () => this.send({ type: PacketType.Pingresp }),
          () => {},
        ) // [MQTT-3.12.4-1]
      case PacketType.Disconnect:
        return handleDisconnect(this, packet, this.#login!)
      case PacketType.Auth:
        return this.#entry.reauthenticate(packet)
      default:
        return this.fail(ReasonCode.ProtocolError, `${packetName(packet.type)} out of place`) // [MQTT-3.1.0-2]
    }
  }

  #farewell(reasonCode: number, detail: string): void {
    const type = PacketType.Disconnect
    const short = { type, reasonCode }
    const long = detail === '' ? short : { ...short, properties: { reasonString: detail } }
    // [MQTT-3.14.2-2] [MQTT-3.14.2-3] [MQTT-3.14.2-4]
    const fits = encode(long, 5).length <= this.#entry.largest
    this.send(fits ? long : short)
  }

  /** Closes without waiting for what was sent to be taken. */
  cutOff(detail: string): void {
    if (this.#closed) return
    this.broker.refused(this.peer, detail)
    this.#close(false, undefined, new Error(detail))
  }

  // [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.1.0-2] [MQTT-3.1.2-10]
  #close(forgetWill: boolean, expiry?: number, error?: Error): void {
    if (this.#closed) return
    this.#closed = true
    this.replies.close()
    this.#output.close()
    this.counters.open.delete(this.#output)
    this.#patience.end()
    this.#pace?.end()
    this.place.leave()
    this.#connection.close(error)
    const session = this.#session
    const outgoing = this.#outgoing
    if (session === undefined || outgoing === undefined) return
    this.#session = undefined
    this.broker.sessions.leave(session, outgoing, { forgetWill, expiry, reason: forgetWill ? 'closed' : this.#loss })
  }

  #hold(): void {
    if (this.#holds++ === 0) this.#connection.pause()
  }

  #release(): void {
    if (--this.#holds > 0 || this.#closed) return
    this.#patience.heard(this.broker.host.clock.now())
    this.#connection.resume()
  }
}
