import type { Grant, Message, Qos } from '@isomq/kernel'
import type { Publish, Will } from './codec/packet.ts'
import type { MessageProperties, PublishProperties } from './codec/packet-properties.ts'

/** The message a PUBLISH carries. Its payload is cut out only for those who look at it: who passes the frame on does not. */
export class PublishedMessage implements Message {
  readonly topic: string
  readonly qos: Qos
  readonly retain: boolean
  readonly publisher: string
  readonly timestamp: number
  readonly expiresAt: number | undefined
  /** To be set by who has read it from the topic name. */
  dueAt: number | undefined = undefined
  readonly #publish: Publish
  readonly #v5: boolean

  /** `topic` is the one an alias stands for, `now` the time the message is accepted, `v5` tells the version it came in. */
  // oxlint-disable-next-line max-params -- the path of every message: an object for its arguments would cost more
  constructor(publish: Publish, topic: string, publisher: string, now: number, v5: boolean) {
    const expiry = publish.properties?.messageExpiryInterval
    this.topic = topic
    this.qos = publish.qos
    this.retain = publish.retain
    this.publisher = publisher
    this.timestamp = now
    // The kernel delivers nothing later [MQTT-3.3.2-5], but for QoS 2 that has begun [MQTT-4.3.3-7].
    this.expiresAt = expiry === undefined ? undefined : now + expiry * 1000
    this.#publish = publish
    this.#v5 = v5
  }

  /**
   * The packet it came in, if to a subscriber of that version it would look the same but for its packet identifier and the
   * bits of its first byte. Undefined else.
   */
  frame(v5: boolean): Publish | undefined {
    const publish = this.#publish
    const { properties } = publish
    if (this.#v5 !== v5 || publish.qos === 0 || publish.topic !== this.topic) return undefined
    // What is left of an expiry interval depends on the time; an alias is the publisher's own.
    if (properties?.messageExpiryInterval !== undefined || properties?.topicAlias !== undefined) return undefined
    return publish
  }

  keep(): void {
    this.#publish.keep()
  }

  get payloadLength(): number {
    return this.#publish.payloadLength
  }

  get payload(): Uint8Array {
    return this.#publish.payload
  }

  get headers(): Message['headers'] {
    return this.#publish.properties?.userProperties
  }

  get contentType(): string | undefined {
    return this.#publish.properties?.contentType
  }

  get responseTopic(): string | undefined {
    return this.#publish.properties?.responseTopic
  }

  get correlationData(): Uint8Array | undefined {
    return this.#publish.properties?.correlationData
  }

  get utf8(): boolean | undefined {
    return this.#publish.properties?.payloadFormatIndicator
  }
}

/** The message a Will stands for [MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT-3.1.3-10]. Its times are set when it is published. */
export function willMessage(will: Will, publisher: string): Message {
  const { properties } = will
  return {
    topic: will.topic,
    payload: will.payload,
    qos: will.qos,
    retain: will.retain,
    headers: properties?.userProperties,
    contentType: properties?.contentType,
    responseTopic: properties?.responseTopic,
    correlationData: properties?.correlationData,
    utf8: properties?.payloadFormatIndicator,
    publisher,
    timestamp: 0,
  }
}

/** Whether a message has nothing that MQTT 5.0 would write as a property. */
function isPlain(message: Message): boolean {
  return (
    message.headers === undefined &&
    message.expiresAt === undefined &&
    message.contentType === undefined &&
    message.responseTopic === undefined &&
    message.correlationData === undefined &&
    message.utf8 === undefined
  )
}

/** The properties a message is sent with to a subscriber of MQTT 5.0. `now` is the time of sending. */
export function propertiesOf(
  message: Message,
  grant: Grant,
  now: number,
  alias: number,
): PublishProperties | undefined {
  if (isPlain(message) && grant.identifiers.length === 0 && alias === 0) return undefined
  const properties: MessageProperties = {
    // [MQTT-3.3.2-4]
    payloadFormatIndicator: message.utf8,
    // [MQTT-3.3.2-6]: what is left of it, whole seconds, rounded up so that it does not reach 0 while it may be sent.
    messageExpiryInterval:
      message.expiresAt === undefined ? undefined : Math.max(Math.ceil((message.expiresAt - now) / 1000), 1),
    // [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]
    contentType: message.contentType,
    responseTopic: message.responseTopic,
    correlationData: message.correlationData,
    userProperties: message.headers,
  }
  return {
    ...properties,
    topicAlias: alias === 0 ? undefined : alias,
    // [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5]: one copy with all matching identifiers; a share's copy has its own.
    subscriptionIdentifiers: grant.identifiers.length === 0 ? undefined : grant.identifiers,
  }
}
