import type { IPublishPacket, IPubrelPacket } from 'mqtt-packet'
import type { PacketPipe } from '@isomq/bridge'

/** Takes a message; false leaves it unacknowledged, so that the broker sends it again to this session. */
export type OnMessage = (message: IPublishPacket) => boolean

/** The receiving half of the QoS flows. */
export class Inbound {
  readonly #pipe: PacketPipe
  readonly #unreleased: Set<number>
  readonly #onMessage: OnMessage
  readonly #aliases = new Map<number, string>()

  constructor(pipe: PacketPipe, unreleased: Set<number>, onMessage: OnMessage) {
    this.#pipe = pipe
    this.#unreleased = unreleased
    this.#onMessage = onMessage
  }

  /** Hands the message on, once, then acknowledges it. */
  receive(packet: IPublishPacket | IPubrelPacket): void {
    const id = packet.messageId ?? 0
    if (packet.cmd === 'pubrel') {
      this.#unreleased.delete(id)
      return this.#answer('pubcomp', id)
    }
    const message = this.#withTopic(packet)
    if (message === undefined) return this.#pipe.close(new Error('the broker used a topic alias that it had not set'))
    if (packet.qos < 2) {
      if (this.#onMessage(message) && packet.qos === 1) this.#answer('puback', id)
    } else if (this.#unreleased.has(id) || this.#onMessage(message)) {
      this.#unreleased.add(id)
      this.#answer('pubrec', id)
    }
  }

  #withTopic(packet: IPublishPacket): IPublishPacket | undefined {
    const alias = packet.properties?.topicAlias
    if (alias === undefined) return packet
    if (packet.topic !== '') this.#aliases.set(alias, packet.topic)
    const topic = this.#aliases.get(alias)
    return topic === undefined ? undefined : { ...packet, topic }
  }

  #answer(cmd: 'puback' | 'pubrec' | 'pubcomp', messageId: number): void {
    this.#pipe.send({ cmd, messageId }).catch(() => undefined)
  }
}
