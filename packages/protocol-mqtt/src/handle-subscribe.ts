import { isFilter, type SubscriptionOptions } from '@isomq/kernel'
import { type FilterRequest, PacketType, type Subscribe, type Unsubscribe } from './codec/packet.ts'
import { ReasonCode } from './codec/reason-code.ts'
import type { Link } from './link.ts'
import { judgeName, type Verdict } from './permission.ts'
import { codeOf, subscribeCodes } from './reason-codes.ts'

/** A filter with the group taken off that `$share/group/` names; undefined when it is not a filter [MQTT-4.8.2-1] [MQTT-4.8.2-2]. */
function parseFilter(text: string): { readonly filter: string; readonly group: string | undefined } | undefined {
  if (text !== '$share' && !text.startsWith('$share/'))
    return isFilter(text) ? { filter: text, group: undefined } : undefined
  const end = text.indexOf('/', 7)
  const group = text.slice(7, end)
  const filter = text.slice(end + 1)
  return end <= 7 || /[+#]/.test(group) || !isFilter(filter) ? undefined : { filter, group }
}

/** SUBSCRIBE: each filter as if it came alone, one SUBACK for all [MQTT-3.8.4-5] [MQTT-3.8.4-6]. */
export function handleSubscribe(link: Link, packet: Subscribe): void | Promise<void> {
  const verdicts: (Verdict | Promise<Verdict>)[] = packet.filters.map((request) => judge(link, request))
  if (verdicts.every((verdict) => typeof verdict !== 'object')) return answer(link, packet, verdicts as Verdict[])
  return Promise.all(verdicts).then((known) => {
    if (!link.closed) answer(link, packet, known)
  })
}

/** The filter that is to be subscribed to, without its group, or why there is none. */
function judge(link: Link, request: FilterRequest): Verdict | Promise<Verdict> {
  const parsed = parseFilter(request.filter)
  if (parsed === undefined) return ReasonCode.TopicFilterInvalid
  if (parsed.group !== undefined && !link.options.sharedSubscriptions) return ReasonCode.SharedSubscriptionsNotSupported
  return judgeName(link, 'subscribe', parsed.filter)
}

function answer(link: Link, packet: Subscribe, verdicts: readonly Verdict[]): void {
  const { session, replies } = link
  const { packetId } = packet
  const reasonCodes = packet.filters.map((request, i) => {
    const verdict = verdicts[i]!
    return typeof verdict === 'number' ? verdict : subscribe(link, packet, request, verdict)
  })
  // [MQTT-3.8.4-1] [MQTT-3.8.4-2]. Retained messages follow the SUBACK. MQTT 3.1, which has no failure code, gets that of 3.1.1.
  const send = (): void => {
    link.send({ type: PacketType.Suback, packetId, reasonCodes })
    session.outbound.pump()
  }
  replies.push(session.committing, send, (error) => link.failWith(error.code, 'a subscription could not be stored'))
}

function subscribe(link: Link, packet: Subscribe, request: FilterRequest, filter: string): number {
  const { group } = parseFilter(request.filter)!
  const options: SubscriptionOptions = {
    qos: request.qos,
    group,
    noLocal: request.noLocal,
    retainAsPublished: request.retainAsPublished,
    identifier: packet.properties?.subscriptionIdentifier,
    // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
    retained: request.retainHandling === 0 ? 'always' : request.retainHandling === 1 ? 'if-new' : 'never',
  }
  try {
    link.session.subscribe(filter, options)
    return request.qos
  } catch (error) {
    const code = codeOf(error)
    if (code === 'unavailable') link.broker.host.report(error, 'subscribing')
    return subscribeCodes[code]
  }
}

/** UNSUBSCRIBE: one code per filter, in order [MQTT-3.11.3-1]; what was never subscribed is answered too [MQTT-3.10.4-5]. */
export function handleUnsubscribe(link: Link, packet: Unsubscribe): void {
  const { session, replies } = link
  const codes = packet.filters.map((text) => {
    const parsed = parseFilter(text)
    if (parsed === undefined) return ReasonCode.TopicFilterInvalid
    const { rewrite, principal } = link
    const filter = rewrite === undefined ? parsed.filter : rewrite.apply('subscribe', parsed.filter, principal)
    if (filter === undefined) return ReasonCode.TopicFilterInvalid
    return session.unsubscribe(filter, parsed.group) ? ReasonCode.Success : ReasonCode.NoSubscriptionExisted
  })
  const send = (): void => link.send({ type: PacketType.Unsuback, packetId: packet.packetId, reasonCodes: codes })
  replies.push(session.committing, send, (error) => link.failWith(error.code, 'unsubscribing could not be stored'))
}
