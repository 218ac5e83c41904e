import { type Message, readUtf8 } from '@isomq/kernel'

/** A message as it is shown; `payload_encoding` says what the payload is. */
export interface Shown {
  readonly topic: string
  readonly qos: number
  readonly retain: boolean
  readonly from_clientid: string
  readonly publish_at: string
  readonly payload: string
  readonly payload_encoding: 'base64' | 'plain'
  readonly properties: object
}

/** A message for people and programs; text is asked for, and given where the payload is text. */
export function shown(message: Message, wanted: 'base64' | 'text'): Shown {
  const {
    topic,
    qos,
    retain,
    publisher,
    timestamp,
    payload,
    expiresAt,
    contentType,
    responseTopic,
    correlationData,
    headers,
  } = message
  const text = wanted === 'text' ? readUtf8(payload, 0, payload.length) : undefined
  return {
    topic,
    qos,
    retain,
    from_clientid: publisher,
    publish_at: new Date(timestamp).toJSON(),
    payload: text ?? toBase64(payload),
    payload_encoding: text === undefined ? 'base64' : 'plain',
    properties: {
      expires_at: expiresAt === undefined ? undefined : new Date(expiresAt).toJSON(),
      content_type: contentType,
      response_topic: responseTopic,
      correlation_data: correlationData && toBase64(correlationData),
      // Names may come twice: a list, for an object would lose one.
      user_properties: headers?.length ? headers : undefined,
    },
  }
}

function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}
