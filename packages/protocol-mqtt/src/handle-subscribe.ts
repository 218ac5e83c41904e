import { isFilter, type Qos, type Session, type SubscriptionOptions } from '@isomq/kernel'
import { type FilterRequest, PacketType, type Subscribe, type Unsubscribe } from './codec/packet.ts'
import { ReasonCode } from './codec/reason-code.ts'
import type { Link } from './link.ts'
import { type ParsedFilter, parseFilter } from './parse-filter.ts'
import { judgeName, type Verdict } from './permission.ts'
import { codeOf, subscribeCodes } from './reason-codes.ts'

const failure = 0x80

/** SUBSCRIBE: each filter as if it came alone, one SUBACK for all [MQTT-3.8.4-5] [MQTT-3.8.4-6]. */
export function handleSubscribe(link: Link, packet: Subscribe): void | Promise<void> {
  const filters = packet.filters.map(({ filter }) => filter)
  if (violates(link, filters)) return
  const parsed = filters.map(parseFilter)
  // [MQTT-3.8.3-4]: the decoder knows `$share/`, not what else is shared.
  if (parsed.some((each, i) => each?.group !== undefined && packet.filters[i]!.noLocal))
    return link.fail(ReasonCode.ProtocolError, 'No Local on a shared subscription')
  const verdicts = parsed.map((each) => judge(link, each))
  if (verdicts.every((verdict) => typeof verdict !== 'object')) return answer(link, packet, verdicts as Verdict[])
  return Promise.all(verdicts).then((known) => {
    if (!link.closed) answer(link, packet, known)
  })
}

/** [MQTT-3.2.2-10]: what asks for more than there is gets what there is. */
function grantedQos({ broker, principal, options }: Link, { qos }: FilterRequest, filter: string): Qos {
  const bounds = broker.guard.bounds?.(principal, 'subscribe', filter)
  return Math.min(qos, options.maximumQos, bounds?.qos ?? 2) as Qos
}

/** The filter that is to be subscribed to, without its prefix, or why there is none. */
function judge(link: Link, parsed: ParsedFilter | undefined): Verdict | Promise<Verdict> {
  const { sharedSubscriptions, exclusiveSubscriptions } = link.options
  if (parsed === undefined) return ReasonCode.TopicFilterInvalid
  if (parsed.group !== undefined && !sharedSubscriptions) return ReasonCode.SharedSubscriptionsNotSupported
  if (parsed.exclusive === true && !exclusiveSubscriptions) return ReasonCode.TopicFilterInvalid
  return judgeName(link, 'subscribe', parsed.filter)
}

function answer(link: Link, packet: Subscribe, verdicts: readonly Verdict[]): void {
  const { session, replies } = link
  const { packetId } = packet
  const added: SubscriptionOptions[] = []
  const reasonCodes = packet.filters.map((request, i) => {
    const verdict = verdicts[i]!
    if (typeof verdict === 'number') return verdict
    const options = optionsOf(request, parseFilter(request.filter)!, packet.properties?.subscriptionIdentifier)
    return subscribe(link, verdict, { ...options, qos: grantedQos(link, request, verdict) }, added)
  })
  // [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.2.1-6]. Retained messages follow the SUBACK. MQTT 3.1, which has no failure code, gets that of 3.1.1.
  const send = (): void => {
    link.send({ type: PacketType.Suback, packetId, reasonCodes })
    session.outbound.pump()
  }
  replies.push(session.committing, send, ({ code }) => {
    takeBack(session, added)
    const refused = reasonCodes.map((reason) => (reason < failure ? subscribeCodes[code] : reason))
    link.send({ type: PacketType.Suback, packetId, reasonCodes: refused })
  })
}

/** What was subscribed to and could not be kept. What has been replaced since was asked for again; what was there before stays, with the options it has now. */
function takeBack(session: Session, added: readonly SubscriptionOptions[]): void {
  for (const { filter, options } of Array.from(session.subscriptions.values()))
    if (added.includes(options)) session.unsubscribe(filter, options.group, options.exclusive)
}

/** `added` gets the options where the subscription is new. */
function subscribe(link: Link, filter: string, options: SubscriptionOptions, added: SubscriptionOptions[]): number {
  try {
    // What a subscription means is the kernel's: [MQTT-3.8.3-3] [MQTT-3.8.4-3] [MQTT-3.8.4-4] [MQTT-3.8.4-8] [MQTT-3.3.2-3]
    // [MQTT-3.3.4-2] [MQTT-4.7.2-1] [MQTT-4.7.3-4] [MQTT-4.8.2-3] [MQTT-4.8.2-4] [MQTT-4.8.2-5].
    if (link.session.subscribe(filter, options)) added.push(options)
    return options.qos // [MQTT-3.8.4-7]
  } catch (error) {
    const code = codeOf(error)
    if (code === 'unavailable') link.broker.host.report(error, 'subscribing')
    return subscribeCodes[code]
  }
}

/** What a filter and the options beside it ask of the kernel. */
export function optionsOf(
  request: FilterRequest,
  { group, exclusive }: ParsedFilter,
  identifier?: number,
): SubscriptionOptions {
  const { qos, noLocal, retainAsPublished, retainHandling } = request
  // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
  const retained = retainHandling === 0 ? 'always' : retainHandling === 1 ? 'if-new' : 'never'
  return { qos, group, exclusive, noLocal, retainAsPublished, identifier, retained }
}

/** In MQTT 3.x a filter that is none breaks the protocol, and that ends the connection [MQTT-4.8.0-1 of 3.1.1]; 5.0 has a code for it. */
function violates(link: Link, filters: readonly string[]): boolean {
  // [MQTT-4.7.1-2 of 3.1.1] [MQTT-4.7.1-3 of 3.1.1]
  const bad = link.version < 5 && !filters.every(isFilter)
  if (bad) link.fail(ReasonCode.TopicFilterInvalid, 'a topic filter is invalid')
  return bad
}

/**
 * UNSUBSCRIBE: one code per filter, in order, in one answer [MQTT-3.10.4-4] [MQTT-3.10.4-6] [MQTT-3.11.3-1]; what was never
 * subscribed is answered too [MQTT-3.10.4-5].
 */
export function handleUnsubscribe(link: Link, packet: Unsubscribe): void {
  const { session, replies } = link
  if (violates(link, packet.filters)) return
  const codes = packet.filters.map((text) => {
    const parsed = parseFilter(text)
    if (parsed === undefined) return ReasonCode.TopicFilterInvalid
    const { rewrite, principal } = link
    const filter = rewrite === undefined ? parsed.filter : rewrite.apply('subscribe', parsed.filter, principal)
    if (filter === undefined) return ReasonCode.TopicFilterInvalid
    const { group, exclusive } = parsed
    // [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-3]
    return session.unsubscribe(filter, group, exclusive) ? ReasonCode.Success : ReasonCode.NoSubscriptionExisted
  })
  const send = (): void => link.send({ type: PacketType.Unsuback, packetId: packet.packetId, reasonCodes: codes })
  replies.push(session.committing, send, (error) => link.failWith(error.code, 'unsubscribing could not be stored'))
}
