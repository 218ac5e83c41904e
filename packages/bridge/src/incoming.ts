import { BrokerError, type Session } from '@isomq/kernel'
import type { IPublishPacket } from 'mqtt-packet'
import { hasPassed, passing } from './hops.ts'
import type { Link } from './link.ts'
import { messageOf } from './packet-message.ts'
import { rename, ruleFor } from './topic-rule.ts'

// So much of what came may wait for the storage before no more is read, in bytes of all publishers.
const backlogLimit = 4 * 1024 * 1024

/** The way in: from the other broker to this one. It is told that we have a message once that is so, also after a crash. */
export class Incoming {
  readonly #link: Link
  #holds = 0

  constructor(link: Link) {
    this.#link = link
  }

  publish(packet: IPublishPacket): void {
    const { qos, messageId: id = 0, topic, properties } = packet
    const session = this.#session
    if (topic === '' || properties?.topicAlias !== undefined)
      return this.#link.close(new Error('the broker uses a topic alias, which we have not allowed'))
    // Not to be published again, but to be answered.
    if (qos === 2 && session.inbound.has(id)) return this.#answer(packet, session.committing)
    let wait: Promise<void> | undefined
    try {
      if (qos === 2) session.inbound.claim(id)
      wait = this.#publish(packet) ?? (qos === 2 ? session.committing : undefined)
    } catch (error) {
      if (qos === 2) session.inbound.release(id)
      return this.#failed(packet, error)
    }
    const { broker } = this.#link.context
    if (wait !== undefined && broker.backlog > backlogLimit) this.#holdFor(wait)
    if (qos > 0) this.#answer(packet, wait)
  }

  /** The other broker knows that we have what came under this id. */
  release(id: number): void {
    const session = this.#session
    const wait = session.inbound.release(id) ? session.committing : undefined
    this.#link.turns.push(
      wait,
      () => this.#link.send({ cmd: 'pubcomp', messageId: id }),
      (error) => this.#link.close(error as Error),
    )
  }

  /** A chunk has been read: readers that are behind may hold it back. */
  read(): void {
    const { pressure } = this.#link.context.broker
    if (pressure.hold(() => this.#resume())) this.#pause()
    pressure.reset()
  }

  get #session(): Session {
    return this.#link.context.session()
  }

  #publish(packet: IPublishPacket): Promise<void> | undefined {
    const { context } = this.#link
    const { broker, clientId, echoes } = context
    const now = broker.host.clock.now()
    const rule = ruleFor(context.in, 'remote', packet.topic)
    // Of a filter that was asked for once: its session remembers.
    if (rule === undefined) return undefined
    const topic = rename(packet.topic, rule.remote, rule.local)
    const message = messageOf(packet, { topic, publisher: this.#session.id, now })
    if (hasPassed(message.headers, clientId) || echoes.take(packet.topic, message.payload, now)) return undefined
    const headers = this.#link.dialect.version === 5 ? passing(message.headers, clientId) : message.headers
    return broker.publish({ ...message, headers }) ?? undefined
  }

  #answer(packet: IPublishPacket, wait: Promise<void> | undefined): void {
    const { qos, messageId = 0 } = packet
    this.#link.turns.push(
      wait,
      () => this.#link.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId }),
      (error) => {
        if (qos === 2) this.#session.inbound.forget(messageId)
        this.#failed(packet, error)
      },
    )
  }

  /** What we cannot take now the other broker keeps, and sends again; what we never can is gone. */
  #failed(packet: IPublishPacket, error: unknown): void {
    const { context } = this.#link
    const isFinal = error instanceof BrokerError && error.code === 'invalid-topic'
    if (!isFinal) return this.#link.close(error as Error)
    context.broker.refused(this.#link.peer, `a message on ${packet.topic} has no place here`)
    if (packet.qos > 0) this.#answer(packet, undefined)
  }

  #holdFor(wait: Promise<void>): void {
    this.#pause()
    const resume = (): void => this.#resume()
    wait.then(resume, resume)
  }

  #pause(): void {
    if (this.#holds++ === 0) this.#link.pipe.pause()
  }

  #resume(): void {
    if (--this.#holds === 0) this.#link.pipe.resume()
  }
}
