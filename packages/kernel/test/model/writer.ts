import { type Consumer, encodeUtf8, type Session } from '../../src/index.ts'
import type { Sent, World } from './world.ts'

interface Out {
  readonly sent: Sent
  readonly tag: number
  /** True: the broker has said that it has it (QoS 2), and its tag is to be released. */
  received: boolean
}

class Link implements Consumer {
  readonly load = 0
  readonly credit = 1
  open = true
  started = false
  session!: Session
  deliver(): boolean {
    return true
  }
  confirm(): void {}
  end(): void {
    this.open = false
  }
}

/** A client that publishes, as MQTT would have it: what is not acknowledged it sends again when it comes back. */
export class Writer {
  readonly id: string
  readonly #world: World
  #outbox: Out[] = []
  #link: Link | undefined
  #next = 1

  constructor(world: World, id: string) {
    this.#world = world
    this.id = id
  }

  get linked(): boolean {
    return this.#link?.open === true
  }

  get idle(): boolean {
    return this.linked && this.#outbox.length === 0
  }

  connect(_credit: number = 1, clean: boolean = false, expiry: number = Infinity): void {
    const world = this.#world
    const link = (this.#link = new Link())
    const peer = { transport: 'test', secure: false }
    const { id } = this
    const { sessions } = world.broker
    const principal = { clientId: id }
    link.session = sessions.open({ id, principal, peer, consumer: link, clean, expiry }).session
    world.after(
      link.session.committing,
      () => {
        if (!link.open) return
        link.started = true
        link.session.outbound.start(link)
        for (const out of this.#outbox.slice()) this.#send(out)
      },
      () => this.drop(link),
    )
  }

  publish(qos: 1 | 2, topic: string): void {
    const n = this.#next++
    const key = `${this.id}${n}`
    const sets = { must: new Set<string>(), may: new Set<string>(), exempt: new Set<string>() }
    const sent: Sent = {
      key,
      publisher: this.id,
      n,
      qos,
      topic,
      ...sets,
      attempts: 0,
      refused: false,
      unordered: false,
    }
    this.#world.sent.set(key, sent)
    let tag = 1
    while (this.#outbox.some((out) => out.tag === tag)) tag++
    const out = { sent, tag, received: false }
    this.#outbox.push(out)
    if (this.#link?.open === true && this.#link.started) this.#send(out)
  }

  drop(link: Link | undefined = this.#link): void {
    if (link?.open !== true) return
    link.open = false
    this.#world.broker.sessions.leave(link.session, link, { forgetWill: false, reason: 'lost' })
  }

  cut(): void {
    if (this.#link !== undefined) this.#link.open = false
    this.#link = undefined
  }

  end(): void {
    this.connect(1, true, 0)
    this.drop()
  }

  #send(out: Out): void {
    const world = this.#world
    const { sent, tag } = out
    const { key, qos, topic } = sent
    const link = this.#link!
    const { inbound } = link.session
    if (out.received) return this.#release(out, link)
    const received = (): void => {
      if (!link.open) return
      if (qos === 1) return this.#done(out)
      out.received = true
      this.#release(out, link)
    }
    if (qos === 2 && inbound.has(tag)) return world.after(link.session.committing, received, () => this.drop(link))
    const timestamp = world.host.clock.now()
    const message = { topic, payload: encodeUtf8(key), qos, retain: false, publisher: this.id, timestamp }
    world.witness(sent)
    if (qos === 2) inbound.claim(tag)
    const wait = world.broker.publish(message, { clientId: this.id })
    world.after(wait ?? (qos === 2 ? link.session.committing : undefined), received, () => {
      if (!link.open) {
        sent.unordered = true
        return
      }
      if (qos === 2) inbound.forget(tag)
      sent.refused = true
      this.#done(out)
    })
  }

  #release(out: Out, link: Link): void {
    link.session.inbound.release(out.tag)
    const completed = (): void => (link.open ? this.#done(out) : undefined)
    this.#world.after(link.session.committing, completed, () => this.drop(link))
  }

  #done(out: Out): void {
    this.#outbox = this.#outbox.filter((other) => other !== out)
  }
}
