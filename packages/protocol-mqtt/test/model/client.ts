import { type Packet, PacketType, type ProtocolVersion } from '../../src/codec/packet.ts'
import { connectPacket, request } from '../harness.ts'
import type { Certainty, Target } from './ledger.ts'
import { Link } from './link.ts'
import { Receiver } from './receiver.ts'
import { Sender } from './sender.ts'
import { SessionView } from './session-view.ts'
import { sentPublish, sentPubrel } from './wire.ts'
import type { World } from './world.ts'

export interface Login {
  readonly clean: boolean
  /** Milliseconds the session is to outlive the connection. MQTT 3.1.1: for ever, or with `clean` not at all. */
  readonly expiry: number
  readonly receiveMaximum: number
  readonly aliases: number
}

interface Request {
  readonly filter: string
  /** Undefined: it unsubscribes. */
  readonly qos: 0 | 1 | 2 | undefined
  readonly n: number
}

/** A client that keeps to the specification, and what it may expect of the broker. */
export class Client {
  readonly id: string
  readonly version: ProtocolVersion
  /** True: what comes on the group's topics comes through the group. */
  readonly member: boolean
  readonly sender: Sender
  readonly #receiver: Receiver
  readonly #world: World
  session: SessionView = new SessionView()
  link: Link | undefined
  paused = false
  /** True: it has asked for a clean start and given up what it had; until it gets one it asks for nothing else. */
  #cleaning = false
  #login: Login = { clean: true, expiry: 0, receiveMaximum: 5, aliases: 0 }
  #presence: Certainty = 'no'
  /** How long the session outlives its connection; how long it did before that connection. */
  #expiry = 0
  #before = 0
  #expected: Certainty = 'no'
  #lostAt = 0
  #lostStep = 0
  readonly #requests = new Map<number, Request>()
  #lastRequest = 0

  constructor(world: World, id: string, rest: { version: ProtocolVersion; member: boolean }) {
    this.#world = world
    this.id = id
    this.version = rest.version
    this.member = rest.member
    this.sender = new Sender(world, this)
    this.#receiver = new Receiver(world, this)
  }

  /** True: its session surely outlives its connection. */
  get durable(): boolean {
    return this.#expiry > 0 && this.#presence === 'yes'
  }

  get idle(): boolean {
    const link = this.link
    if (link?.usable !== true || !this.sender.idle || link.inbox.length > 0) return false
    return link.pubacks.length + link.pubrecs.length + link.pubrels.length + link.pubcomps.length === 0
  }

  /** Who a message of this topic is owed to, if it comes to this client. */
  targetOf(topic: string): Target {
    return this.member && topic.startsWith('g/') ? this.#world.group : this.session
  }

