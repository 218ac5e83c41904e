import { type RawPacket, Type } from '../support/raw.ts'
import { Client, type Identity, type Surroundings } from './client.ts'
import type { Entry, Ledger } from './ledger.ts'
import { Ack, ack, publish, type Qos } from './wire.ts'

/** A kind of message that a speaker sends. */
export interface Subject {
  readonly topic: string
  readonly retain?: boolean
  /** Either unless said. */
  readonly qos?: Qos
  /** Seconds until it is published. */
  readonly delay?: number
}

interface Unsettled {
  readonly entry: Entry
  readonly subject: Subject
  /** PUBREC came: PUBREL is what is sent again. */
  released: boolean
}

const room = 20

/** A publisher. What is not settled is sent again after each reconnection, as the specification asks: in order, with the same identifiers. */
export class Speaker extends Client {
  readonly #ledger: Ledger
  readonly #subjects: readonly Subject[]
  readonly #unsettled = new Map<number, Unsettled>()
  #n = 0

  constructor(around: Surroundings, who: Identity, ledger: Ledger, subjects: readonly Subject[]) {
    super(around, who)
    this.#ledger = ledger
    this.#subjects = subjects
  }

  /** Messages not completed yet. */
  get unsettled(): number {
    return this.#unsettled.size
  }

  /** Sends some more, if there is room. */
  speak(count: number): void {
    const { random } = this.around
    for (let i = 0; i < count && this.ready && this.#unsettled.size < room; i++) {
      const subject = random.pick(this.#subjects)
      this.say(subject, subject.qos ?? (random.int(1, 2) as Qos))
    }
  }

  /** Sends one. */
  say(subject: Subject, qos: Qos): void {
    // The lowest that is free: an identifier that the broker does not let go soon meets another message.
    let id = 1
    while (this.#unsettled.has(id)) id++
    const { random } = this.around
    const fields = { publisher: this.id, n: ++this.#n, topic: subject.topic, qos }
    const entry = this.#ledger.enter(fields, random.percent(3) ? random.int(1000, 9000) : random.int(0, 60))
    const unsettled = { entry, subject, released: false }
    this.#unsettled.set(id, unsettled)
    this.#publish(id, unsettled)
  }

  protected begin(): void {
    // [MQTT-4.4.0-1]: everything that is not settled, in the order it was sent.
    for (const [id, unsettled] of this.#unsettled) {
      if (!unsettled.released) this.#publish(id, unsettled)
      else {
        this.note(`PUBREL ${unsettled.entry.key} id=${id} again`)
        this.send(ack(Ack.pubrel, id))
      }
    }
  }

  protected packet({ type, body }: RawPacket): void {
    if (type === Type.pingresp) return
    const id = body.readUInt16BE(0)
    const reason = body[2] ?? 0
    const unsettled = this.#unsettled.get(id)
    if (unsettled === undefined) return this.wrong(`got packet type ${type} for identifier ${id}, which is not in use`)
    const { entry } = unsettled
    const name = { [Type.puback]: 'PUBACK', [Type.pubrec]: 'PUBREC', [Type.pubcomp]: 'PUBCOMP' }[type] ?? `type ${type}`
    const at = this.note(`${name} ${entry.key} id=${id} reason=${reason}`)
    // 0x92: what the PUBREL was for is completed already.
    if (reason >= 0x80 && !(type === Type.pubcomp && reason === 0x92))
      return this.wrong(`${name} refuses with ${reason}`, entry.key)
    if (type === (entry.qos === 1 ? Type.puback : Type.pubrec)) entry.acked ??= at
    if (type === Type.pubrec && entry.qos === 2) {
      unsettled.released = true
      this.send(ack(Ack.pubrel, id))
    } else if (type === (entry.qos === 1 ? Type.puback : Type.pubcomp)) {
      if (entry.acked === undefined) this.wrong('got PUBCOMP without PUBREC', entry.key)
      this.#unsettled.delete(id)
    } else this.wrong(`got ${name} for a message of QoS ${entry.qos}`, entry.key)
    this.around.acknowledged()
  }

  protected over(): void {}

  #publish(id: number, { entry, subject }: Unsettled): void {
    const dup = entry.sends++ > 0
    const { qos, payload, key } = entry
    this.note(`PUBLISH ${key} id=${id} qos=${qos} topic=${subject.topic}${dup ? ' again' : ''}`)
    const topic = subject.delay === undefined ? subject.topic : `$delayed/${subject.delay}/${subject.topic}`
    this.send(publish(this.who.version, { topic, payload, qos, retain: subject.retain === true, dup, id }))
  }
}
