import { type RawPacket, Type } from '../support/raw.ts'
import type { Audience, Span } from './audience.ts'
import { Client, type Identity, type Surroundings } from './client.ts'
import { Ack, ack, parsePublish, ping, type Publish, subscribe, unsubscribe } from './wire.ts'

/** What a listener asks for. */
export interface Wish {
  readonly filters: readonly string[]
  readonly qos: 1 | 2
}

/** A durable subscriber. It subscribes once, and relies on its session from then on. */
export class Listener extends Client {
  readonly audience: Audience
  readonly #wish: Wish
  /** QoS 2 messages received and not released, by identifier: kept over reconnections. */
  readonly #held = new Map<number, string>()
  /** Arrivals over this connection, by payload. */
  #here = new Map<string, number>()
  /** Acknowledgements that are held back a little. */
  #answers: Buffer[] = []
  #timer: NodeJS.Timeout | undefined
  #pongs = 0
  #pings = 0
  #span: Span | undefined

  constructor(around: Surroundings, who: Identity, wish: Wish, audience: Audience) {
    super(around, who)
    this.#wish = wish
    this.audience = audience
  }

  /** True: the broker has confirmed what it was asked last. */
  get settled(): boolean {
    const { granted, ended, endGranted } = this.#span ?? {}
    return granted !== undefined && (ended === undefined || endGranted !== undefined)
  }

  /** QoS 2 deliveries that are not completed, and answers that were not given. */
  get unsettled(): number {
    return this.#held.size + this.#answers.length
  }

  /** True: everything the broker had sent when `ask` was called is here. */
  get quiet(): boolean {
    return this.#pings > 0 && this.#pongs >= this.#pings
  }

  /** Asks for a sign of life. */
  ask(): void {
    this.#pings++
    this.send(ping)
  }

  /** Subscribes anew, if it had unsubscribed; unsubscribes, if it is owed nothing. */
  toggle(): void {
    if (!this.ready || !this.settled) return
    const span = this.#span!
    if (span.ended !== undefined) return this.#subscribe()
    if (this.audience.missing().length > 0) return
    span.ended = this.note('UNSUBSCRIBE')
    this.#unsubscribe()
  }

  /** True while it is subscribed. */
  get listening(): boolean {
    return this.#span?.granted !== undefined && this.#span.ended === undefined
  }

  protected begin(): void {
    this.#here = new Map()
    this.#pings = this.#pongs = 0
    if (this.#span === undefined) this.#subscribe()
    else if (this.#span.granted === undefined) this.#ask()
    else if (this.#span.ended !== undefined && this.#span.endGranted === undefined) this.#unsubscribe()
  }

  protected over(): void {
    // What was not said is never said: the broker has to send it again.
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#answers = []
  }

  protected packet({ type, flags, body }: RawPacket): void {
    switch (type) {
      case Type.publish:
        return this.#publish(parsePublish(this.who.version, flags, body))
      case Type.pubrel: {
        const id = body.readUInt16BE(0)
        this.note(`PUBREL ${this.#held.get(id) ?? 'unknown'} id=${id}`)
        this.#held.delete(id)
        this.#answer(ack(Ack.pubcomp, id))
        return this.around.acknowledged()
      }
      case Type.suback:
        if ((body.at(-1) ?? 0x80) >= 0x80) return this.wrong('was refused its subscription')
        this.#span!.granted ??= this.note('SUBACK')
        return this.around.acknowledged()
      case 11:
        if (this.#span?.ended !== undefined) this.#span.endGranted ??= this.note('UNSUBACK')
        return this.around.acknowledged()
      case Type.pingresp:
        this.#pongs++
        return
      default:
        this.wrong(`got packet type ${type}`)
    }
  }

  #subscribe(): void {
    this.#span = { asked: this.note('SUBSCRIBE'), granted: undefined, ended: undefined, endGranted: undefined }
    // Members of a group subscribe before there is anything to be had: the first one's span is the group's.
    if (this.audience.spans.length === 0 || this.audience.spans.at(-1)!.ended !== undefined)
      this.audience.spans.push(this.#span)
    this.#ask()
  }

  #ask(): void {
    this.send(subscribe(this.who.version, 1, this.#wish.filters, this.#wish.qos))
  }

  #unsubscribe(): void {
    this.send(unsubscribe(this.who.version, 2, this.#wish.filters[0]!))
  }

  #publish(packet: Publish): void {
    const { id, qos, payload, dup } = packet
    const key = payload.slice(0, payload.indexOf(' '))
    this.note(`receives ${key} id=${id} qos=${qos}${dup ? ' DUP' : ''}`)
    const held = this.#held.get(id)
    if (qos === 2 && held !== undefined) {
      if (held !== key) this.wrong(`got ${key} under identifier ${id}, which is still that of ${held}`, key)
      else if (!dup) this.wrong('got again without DUP', key)
    } else {
      const here = (this.#here.get(key) ?? 0) + 1
      this.#here.set(key, here)
      this.audience.take(this.id, packet, here)
    }
    if (qos === 2) this.#held.set(id, key)
    this.#answer(ack(qos === 2 ? Ack.pubrec : Ack.puback, id))
  }

  #answer(frame: Buffer): void {
    this.#answers.push(frame)
    this.#timer ??= setTimeout(() => this.#flush(), this.around.random.int(0, 25))
  }

  #flush(): void {
    this.#timer = undefined
    this.send(...this.#answers.splice(0))
  }
}
