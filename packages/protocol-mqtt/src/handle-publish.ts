import type { BrokerError, Message } from '@isomq/kernel'
import { PacketType, type Publish } from './codec/packet.ts'
import { ReasonCode } from './codec/reason-code.ts'
import { isDelayed, parseDelayed } from './delayed-topic.ts'
import type { Link } from './link.ts'
import { PublishedMessage } from './messages.ts'
import { judgeName, tellDenied, type Verdict } from './permission.ts'
import { codeOf, publishCodes } from './reason-codes.ts'

// A publisher whose messages the storage has not taken yet may be this far ahead of it, in bytes of all publishers.
const backlogLimit = 4 * 1024 * 1024

/** PUBLISH from a client, answered as its QoS asks [MQTT-3.3.4-1]. A promise when the guard has to think: nothing more of this client is read until then. */
export function handlePublish(link: Link, publish: Publish): void | Promise<void> {
  const name = resolveTopic(link, publish)
  if (name === undefined) return
  const { qos, packetId } = publish
  // Section 3.2.2.3.4
  if (qos > link.options.maximumQos) return link.fail(ReasonCode.QosNotSupported, `QoS ${qos} is not available`)
  if (qos === 2 && !admit(link, publish)) return
  if (publish.retain && !link.options.retainAvailable)
    return link.fail(ReasonCode.RetainNotSupported, 'retained messages are not available')
  // [MQTT-4.3.3-10]: a repetition is answered, not delivered again.
  if (qos === 2 && link.session.inbound.has(packetId)) return answerAgain(link, publish)
  if (isDelayed(name)) return handleDelayed(link, publish, name)
  return judge(link, publish, name, undefined)
}

/** A topic that says when: the message is for the topic behind that, of which alone the guard and the rules hear. */
function handleDelayed(link: Link, publish: Publish, name: string): void | Promise<void> {
  const delayed = link.options.delayedPublish ? parseDelayed(name) : undefined
  if (delayed === undefined) return refuse(link, publish, ReasonCode.TopicNameInvalid)
  return judge(link, publish, delayed.topic, link.now + delayed.delay)
}

function judge(link: Link, publish: Publish, name: string, dueAt: number | undefined): void | Promise<void> {
  const verdict = judgeName(link, 'publish', name)
  if (typeof verdict !== 'object') return settle(link, publish, bound(link, publish, name, verdict), dueAt)
  return verdict.then((known) => {
    if (!link.closed) settle(link, publish, bound(link, publish, name, known), dueAt)
  })
}

/** The verdict, unless the right does not go so far: by the name that was given or by that which it has become. */
function bound(link: Link, { qos, retain }: Publish, name: string, verdict: Verdict): Verdict {
  const { guard } = link.broker
  if (guard.bounds === undefined || typeof verdict === 'number') return verdict
  for (const topic of name === verdict ? [name] : [name, verdict]) {
    const bounds = guard.bounds(link.principal, 'publish', topic)
    if (bounds !== undefined && (qos > bounds.qos || (retain && !bounds.retain))) {
      tellDenied(link, 'publish', name)
      return ReasonCode.NotAuthorized
    }
  }
  return verdict
}

function settle(link: Link, publish: Publish, verdict: Verdict, dueAt: number | undefined): void {
  if (typeof verdict === 'number') refuse(link, publish, verdict)
  else accept(link, publish, verdict, dueAt)
}

/** The topic, also where an alias stands for it; undefined after a fault. */
function resolveTopic(link: Link, publish: Publish): string | undefined {
  const alias = publish.properties?.topicAlias
  if (alias === undefined) return publish.topic
  // [MQTT-3.3.2-8] [MQTT-3.3.2-9]
  if (alias > link.options.topicAliasMaximum) {
    link.fail(
      ReasonCode.TopicAliasInvalid,
      `topic alias ${alias} is above the maximum of ${link.options.topicAliasMaximum}`,
    )
    return undefined
  }
  // [MQTT-3.3.2-12]
  if (publish.topic !== '') {
    link.aliases.set(alias, publish.topic)
    return publish.topic
  }
  const topic = link.aliases.get(alias)
  if (topic === undefined) link.fail(ReasonCode.ProtocolError, `topic alias ${alias} stands for nothing`)
  return topic
}

