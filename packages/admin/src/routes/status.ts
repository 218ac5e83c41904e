import { notFound } from '../api-error.ts'
import { type Call, pageOf, paging, type Route } from '../route.ts'
import type { Parts } from './parts.ts'

/** How the broker does: what EMQX's dashboards ask for first. */
export function statusRoutes(parts: Parts): Route[] {
  const { broker, node, version } = parts
  const startedAt = broker.host.clock.now()
  const facts = () => ({
    node,
    node_status: 'running',
    version,
    edition: 'isomq',
    uptime: broker.host.clock.now() - startedAt,
    connections: broker.sessions.size,
    live_connections: broker.sessions.connected,
    health: broker.health.state,
  })
  return [
    {
      method: 'GET',
      path: '/api/v5/status',
      summary: 'Whether it runs',
      role: 'nobody',
      handle: () => ({ node, status: 'running', health: broker.health.state }),
    },
    { method: 'GET', path: '/api/v5/nodes', summary: 'The one node', role: 'viewer', handle: () => [facts()] },
    {
      method: 'GET',
      path: '/api/v5/nodes/:node',
      summary: 'A node',
      role: 'viewer',
      handle(call: Call) {
        if (call.param('node') !== node) throw notFound('NOT_FOUND', 'There is one node')
        return facts()
      },
    },
    {
      method: 'GET',
      path: '/api/v5/stats',
      summary: 'How many there are of each',
      role: 'viewer',
      handle: () => [{ node, ...stats(parts) }],
    },
    {
      method: 'GET',
      path: '/api/v5/metrics',
      summary: 'What was counted since the start',
      role: 'viewer',
      handle: () => [{ node, ...metrics(parts) }],
    },
    {
      method: 'GET',
      path: '/api/v5/monitor_current',
      summary: 'The numbers of this moment',
      role: 'viewer',
      handle: () => current(parts),
    },
    {
      method: 'GET',
      path: '/api/v5/prometheus/stats',
      summary: 'The same for Prometheus, under the names of EMQX',
      role: 'viewer',
      handle() {
        if (parts.metricsText === undefined) throw notFound('NOT_FOUND', 'There are no metrics here')
        return new Response(parts.metricsText('emqx'), { headers: { 'Content-Type': 'text/plain; version=0.0.4' } })
      },
    },
    {
      method: 'GET',
      path: '/api/v5/listeners',
      summary: 'Where connections arrive',
      role: 'viewer',
      handle: () => parts.listeners?.() ?? [],
    },
    {
      method: 'GET',
      path: '/api/v5/configs',
      summary: 'The configuration in force, without secrets',
      role: 'administrator',
      handle: () => parts.config?.() ?? {},
    },
    {
      method: 'GET',
      path: '/api/v5/slow_subscriptions',
      summary: 'Subscriptions that were slow of late',
      role: 'viewer',
      query: paging,
      handle: ({ query }) => pageOf(broker.slow, query),
    },
    {
      method: 'GET',
      path: '/api/v1/bridges',
      summary: 'Links to other brokers',
      role: 'viewer',
      handle: () =>
        Array.from(parts.bridges?.() ?? [], ({ name, state }) => ({
          name,
          ...state,
          lastError: state.lastError?.message,
        })),
    },
  ]
}

function stats({ broker }: Parts): Record<string, number> {
  const { counters, sessions, retained, delayed } = broker
  return {
    'connections.count': sessions.size,
    'live_connections.count': sessions.connected,
    'live_connections.max': counters.connectedMaximum,
    'sessions.count': sessions.size,
    'subscriptions.count': counters.subscriptions + counters.sharedSubscriptions,
    'subscriptions.shared.count': counters.sharedSubscriptions,
    'retained.count': retained.size,
    'delayed.count': delayed.size,
    'log.records': counters.kept,
    'log.bytes': counters.keptBytes,
  }
}

function metrics({ broker: { counters } }: Parts): Record<string, number> {
  const drops = Object.entries(counters.drops).map(([reason, count]) => [
    `delivery.dropped.${reason.replaceAll('-', '_')}`,
    count,
  ])
  return {
    'messages.received': counters.received,
    'messages.sent': counters.sent,
    'messages.dropped': counters.dropped,
    'messages.stored': counters.stored,
    'storage.commits': counters.commits,
    'sessions.expired': counters.sessionsExpired,
    ...(Object.fromEntries(drops) as Record<string, number>),
  }
}

function current({ broker }: Parts): object {
  const { counters, sessions, retained } = broker
  return {
    connections: sessions.size,
    live_connections: sessions.connected,
    subscriptions: counters.subscriptions + counters.sharedSubscriptions,
    shared_subscriptions: counters.sharedSubscriptions,
    retained_msg_count: retained.size,
    received: counters.received,
    sent: counters.sent,
    dropped: counters.dropped,
    backlog_bytes: broker.backlog,
    health: broker.health.state,
    memory_short_since: broker.memoryShortSince ?? null,
  }
}
