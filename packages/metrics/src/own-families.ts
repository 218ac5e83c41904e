import { family, type Family, type HistogramFamily } from './family.ts'
import type { BridgeFacts, MetricSources, ProcessFacts, ProtocolCounts } from './metrics-text.ts'

/** MQTT's packets by their type: index 1 is CONNECT. */
export const packetNames: readonly string[] = [
  '',
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth',
]

/** Everything under names of our own. */
export function ownFamilies(sources: MetricSources): (Family | HistogramFamily)[] {
  const { broker, mqtt, version, bridges = [], process } = sources
  return [
    { name: 'isomq_info', type: 'gauge', help: 'The program.', samples: [{ labels: { version }, value: 1 }] },
    ...ofTraffic(mqtt),
    ...ofBroker(broker),
    ...ofStorage(broker),
    times(
      'isomq_publish_deliver_seconds',
      'From accepting a message to handing it to a connection; one of 64.',
      broker.timings.deliver,
    ),
    times(
      'isomq_publish_ack_seconds',
      'From accepting what must be stored to telling its publisher.',
      broker.timings.ack,
    ),
    times('isomq_commit_seconds', 'What the storage took for a commit.', broker.timings.commit),
    ...ofBridges(Array.from(bridges)),
    ...(process === undefined ? [] : ofProcess(process)),
  ]
}

function ofTraffic(mqtt: ProtocolCounts): Family[] {
  const byPacket = (name: string, help: string, counts: ArrayLike<number>): Family => ({
    name,
    type: 'counter',
    help,
    samples: packetNames.slice(1).map((packet, i) => ({ labels: { packet }, value: counts[i + 1]! })),
  })
  return [
    family('gauge', 'mqtt_connections', 'Connections that are open.', mqtt.open.size),
    family('counter', 'mqtt_connections_total', 'Connections accepted.', mqtt.connections),
    byPacket('mqtt_packets_received_total', 'Packets received.', mqtt.packetsReceived),
    byPacket('mqtt_packets_sent_total', 'Packets sent.', mqtt.packetsSent),
    family('counter', 'mqtt_bytes_received_total', 'Bytes received.', mqtt.bytesReceived),
    family('counter', 'mqtt_bytes_sent_total', 'Bytes sent.', mqtt.bytesSent),
    family('counter', 'mqtt_payload_bytes_received_total', 'Payload bytes received.', mqtt.publishBytesReceived),
    family('counter', 'mqtt_payload_bytes_sent_total', 'Payload bytes sent.', mqtt.publishBytesSent),
  ]
}

function ofBroker({
  counters,
  sessions,
  retained,
  bans,
  delayed,
  memoryShortSince,
}: MetricSources['broker']): Family[] {
  const { connected, size } = sessions
  return [
    {
      name: 'mqtt_sessions',
      type: 'gauge',
      help: 'Sessions, in use by a connection or not.',
      samples: [
        { labels: { state: 'connected' }, value: connected },
        { labels: { state: 'disconnected' }, value: size - connected },
      ],
    },
    family('gauge', 'mqtt_sessions_connected_maximum', 'Most sessions connected at once.', counters.connectedMaximum),
    family('counter', 'mqtt_sessions_expired_total', 'Sessions that nobody came back to.', counters.sessionsExpired),
    family('gauge', 'mqtt_subscriptions', 'Subscriptions, without the shared ones.', counters.subscriptions),
    family('gauge', 'mqtt_shared_subscriptions', 'Memberships of shared subscriptions.', counters.sharedSubscriptions),
    family('counter', 'mqtt_messages_received_total', 'Messages accepted from publishers.', counters.received),
    family('counter', 'mqtt_messages_sent_total', 'Messages handed to connections.', counters.sent),
    {
      name: 'mqtt_messages_dropped_total',
      type: 'counter',
      help: 'Deliveries that did not happen.',
      samples: Object.entries(counters.drops).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    family('gauge', 'mqtt_retained_messages', 'Retained messages.', retained.size),
    family('gauge', 'mqtt_retained_bytes', 'Their payload bytes.', retained.bytes),
    family('gauge', 'isomq_delayed_messages', 'Messages to be published later.', delayed.size),
    family(
      'gauge',
      'isomq_memory_short',
      '1 while nobody new is let in for want of memory.',
      Number(memoryShortSince !== undefined),
    ),
    family('gauge', 'isomq_bans', 'Bans.', Array.from(bans).length),
  ]
}

function ofStorage({ counters, backlog, health }: MetricSources['broker']): Family[] {
  return [
    family('gauge', 'isomq_log_records', 'Records in the log.', counters.kept),
    family('gauge', 'isomq_log_bytes', 'Their payload bytes.', counters.keptBytes),
    family('counter', 'isomq_records_stored_total', 'Records appended to logs.', counters.stored),
    family('counter', 'isomq_commits_total', 'Commits that reached the storage.', counters.commits),
    family('gauge', 'isomq_backlog_bytes', 'Payload bytes accepted and not stored yet.', backlog),
    family('gauge', 'isomq_storage_healthy', '1 while what must be kept can be kept.', Number(health.state === 'ok')),
  ]
}

/** As many labels as there are in the configuration. */
function ofBridges(bridges: readonly BridgeFacts[]): Family[] {
  const by = (name: string, help: string, read: (state: BridgeFacts['state']) => number): Family => ({
    name,
    type: 'gauge',
    help,
    samples: bridges.map(({ name: bridge, state }) => ({ labels: { bridge }, value: read(state) })),
  })
  return [
    by('isomq_bridge_connected', '1 while the other broker is reached.', ({ status }) =>
      Number(status === 'connected'),
    ),
    by(
      'isomq_bridge_lag_messages',
      'Messages that the other broker does not have yet.',
      ({ lagMessages }) => lagMessages,
    ),
    by('isomq_bridge_lag_bytes', 'Their payload bytes.', ({ lagBytes }) => lagBytes),
    by('isomq_bridge_in_flight', 'Messages sent and not acknowledged.', ({ inFlight }) => inFlight),
  ]
}

function ofProcess(facts: ProcessFacts): Family[] {
  return [
    family('gauge', 'process_start_time_seconds', 'When it was started.', facts.startedAt),
    family('counter', 'process_cpu_seconds_total', 'Time on a CPU, user and system.', facts.cpuSeconds),
    family('gauge', 'process_resident_memory_bytes', 'Memory in use.', facts.residentBytes),
    family('gauge', 'isomq_heap_bytes', 'The JavaScript heap, and what it holds outside.', facts.heapBytes),
    family('gauge', 'isomq_event_loop_delay_seconds', 'How late the event loop is, 99th percentile.', facts.loopDelay),
  ]
}

function times(name: string, help: string, histogram: HistogramFamily['times']): HistogramFamily {
  return { name, type: 'histogram', help, times: histogram }
}
