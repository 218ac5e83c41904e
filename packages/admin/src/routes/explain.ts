import { isOwnSession, isTopic, matches, type Session } from '@isomq/kernel'
import { badRequest, notFound } from '../api-error.ts'
import type { Call, Route } from '../route.ts'
import type { Parts } from './parts.ts'

/** Why somebody gets a message, or does not. */
export function explainRoutes({ broker, watch }: Parts): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/explain',
      summary: 'Why a client gets what is published to a topic, or does not',
      role: 'viewer',
      query: { client: 'Client id; needed', topic: 'Topic; needed', publisher: 'Client id of who publishes' },
      async handle({ query }: Call) {
        const [id, topic] = [query.get('client'), query.get('topic')]
        if (id === null || topic === null || !isTopic(topic)) throw badRequest('client and topic are needed')
        const session = broker.sessions.get(id)
        if (session === undefined || isOwnSession(id)) throw notFound('CLIENTID_NOT_FOUND', 'There is no such client')
        const subscriptions = matching(session, topic)
        const receives = broker.guard.receives(session.principal, topic)
        const mayPublish = await Promise.resolve(broker.guard.authorize(session.principal, 'publish', topic)).catch(
          () => false,
        )
        const isOwn = query.get('publisher') === id
        const heard = subscriptions.filter(({ no_local }) => !(isOwn && no_local))
        const reasons = [
          ...(subscriptions.length === 0 ? ['no-subscription'] : []),
          ...(subscriptions.length > 0 && heard.length === 0 ? ['no-local'] : []),
          ...(receives ? [] : ['not-authorized']),
          ...(session.consumer === undefined ? [session.durable ? 'offline-queued' : 'offline'] : []),
          ...(session.consumer !== undefined && session.consumer.load === 2 ? ['slow-consumer'] : []),
          ...(heard.length > 0 && heard.every(({ group }) => group !== undefined) ? ['shared'] : []),
        ]
        return {
          client: id,
          topic,
          gets: heard.length > 0 && receives && session.consumer !== undefined,
          verdict: verdictOf(reasons, heard),
          reasons,
          subscriptions,
          authorization: { receive: receives, publish: mayPublish === true },
          session: {
            connected: session.consumer !== undefined,
            durable: session.durable,
            queued: session.outbound.queued,
            inflight: session.outbound.inflight.length,
          },
          retained: broker.retained.get(topic) !== undefined,
          // Of what waits in the log alone the topic is not at hand.
          drops: watch.drops(id).filter((drop) => drop.topic === topic || drop.topic === ''),
        }
      },
    },
  ]
}

interface Match {
  readonly filter: string
  readonly qos: number
  readonly group: string | undefined
  readonly no_local: boolean
}

function matching(session: Session, topic: string): Match[] {
  return Array.from(session.subscriptions.values())
    .filter(({ filter }) => matches(filter, topic))
    .map(({ filter, options: { qos, group, noLocal = false } }) => ({ filter, qos, group, no_local: noLocal }))
}

function verdictOf(reasons: readonly string[], heard: readonly Match[]): string {
  const has = (reason: string): boolean => reasons.includes(reason)
  if (has('no-subscription')) return 'It gets nothing: none of its subscriptions covers the topic.'
  if (has('no-local')) return 'It gets nothing of its own: its subscriptions ask for no local messages.'
  if (has('not-authorized')) return 'It gets nothing: it may not receive from this topic.'
  const qos = heard.reduce((highest, each) => Math.max(highest, each.qos), 0)
  if (has('offline')) return 'It gets nothing: it is not connected, and its session ends with its connection.'
  if (has('offline-queued'))
    return qos === 0
      ? 'It gets nothing: it is not connected, and QoS 0 does not wait.'
      : 'It is not connected: messages of QoS 1 and 2 wait for it.'
  if (has('slow-consumer')) return 'It takes its messages too slowly: QoS 0 is dropped, the rest waits.'
  if (has('shared')) return 'It shares the messages with the other members of its group: each goes to one of them.'
  return `It gets each message once, with QoS ${qos} at most.`
}
