import { isFilter, isOwnSession, matches, type Qos, type Session } from '@isomq/kernel'
import * as v from 'valibot'
import { badRequest, notFound } from '../api-error.ts'
import { type Call, pageOf, paging, Reply, type Route } from '../route.ts'
import type { Parts } from './parts.ts'

const subscribeBody = v.object({
  topic: v.string(),
  qos: v.optional(v.picklist([0, 1, 2]), 0),
  nl: v.optional(v.picklist([0, 1]), 0),
  rap: v.optional(v.picklist([0, 1]), 0),
})
const unsubscribeBody = v.object({ topic: v.string() })
const idsBody = v.array(v.string())

/** Clients, their sessions and what they are subscribed to. */
export function clientRoutes(parts: Parts): Route[] {
  const { broker, node } = parts
  const find = (id: string): Session => {
    const session = broker.sessions.get(id)
    if (session === undefined || isOwnSession(id)) throw notFound('CLIENTID_NOT_FOUND', 'There is no such client')
    return session
  }
  const kick = (id: string): void => {
    const session = find(id)
    if (session.consumer === undefined) broker.sessions.end(session, 'not-authorized')
    else broker.sessions.cutOff(session, 'not-authorized')
  }
  return [
    {
      method: 'GET',
      path: '/api/v5/clients',
      summary: 'Clients, connected or not',
      role: 'viewer',
      query: {
        ...paging,
        like_clientid: 'Part of the client id',
        username: 'User name',
        like_username: 'Part of the user name',
        ip_address: 'Address',
        conn_state: '`connected` or `disconnected`',
      },
      handle: ({ query }: Call) => pageOf(clientsLike(parts, query), query),
    },
    {
      method: 'GET',
      path: '/api/v5/clients/:clientid',
      summary: 'A client',
      role: 'viewer',
      handle: ({ param }: Call) => clientOf(parts, find(param('clientid'))),
    },
    {
      method: 'DELETE',
      path: '/api/v5/clients/:clientid',
      summary: 'Disconnects a client; ends the session of one that is not connected',
      role: 'administrator',
      handle({ param }: Call) {
        kick(param('clientid'))
        return new Reply(204)
      },
    },
    {
      method: 'POST',
      path: '/api/v5/clients/kickout/bulk',
      summary: 'The same for several; who is not there is passed over',
      role: 'administrator',
      body: idsBody,
      handle({ body }: Call<string[]>) {
        for (const id of body) if (broker.sessions.get(id) !== undefined && !isOwnSession(id)) kick(id)
        return new Reply(204)
      },
    },
    {
      method: 'GET',
      path: '/api/v5/clients/:clientid/subscriptions',
      summary: 'What a client is subscribed to',
      role: 'viewer',
      handle: ({ param }: Call) => Array.from(subscriptionsOf(find(param('clientid')), node)),
    },
    {
      method: 'POST',
      path: '/api/v5/clients/:clientid/subscribe',
      summary: 'Subscribes a client',
      role: 'administrator',
      body: subscribeBody,
      async handle({ param, body }: Call<v.InferOutput<typeof subscribeBody>>) {
        const session = find(param('clientid'))
        const { topic, qos, nl, rap } = body
        const shared = /^\$share\/([^/+#]+)\/(.+)$/.exec(topic)
        const filter = shared?.[2] ?? topic
        if (!isFilter(filter)) throw badRequest('topic is no topic filter')
        const group = shared?.[1]
        session.subscribe(filter, {
          qos: qos as Qos,
          noLocal: group === undefined && nl === 1,
          retainAsPublished: rap === 1,
          group,
        })
        // What is retained goes out behind it.
        await session.committing
        session.outbound.pump()
        return { clientid: session.id, topic, qos, node }
      },
    },
    {
      method: 'POST',
      path: '/api/v5/clients/:clientid/unsubscribe',
      summary: 'Takes a subscription of a client away',
      role: 'administrator',
      body: unsubscribeBody,
      handle({ param, body: { topic } }: Call<v.InferOutput<typeof unsubscribeBody>>) {
        const shared = /^\$share\/([^/+#]+)\/(.+)$/.exec(topic)
        if (!find(param('clientid')).unsubscribe(shared?.[2] ?? topic, shared?.[1]))
          throw notFound('NOT_FOUND', 'The client has no such subscription')
        return new Reply(204)
      },
    },
    {
      method: 'GET',
      path: '/api/v5/subscriptions',
      summary: 'Subscriptions of all clients',
      role: 'viewer',
      query: {
        ...paging,
        clientid: 'Client id',
        qos: 'QoS',
        topic: 'Filter',
        match_topic: 'A topic that the filter covers',
        share_group: 'Name of the group',
      },
      handle: ({ query }: Call) => pageOf(subscriptionsLike(parts, query), query),
    },
    {
      method: 'GET',
      path: '/api/v5/topics',
      summary: 'Filters that somebody is subscribed to',
      role: 'viewer',
      query: paging,
      handle({ query }: Call) {
        const topics = new Set<string>()
        for (const session of broker.sessions)
          for (const { filter } of session.subscriptions.values()) topics.add(filter)
        return pageOf(
          Array.from(topics, (topic) => ({ topic, node })),
          query,
        )
      },
    },
  ]
}

function* clientsLike(parts: Parts, query: URLSearchParams): Iterable<object> {
  const [id, name, part, address, state] = [
    'like_clientid',
    'username',
    'like_username',
    'ip_address',
    'conn_state',
  ].map((key) => query.get(key))
  for (const session of parts.broker.sessions) {
    const { username = '' } = session.principal
    if (isOwnSession(session.id)) continue
    if (id != null && !session.id.includes(id)) continue
    if (name != null && username !== name) continue
    if (part != null && !username.includes(part)) continue
    if (address != null && session.peer?.address !== address) continue
    if (state != null && (session.consumer === undefined ? 'disconnected' : 'connected') !== state) continue
    yield clientOf(parts, session)
  }
}

function clientOf({ node, watch, clientFacts }: Parts, session: Session): object {
  const { id, principal, peer, consumer, expiry, outbound, subscriptions, disconnectedAt } = session
  const since = watch.connectedAt(id)
  return {
    clientid: id,
    username: principal.username ?? null,
    node,
    connected: consumer !== undefined,
    ip_address: peer?.address ?? null,
    port: peer?.port ?? null,
    transport: peer?.transport ?? null,
    ...clientFacts?.(session),
    connected_at: since === undefined ? null : new Date(since).toJSON(),
    disconnected_at: disconnectedAt === undefined ? null : new Date(disconnectedAt).toJSON(),
    expiry_interval: expiry === Infinity ? 0xffffffff : Math.floor(expiry / 1000),
    is_persistent: session.durable,
    subscriptions_cnt: subscriptions.size,
    inflight_cnt: outbound.inflight.length,
    mqueue_len: outbound.queued,
  }
}

function* subscriptionsOf(
  session: Session,
  node: string,
): Iterable<{ clientid: string; topic: string; filter: string; qos: number; group: string | undefined }> {
  for (const { filter, options } of session.subscriptions.values()) {
    const { qos, group, noLocal = false, retainAsPublished = false } = options
    const topic = group === undefined ? filter : `$share/${group}/${filter}`
    const flags = { nl: Number(noLocal), rap: Number(retainAsPublished), durable: session.durable, node }
    yield { clientid: session.id, topic, filter, qos, group, ...flags }
  }
}

function* subscriptionsLike({ broker, node }: Parts, query: URLSearchParams): Iterable<object> {
  const [id, qos, topic, match, group] = ['clientid', 'qos', 'topic', 'match_topic', 'share_group'].map((key) =>
    query.get(key),
  )
  for (const session of broker.sessions) {
    if (isOwnSession(session.id) || (id != null && session.id !== id)) continue
    for (const each of subscriptionsOf(session, node)) {
      if (qos != null && String(each.qos) !== qos) continue
      if (topic != null && each.filter !== topic && each.topic !== topic) continue
      if (match != null && !matches(each.filter, match)) continue
      if (group != null && each.group !== group) continue
      yield each
    }
  }
}
