import { payloadOf, type Arrived } from './arrived.ts'
import { isoTime } from './time-format.ts'

/**
 * A message as one line of JSON, with the names of mosquitto_sub. With `json` the payload stands there as the JSON
 * that it is; throws where it is none. No payload is null. A user property that came more than once is a list.
 */
export function messageJson({ message, time }: Arrived, payloadAs: 'text' | 'json'): string {
  const { topic, qos, retain, messageId } = message
  const text = payloadOf(message).toString()
  const fields = {
    tst: isoTime(time, true),
    topic,
    qos,
    retain: retain ? 1 : 0,
    payloadlen: message.payload.length,
    ...(qos > 0 ? { mid: messageId } : {}),
    ...propertyFields(message.properties),
  }
  // Put in as it is written: reading it would change numbers that a double cannot hold.
  const payload = text === '' ? 'null' : payloadAs === 'json' ? jsonPayload(text, topic) : JSON.stringify(text)
  return `${JSON.stringify(fields).slice(0, -1)},"payload":${payload}}`
}

function propertyFields(properties: Arrived['message']['properties']): object {
  if (properties === undefined || Object.keys(properties).length === 0) return {}
  const { payloadFormatIndicator: utf8, correlationData, userProperties } = properties
  const named = {
    'payload-format-indicator': utf8 === undefined ? undefined : Number(utf8),
    'message-expiry-interval': properties.messageExpiryInterval,
    'content-type': properties.contentType,
    'response-topic': properties.responseTopic,
    'correlation-data': correlationData?.toString(),
    'subscription-identifier': properties.subscriptionIdentifier,
    'topic-alias': properties.topicAlias,
    'user-properties': userProperties,
  }
  return { properties: named }
}

/** On one line; a line break in JSON is nothing but space. */
function jsonPayload(text: string, topic: string): string {
  try {
    JSON.parse(text)
  } catch {
    throw new Error(`Message payload is not valid JSON on topic ${topic}`)
  }
  return text.replaceAll(/[\r\n]/g, ' ')
}