/**
 * Counts a QoS 2 message as under way; false when there are more than the client may have [MQTT-3.3.4-7]. QoS 1 beyond
 * that number is no fault we could prove: only our storage keeps its acknowledgements back. It is read more slowly.
 */
function admit(link: Link, publish: Publish): boolean {
  const { receiving, options } = link
  receiving.add(publish.packetId)
  if (link.version < 5 || receiving.size <= options.receiveMaximum) return true
  link.fail(ReasonCode.ReceiveMaximumExceeded, `more than ${options.receiveMaximum} messages unacknowledged`)
  return false
}

function accept(link: Link, publish: Publish, topic: string, dueAt: number | undefined): void {
  const { broker, session } = link
  const message = new PublishedMessage(publish, topic, session.id, link.now, link.version === 5)
  message.dueAt = dueAt
  // Only a packet that says what is delivered can be handed on as it is.
  if (publish.qos === 0 && !publish.retain && publish.properties?.topicAlias === undefined && publish.topic === topic)
    link.cache.prime(message, publish, link.version === 5)
  // [MQTT-4.3.3-8]: the id and the message become durable together.
  if (publish.qos === 2) session.inbound.claim(publish.packetId)
  const wait = hand(link, publish, message)
  if (wait === null) return
  if (wait !== undefined && broker.backlog > backlogLimit) link.holdFor(wait)
  if (publish.qos > 0) answer(link, publish, wait ?? (publish.qos === 2 ? session.committing : undefined))
}

/**
 * Publishes: to every session that matches, in order, and to the retained messages [MQTT-4.5.0-1] [MQTT-4.6.0-5] [MQTT-4.6.0-6]
 * [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.3.1-8]. Null when the broker refused and the client has been told.
 */
function hand(link: Link, publish: Publish, message: Message): Promise<void> | undefined | null {
  try {
    return link.broker.publish(message, link.principal) ?? undefined
  } catch (error) {
    if (publish.qos === 2) link.session.inbound.release(publish.packetId)
    refuse(link, publish, publishCodes[codeOf(error)])
    if (codeOf(error) === 'unavailable') link.broker.host.report(error, 'publishing')
    return null
  }
}

/** PUBACK or PUBREC, once the message is the broker's [MQTT-4.3.2-4] [MQTT-4.3.2-5] [MQTT-4.3.3-8] [MQTT-2.2.1-5]. */
function answer(link: Link, publish: Publish, wait: Promise<void> | undefined): void {
  const { packetId, qos } = publish
  const type = qos === 1 ? PacketType.Puback : PacketType.Pubrec
  // The common case makes no closures.
  if (wait === undefined && link.replies.idle) return link.acknowledge(type, packetId)
  const send = (): void => link.acknowledge(type, packetId)
  link.replies.push(wait, send, (error: BrokerError) => {
    if (qos === 2) link.session.inbound.forget(packetId)
    tell(link, publish, publishCodes[error.code])
  })
}

/** PUBREC for a message that came before, unless that has been refused meanwhile. */
function answerAgain(link: Link, publish: Publish): void {
  const { session, replies } = link
  // Whatever became of the commit it waits for: that may have been another's. It may also be released by now.
  const send = (): void => {
    if (session.inbound.wasRefused(publish.packetId)) tell(link, publish, ReasonCode.UnspecifiedError)
    else link.acknowledge(PacketType.Pubrec, publish.packetId)
  }
  replies.push(session.committing, send, send)
}

/** The message will not be delivered. QoS 0 gets no answer; the answer keeps its turn. */
function refuse(link: Link, publish: Publish, reason: number): void {
  if (publish.qos === 0) return
  link.replies.push(
    undefined,
    () => tell(link, publish, reason),
    () => {},
  )
}

// [MQTT-4.3.3-9]: the identifier is free again.
function tell(link: Link, { qos, packetId }: Publish, reasonCode: number): void {
  link.receiving.delete(packetId)
  const type = qos === 1 ? PacketType.Puback : PacketType.Pubrec
  if (link.version === 5) link.send({ type, packetId, reasonCode })
  // MQTT 3.x has no word for it. What may not be published is acknowledged and dropped [MQTT-3.3.5-2 of 3.1.1]; what could not be taken over is not acknowledged.
  else if (reasonCode === ReasonCode.NotAuthorized) link.acknowledge(type, packetId)
  else link.fail(reasonCode, 'a message could not be accepted')
}
