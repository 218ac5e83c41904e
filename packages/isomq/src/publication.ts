import { encodeUtf8, type Header, type Message, type Qos } from '@isomq/kernel'

/** Text is sent as UTF-8; a binary payload must not be changed any more. */
export type Payload = string | Uint8Array | ArrayBuffer

/** How a message is to be published. */
export interface PublishOptions {
  /** Default 0. */
  readonly qos?: Qos | undefined
  /** Becomes the retained message of its topic; an empty payload clears it. Default false. */
  readonly retain?: boolean | undefined
  /** Names may repeat, order is kept: the user properties of MQTT 5. */
  readonly headers?: readonly Header[] | Readonly<Record<string, string>> | undefined
  readonly contentType?: string | undefined
  readonly responseTopic?: string | undefined
  readonly correlationData?: Uint8Array | undefined
  /** Milliseconds after which nobody is given it any more. */
  readonly expiry?: number | undefined
  /** Milliseconds to wait before it is published; the broker keeps it until then. */
  readonly delay?: number | undefined
}

/** The kernel's message. Throws RangeError for an expiry or delay that is no time span. */
export function toMessage(topic: string, payload: Payload, options: PublishOptions, now: number): Message {
  const { qos = 0, retain = false, headers, contentType, responseTopic, correlationData, expiry, delay } = options
  for (const [name, span] of Object.entries({ expiry, delay }))
    if (span !== undefined && !(span >= 0 && Number.isFinite(span)))
      throw new RangeError(`${name} must be milliseconds, 0 or more, not ${span}`)
  return {
    topic,
    payload: toBytes(payload),
    utf8: typeof payload === 'string' ? true : undefined,
    qos,
    retain,
    headers: headers === undefined ? undefined : toHeaders(headers),
    contentType,
    responseTopic,
    correlationData,
    publisher: '',
    timestamp: now,
    expiresAt: expiry === undefined ? undefined : Math.ceil(now + expiry),
    dueAt: delay === undefined || delay === 0 ? undefined : Math.ceil(now + delay),
  }
}

function toBytes(payload: Payload): Uint8Array {
  if (typeof payload === 'string') return encodeUtf8(payload)
  return payload instanceof Uint8Array ? payload : new Uint8Array(payload)
}

function toHeaders(headers: NonNullable<PublishOptions['headers']>): readonly Header[] {
  return isList(headers) ? headers : Object.entries(headers)
}

function isList(headers: NonNullable<PublishOptions['headers']>): headers is readonly Header[] {
  return Array.isArray(headers)
}
