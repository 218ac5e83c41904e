import type { Header, Message } from '@isomq/kernel'
import { Buffer } from 'buffer'
import type { IPublishPacket, UserProperties } from 'mqtt-packet'

/** The kernel's message of a PUBLISH. Its bytes are its own. */
export function messageOf(
  packet: IPublishPacket,
  rest: { readonly topic: string; readonly publisher: string; readonly now: number },
): Message {
  const { qos, retain, payload, properties = {} } = packet
  const { messageExpiryInterval: expiry, correlationData } = properties
  return {
    topic: rest.topic,
    payload: Uint8Array.from(typeof payload === 'string' ? Buffer.from(payload) : payload),
    qos,
    retain,
    headers: properties.userProperties && headersOf(properties.userProperties),
    contentType: properties.contentType,
    responseTopic: properties.responseTopic,
    correlationData: correlationData && Uint8Array.from(correlationData),
    utf8: properties.payloadFormatIndicator,
    publisher: rest.publisher,
    timestamp: rest.now,
    expiresAt: expiry === undefined ? undefined : rest.now + expiry * 1000,
  }
}

type Properties = NonNullable<IPublishPacket['properties']>

/** The properties of MQTT 5 with which a message is sent. `now` is the time of sending. */
export function propertiesOf(message: Message, headers: readonly Header[], now: number): Properties {
  const properties: Properties = {}
  const { expiresAt, contentType, responseTopic, correlationData, utf8 } = message
  if (expiresAt !== undefined) properties.messageExpiryInterval = Math.max(Math.ceil((expiresAt - now) / 1000), 1)
  if (contentType !== undefined) properties.contentType = contentType
  if (responseTopic !== undefined) properties.responseTopic = responseTopic
  if (correlationData !== undefined) properties.correlationData = bufferOf(correlationData)
  if (utf8 !== undefined) properties.payloadFormatIndicator = utf8
  if (headers.length > 0) properties.userProperties = userProperties(headers)
  return properties
}

/** The same bytes, as mqtt-packet wants them. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function headersOf(properties: UserProperties): Header[] {
  return Object.entries(properties).flatMap(([name, value]) =>
    Array.isArray(value) ? value.map((each): Header => [name, each]) : [[name, value] satisfies Header],
  )
}

// A name that comes more than once has a list; what stands between two of the same name loses its place.
function userProperties(headers: readonly Header[]): UserProperties {
  const properties = Object.create(null) as Record<string, string | string[]>
  for (const [name, value] of headers) {
    const there = properties[name]
    properties[name] = there === undefined ? value : Array.isArray(there) ? [...there, value] : [there, value]
  }
  return properties as UserProperties
}