  /** Connects (anew). What the last connection brought and was not read is lost. */
  connect(login: Login = { ...this.#login, clean: false }): void {
    const { receiveMaximum } = login
    const clean = (this.#cleaning ||= login.clean)
    const expiry = this.version === 5 ? login.expiry : clean ? 0 : Infinity
    if (this.link?.open === true) this.#lose(this.link)
    this.#expected = clean ? 'no' : this.#presence
    this.#before = this.#expiry
    this.#login = login
    this.#requests.clear()
    this.paused = false
    if (clean) {
      this.#world.group.leaves(this, true)
      this.session.shake()
      this.sender.forget()
      this.#receiver.forget()
    }
    const link = new Link(this.#world, this, { clean, receiveMaximum: this.version === 5 ? receiveMaximum : 65_535 })
    this.link = link
    const seconds = expiry === Infinity ? 0xffffffff : expiry / 1000
    const properties = { sessionExpiryInterval: seconds, receiveMaximum, topicAliasMaximum: login.aliases }
    link.write(connectPacket({ version: this.version, clientId: this.id, cleanStart: clean, properties }))
    this.#expiry = expiry
    // What no log has is dropped where little may be held.
    if (expiry === 0 && this.#world.tight)
      for (const due of this.session.dues.values()) {
        due.must = false
        // Also what a killed broker did not know to be under way.
        if (due.suspect) due.exempt = true
      }
    // Until it is answered nobody knows.
    if (this.#expected !== 'yes' || expiry !== this.#before) this.#presence = 'maybe'
  }

  /** A packet leaves the broker. */
  wire(link: Link, packet: Packet): void {
    if (packet.type === PacketType.Publish) sentPublish(this.#world, link, packet)
    else if (packet.type === PacketType.Pubrel) sentPubrel(this.#world, link, packet)
    else if (packet.type === PacketType.Disconnect) this.#dismissed(packet.reasonCode)
    else if (packet.type === PacketType.Connack && packet.reasonCode === 0) this.#admitted(link, packet.sessionPresent)
  }

  /** The broker has ended this connection. */
  cutOff(link: Link): void {
    const { wasFaulty, isStopping } = this.#world
    if (this.link === link && !this.paused && !wasFaulty && !isStopping)
      this.#world.fault(`${this.id}: cut off for no reason`)
  }

  /** Its connection is over, whoever has ended it. */
  lostLink(link: Link): void {
    if (this.link === link) this.#lose(link)
  }

  /** Ends the connection, with DISCONNECT or without, or lets it fail. */
  leave(how: 'drop' | 'hangUp' | 'disconnect'): void {
    const link = this.link
    if (link?.open !== true) return
    if (how === 'disconnect' && link.welcomed) link.write({ type: PacketType.Disconnect, reasonCode: 0 })
    if (how === 'drop') link.drop()
    else link.hangUp()
  }

  /** The broker was killed; or, with `orderly`, stopped. */
  crash(orderly: boolean): void {
    const link = this.link
    const wasSaved = orderly || (link?.open !== true && this.#lostStep < this.#world.quietStep)
    if (link?.open === true) {
      link.open = false
      this.#lose(link)
    }
    // That it has no connection may have to be found out anew, and its time begin then.
    if (!wasSaved) this.#lostStep = Infinity
    // The storage may know it as it was before its time was over.
    if (this.#expiry > 0 && this.#presence === 'no' && !wasSaved) this.#presence = 'maybe'
    // What was to be sent when a subscription changed has been written down as if it had been.
    if (!wasSaved || this.session.changed) for (const due of this.session.dues.values()) due.suspect = true
    if (orderly) return
    for (const delivery of this.session.deliveries.values()) delivery.confirmed = false
  }

  /** Time has passed: a session without connection may have ended. */
  expire(): void {
    if (this.link?.open === true || this.#expiry === Infinity || this.#presence === 'no') return
    const over = this.#world.now - this.#lostAt - this.#expiry
    if (over < 0) return
    const isSure = this.#presence === 'yes' && over > 2000 && this.#lostStep < Infinity
    this.#presence = isSure ? 'no' : 'maybe'
    if (isSure) {
      this.#lostStep = this.#world.step
      this.#forget()
    }
    this.#world.group.leaves(this, true)
    this.session.shake()
  }

  subscribe(filter: string, qos: 0 | 1 | 2): void {
    const link = this.link
    if (link?.usable !== true) return
    const sub = this.session.sub(filter)
    sub.qos.add(qos)
    if (sub.certainty === 'no') sub.certainty = 'maybe'
    this.#revise(filter)
    const packetId = this.#request({ filter, qos, n: ++sub.latest })
    link.write({ type: PacketType.Subscribe, packetId, filters: [request(filter, { qos, retainHandling: 2 })] })
  }

  unsubscribe(filter: string): void {
    const link = this.link
    if (link?.usable !== true) return
    const sub = this.session.sub(filter)
    const packetId = this.#request({ filter, qos: undefined, n: ++sub.latest })
    link.write({ type: PacketType.Unsubscribe, packetId, filters: [filter] })
    this.#doubt(filter)
  }

  /** Reads so many of the packets that have arrived. */
  read(count: number): void {
    const link = this.link
    if (link === undefined) return
    for (const packet of link.inbox.splice(0, count)) this.#read(link, packet)
  }

  /** Writes what is owed: so many answers of one kind. */
  answer(kind: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', count: number, refuse: boolean): void {
    const link = this.link
    if (link?.usable !== true) return
    for (let i = 0; i < count; i++) {
      if (kind === 'puback') this.#receiver.acknowledge(link, refuse)
      else if (kind === 'pubrec') this.#receiver.accept(link, refuse)
      else if (kind === 'pubrel') this.sender.release(link)
      else this.#receiver.complete(link, count)
    }
  }

  /** Asks again for a PUBREL. */
  acceptAgain(): void {
    if (this.link?.usable === true) this.#receiver.acceptAgain(this.link)
  }

  pause(on: boolean): void {
    if (this.link?.open !== true) return
    this.paused = on
    this.link.pause(on)
  }

  /** Nothing is under way: whatever still waits for this client does so because it has all it takes. */
  checkProgress(queued: number, most: number): void {
    const link = this.link
    if (link?.usable !== true || this.paused || queued === 0) return
    const underWay = new Set([...link.outstanding, ...link.releasing])
    if (underWay.size < Math.min(most, link.receiveMaximum))
      this.#world.fault(`${this.id}: ${queued} wait without need`)
  }

  /** The broker has surely heard all that was written. */
  confirm(): void {
    const link = this.link
    if (link?.usable !== true || this.paused) return
    for (const delivery of this.session.deliveries.values()) {
      if (delivery.phase !== 'done' || delivery.link !== link || delivery.confirmed) continue
      delivery.confirmed = true
      const due = this.targetOf(this.#world.sent.get(delivery.key)!.topic).dues.get(delivery.key)
      if (delivery.refused && due !== undefined) due.discarded = true
    }
  }

  #dismissed(reason: number): void {
    const isExpected = reason === 0x8e || (reason === 0x8b && this.#world.isStopping) || this.#world.wasFaulty
    if (!isExpected) this.#world.fault(`${this.id}: DISCONNECT with 0x${reason.toString(16)}`)
  }

  #read(link: Link, packet: Packet): void {
    switch (packet.type) {
      case PacketType.Connack:
        link.welcomed = packet.reasonCode === 0
        if (link.resumed && link.open) this.sender.resume()
        return
      case PacketType.Publish:
        return this.#receiver.publish(link, packet)
      case PacketType.Pubrel:
        return this.#receiver.release(link, packet.packetId)
      case PacketType.Puback:
      case PacketType.Pubrec:
      case PacketType.Pubcomp:
        return this.sender.read(link, packet)
      case PacketType.Suback:
      case PacketType.Unsuback:
        return this.#answered(packet)
      case PacketType.Disconnect:
        return
      default:
        this.#world.fault(`${this.id}: packet ${packet.type} out of place`)
    }
  }

  #answered(packet: { packetId: number; reasonCodes?: readonly number[] | undefined }): void {
    const of = this.#requests.get(packet.packetId)
    if (of === undefined) return this.#world.fault(`${this.id}: an answer to no request`)
    this.#requests.delete(packet.packetId)
    const sub = this.session.sub(of.filter)
    const code = packet.reasonCodes?.[0]
    // Refused because it could not be stored: it is as before or not, and what is owed because of it with it.
    if (of.qos !== undefined && code !== of.qos && this.#world.wasFaulty) return this.#doubt(of.filter)
    if (of.qos !== undefined && code !== of.qos) this.#world.fault(`${this.id}: ${of.filter} refused`)
    if (of.n !== sub.latest) return
    sub.certainty = of.qos === undefined ? 'no' : 'yes'
    sub.qos.clear()
    if (of.qos !== undefined) sub.qos.add(of.qos)
  }

  #admitted(link: Link, isPresent: boolean): void {
    link.answered = true
    link.resumed = isPresent
    if (!isPresent) this.#renew()
    if (this.link !== link) return
    this.#cleaning = false
    if (this.#expected !== 'maybe' && isPresent !== (this.#expected === 'yes'))
      this.#world.fault(`${this.id}: session ${isPresent ? 'found' : 'lost'}`)
    // Its connection may be over already.
    this.#presence = link.open || this.#expiry > 0 ? 'yes' : 'no'
    this.session.shaken = this.#presence === 'no'
  }

  /** This subscription may be gone, or not. */
  #doubt(filter: string): void {
    const sub = this.session.sub(filter)
    if (sub.certainty === 'yes') sub.certainty = 'maybe'
    if (filter === this.#world.group.filter) this.#world.group.leaves(this, false)
    this.#revise(filter)
  }

  #lose(link: Link): void {
    this.#lostAt = this.#world.now
    this.#lostStep = this.#world.step
    const isKnown = link.answered || (this.#expected === 'yes' && this.#expiry === this.#before)
    if (isKnown && this.#expiry > 0) return
    this.#presence = link.answered ? 'no' : 'maybe'
    // Its session has ended or not, and may be another one the next time: it cannot go on with what it had.
    if (!link.answered && this.#expiry === 0) this.#cleaning = true
    this.#world.group.leaves(this, true)
    this.session.shake()
    if (link.answered) this.#forget()
  }

  /** The session is over, and with it what the client knew of it. */
  #forget(): void {
    this.sender.forget()
    this.#receiver.forget()
    this.link?.inbox.splice(0)
  }

  /** A new session: nothing of the one before is owed to anybody. */
  #renew(): void {
    this.#world.group.leaves(this, true)
    this.session = new SessionView()
    this.sender.forget()
    this.#receiver.forget()
  }

  #request(of: Request): number {
    this.#lastRequest = (this.#lastRequest % 1000) + 1
    this.#requests.set(1000 + this.#lastRequest, of)
    return 1000 + this.#lastRequest
  }

  #revise(filter: string): void {
    if (this.session.dues.size > 0) this.session.changed = true
    // A broker that was killed does not know what it had begun with: it judges that by the new subscription.
    for (const due of this.session.dues.values()) if (due.suspect) due.exempt = true
    const target = filter === this.#world.group.filter ? this.#world.group : this.session
    target.revise((key) => this.#world.sent.get(key)!.topic)
  }
}
