import {
  type Consumer,
  DeliveryFlag,
  type ErrorCode,
  type Grant,
  type Load,
  type Message,
  type Qos,
  type Session,
} from '@isomq/kernel'
import type { IPubackPacket, IPubcompPacket, IPubrecPacket, IPublishPacket } from 'mqtt-packet'
import { hasPassed, passing } from './hops.ts'
import type { Link } from './link.ts'
import { bufferOf, propertiesOf } from './packet-message.ts'
import { rename, ruleFor } from './topic-rule.ts'
import { describeReason, Refused } from './wire/reasons.ts'

/** Messages under way at once, if the other broker takes as many. */
const window = 256
/** Bytes unsent from which on messages of QoS 0 are dropped. */
const unsentLimit = 1024 * 1024

/** Codes of MQTT 5 that will be the same whenever the message is sent again: not authorized, bad topic, too large, bad payload. */
const final: ReadonlySet<number> = new Set([0x87, 0x90, 0x95, 0x99])
const inUse = 0x91

/** The way out: from the session, whose place in the log is the link's, to the other broker. A delivery's tag is the packet id. */
export class Outgoing implements Consumer {
  readonly #link: Link
  #session: Session | undefined

  constructor(link: Link) {
    this.#link = link
  }

  get load(): Load {
    const { pipe } = this.#link
    if (!pipe.congested) return 0
    return pipe.bufferedAmount > unsentLimit ? 2 : 1
  }

  get credit(): number {
    return Math.min(this.#link.connack.properties?.receiveMaximum ?? window, window)
  }

  /** What is owed is sent from now on. */
  start(): void {
    this.#session = this.#link.context.attach(this, this.#link)
    this.#session.outbound.start(this)
  }

  /** The connection has ended. */
  stop(): void {
    const session = this.#session
    this.#session = undefined
    if (session !== undefined)
      this.#link.context.broker.sessions.leave(session, this, { forgetWill: true, reason: 'lost' })
  }

  drained(): void {
    this.#session?.outbound.pump()
  }

  deliver(message: Message, grant: Grant, tag: number, flags: number): boolean {
    const { context, pipe } = this.#link
    const { broker, clientId, ttl } = context
    const now = broker.host.clock.now()
    const rule = ruleFor(context.out, 'local', message.topic)
    // It has been around already, or nobody wants it any more.
    if (rule === undefined || hasPassed(message.headers, clientId)) return this.#later(tag, () => this.#settle(tag))
    const isSent = (flags & DeliveryFlag.redelivered) !== 0
    if (!isSent && message.timestamp + ttl < now)
      return this.#later(tag, () => this.#reject(message, tag, 'it has waited too long'))
    const packet = this.#packet(message, grant, flags, rename(message.topic, rule.local, rule.remote))
    try {
      pipe.write(tag === 0 || packet.qos === 0 ? packet : { ...packet, messageId: tag })
    } catch (error) {
      if (!(error instanceof RangeError)) this.#link.close(error as Error)
      else return this.#later(tag, () => this.#reject(message, tag, error.message))
    }
    // The other broker knows no better: it is over.
    if (packet.qos === 0) return this.#later(tag, () => this.#settle(tag, message))
    return true
  }

  confirm(tag: number): void {
    this.#link.send({ cmd: 'pubrel', messageId: tag })
  }

  end(reason: ErrorCode): void {
    this.#session = undefined
    this.#link.close(reason === 'shutting-down' ? undefined : new Error(`the session was ended: ${reason}`))
  }

  acknowledged(packet: IPubackPacket | IPubrecPacket | IPubcompPacket): void {
    const session = this.#session
    const { messageId: tag = 0, reasonCode = 0 } = packet
    const message = messageUnder(session, tag)
    if (session === undefined) return
    this.#link.worked = true
    if (packet.cmd === 'pubcomp') {
      // What it does not know any more it has had.
      if (session.outbound.complete(tag)) this.#settled(undefined)
    } else if (reasonCode >= 0x80 && reasonCode !== inUse)
      this.#refused(session, tag, reasonCode, packet.properties?.reasonString)
    else if (packet.cmd === 'puback') this.#settle(tag, message)
    else {
      if (session.outbound.accept(tag) && message !== undefined)
        this.#link.context.tell('sent', { topic: message.topic })
      this.#link.turns.push(
        session.committing,
        () => this.confirm(tag),
        (error) => this.#link.close(error as Error),
      )
    }
  }

