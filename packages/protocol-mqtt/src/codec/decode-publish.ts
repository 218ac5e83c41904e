import { readProperties } from './decode-properties.ts'
import { type Frame } from './frame.ts'
import type { MalformedPacket } from './malformed-packet.ts'
import { type Ack, type AckType, PacketType, Publish } from './packet.ts'
import type { AnswerProperties, PublishProperties } from './packet-properties.ts'
import { ReasonCode, publishAckCodes, releaseCodes } from './reason-code.ts'
import { type TopicCache, topicFault } from './topic-cache.ts'

/** Reads a PUBLISH in one pass. Its flags have been judged by the first byte. */
export function decodePublish(frame: Frame, topics: TopicCache): Publish {
  const bytes = frame.bytes
  const end = frame.end
  let at = frame.at
  if (at + 2 > end) throw frame.malformed('topic is cut short')
  const topicStart = at + 2
  const topicEnd = topicStart + ((bytes[at]! << 8) | bytes[at + 1]!)
  if (topicEnd > end) throw frame.malformed('topic is cut short')
  const topic = topics.read(bytes, topicStart, topicEnd)
  if (topic === '' && (topicStart !== topicEnd || frame.version !== 5)) throw badTopic(frame, topicStart, topicEnd)
  at = topicEnd
  let packetId = 0
  // [MQTT-2.2.1-2] [MQTT-2.3.1-5 of 3.1.1]
  if ((frame.flags & 6) !== 0) {
    if (at + 2 > end) throw frame.malformed('packet identifier is cut short')
    packetId = (bytes[at]! << 8) | bytes[at + 1]!
    if (packetId === 0) throw frame.forbidden('packet identifier is 0') // [MQTT-2.2.1-3] [MQTT-2.3.1-1 of 3.1.1]
    at += 2
  }
  let properties: PublishProperties | undefined
  if (frame.version === 5) {
    if (at < end && bytes[at] === 0) at++
    else {
      frame.at = at
      properties = readProperties<PublishProperties>(frame, PacketType.Publish)
      at = frame.at
    }
    // Section 3.3.2.1: an empty name needs an alias to stand for it.
    if (topic === '' && properties?.topicAlias === undefined) throw frame.forbidden('neither a topic nor a topic alias')
  }
  return new Publish(bytes, frame.start, end, at, frame.flags, topic, packetId, properties)
}

/** Reads a PUBACK, PUBREC, PUBREL or PUBCOMP. */
export function decodeAck(frame: Frame): Ack {
  const bytes = frame.bytes
  const at = frame.at
  const type = frame.type as AckType
  if (at + 2 > frame.end) throw frame.malformed('packet identifier is cut short')
  const packetId = (bytes[at]! << 8) | bytes[at + 1]!
  if (packetId === 0) throw frame.forbidden('packet identifier is 0')
  if (at + 2 === frame.end) return { type, packetId, reasonCode: 0, properties: undefined }
  frame.at = at + 2
  if (frame.version !== 5) frame.done()
  const reasonCode = frame.byte('reason code')
  // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
  const legal = type === PacketType.Puback || type === PacketType.Pubrec ? publishAckCodes : releaseCodes
  if (!legal.has(reasonCode)) throw frame.forbidden(`no such reason code ${reasonCode}`)
  if (frame.at === frame.end) return { type, packetId, reasonCode, properties: undefined }
  const properties = readProperties<AnswerProperties>(frame, type)
  frame.done()
  return { type, packetId, reasonCode, properties }
}

function badTopic(frame: Frame, start: number, end: number): MalformedPacket {
  const fault = topicFault(frame.bytes, start, end)
  // [MQTT-3.3.2-2]
  if (fault === 'wildcard' && frame.version === 5)
    return frame.fault(ReasonCode.TopicNameInvalid, 'topic has a wildcard')
  return frame.malformed(fault === 'wildcard' ? 'topic has a wildcard' : `topic is ${fault}`)
}
