import { type Header, type Message, type Offset, type Qos, readUtf8 } from '@isomq/kernel'

/** A message as a subscriber inside the process gets it. Its bytes are its own. */
export class Received {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  /** True: it is, or was when it was published, the retained message of its topic. */
  readonly retain: boolean
  readonly headers: readonly Header[]
  readonly contentType: string | undefined
  readonly responseTopic: string | undefined
  readonly correlationData: Uint8Array | undefined
  /** Client id of the publisher; empty when the broker's own process published it. */
  readonly publisher: string
  /** When the broker accepted it, milliseconds since the epoch. */
  readonly timestamp: number
  /** When it may no longer be delivered, milliseconds since the epoch. */
  readonly expiresAt: number | undefined
  /** Its place in the log; undefined when it came live. */
  readonly offset: Offset | undefined

  /** Payloads that live no longer than the turn are copied here. */
  constructor(message: Message, offset?: Offset) {
    this.topic = message.topic
    this.payload = new Uint8Array(message.payload)
    this.qos = message.qos
    this.retain = message.retain
    this.headers = message.headers ?? []
    this.contentType = message.contentType
    this.responseTopic = message.responseTopic
    this.correlationData = message.correlationData && new Uint8Array(message.correlationData)
    this.publisher = message.publisher
    this.timestamp = message.timestamp
    this.expiresAt = message.expiresAt
    this.offset = offset
  }

  /** The payload as text. Throws TypeError when it is not UTF-8. */
  text(): string {
    const text = readUtf8(this.payload, 0, this.payload.length)
    if (text === undefined) throw new TypeError(`the payload on ${this.topic} is not UTF-8`)
    return text
  }

  /** The payload as JSON. Throws TypeError when it is not UTF-8, SyntaxError when it is not JSON. */
  json(): unknown {
    return JSON.parse(this.text())
  }
}