  #packet(message: Message, grant: Grant, flags: number, topic: string): IPublishPacket {
    const { context, connack, dialect } = this.#link
    const { echoes, clientId, broker } = context
    const { maximumQoS = 2, retainAvailable = true } = connack.properties ?? {}
    const retain = (flags & DeliveryFlag.retained) !== 0 || (grant.retainAsPublished && message.retain)
    const qos = Math.min(flags & DeliveryFlag.qos, maximumQoS) as Qos
    const now = broker.host.clock.now()
    const isEchoed = dialect.version === 4 && !dialect.bridge && ruleFor(context.in, 'remote', topic) !== undefined
    if (isEchoed) echoes.expect(topic, message.payload, now)
    return {
      cmd: 'publish',
      topic,
      payload: bufferOf(message.payload),
      qos,
      dup: qos > 0 && (flags & DeliveryFlag.redelivered) !== 0,
      retain: retain && retainAvailable,
      ...(dialect.version === 5 && { properties: propertiesOf(message, passing(message.headers, clientId), now) }),
    }
  }

  #refused(session: Session, tag: number, code: number, detail: string | undefined): void {
    const message = messageUnder(session, tag)
    if (message === undefined) return
    const reason = describeReason(code) + (detail === undefined ? '' : `: ${detail}`)
    if (final.has(code)) return this.#reject(message, tag, reason, code)
    // Not now: all that is under way is sent again, in its order, when it has had a rest.
    this.#link.context.tell('blocked', { topic: message.topic, reason, code })
    this.#link.worked = false
    this.#link.close(new Refused(`the broker does not take a message on ${message.topic}`, code, detail))
  }

  /** It is published where what cannot be sent goes, and only then given up: a crash between the two leaves it twice there. */
  #reject(message: Message, tag: number, reason: string, code?: number): void {
    const { broker, deadLetter, tell } = this.#link.context
    const headers = [...(message.headers ?? []), ['isomq-reason', reason], ['isomq-topic', message.topic]] as const
    const letter: Message = {
      topic: `${deadLetter}/${message.topic}`,
      payload: message.payload,
      qos: 1,
      retain: false,
      headers: code === undefined ? headers : [...headers, ['isomq-code', String(code)]],
      contentType: message.contentType,
      utf8: message.utf8,
      publisher: '',
      timestamp: broker.host.clock.now(),
    }
    const given = async (): Promise<void> => {
      await broker.publish(letter)
      tell('rejected', { topic: message.topic, reason, code })
      this.#session?.outbound.reject(tag)
      this.#link.context.settled()
    }
    given().catch((error: unknown) => this.#link.close(error as Error))
  }

  /** In a turn of its own: a delivery is not settled while it is made. Messages without tag need not be. */
  #later(tag: number, task: () => void): true {
    if (tag > 0) this.#link.context.broker.host.defer(() => this.#session !== undefined && task())
    return true
  }

  #settle(tag: number, message?: Message): void {
    const outbound = this.#session?.outbound
    if (outbound === undefined) return
    // Of QoS 2, both steps at once.
    if (outbound.ack(tag) || (outbound.accept(tag) && outbound.complete(tag))) this.#settled(message)
  }

  #settled(message: Message | undefined): void {
    const { context } = this.#link
    if (message !== undefined) context.tell('sent', { topic: message.topic })
    context.settled()
  }
}

function messageUnder(session: Session | undefined, tag: number): Message | undefined {
  const inflight = session?.outbound.inflight
  const at = inflight?.indexOfTag(tag) ?? -1
  return at < 0 ? undefined : inflight?.at(at).message
}
