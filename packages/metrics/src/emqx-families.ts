import { family, type Family } from './family.ts'
import type { MetricSources } from './metrics-text.ts'
import { packetNames } from './own-families.ts'

/** What boards made for EMQX ask for, as far as it is counted here. */
export function emqxFamilies({ broker, mqtt }: MetricSources): Family[] {
  const { counters, sessions, retained } = broker
  const gauges: readonly (readonly [name: string, value: number])[] = [
    ['connections_count', sessions.size],
    ['connections_max', counters.connectedMaximum],
    ['live_connections_count', sessions.connected],
    ['sessions_count', sessions.size],
    ['suboptions_count', counters.subscriptions + counters.sharedSubscriptions],
    ['subscriptions_count', counters.subscriptions + counters.sharedSubscriptions],
    ['subscriptions_shared_count', counters.sharedSubscriptions],
    ['retained_count', retained.size],
    ['delayed_count', broker.delayed.size],
    ['cluster_nodes_running', 1],
    ['cluster_nodes_stopped', 0],
  ]
  const totals: readonly (readonly [name: string, value: number])[] = [
    ['messages_received', counters.received],
    ['messages_sent', counters.sent],
    ['messages_dropped', counters.dropped],
    ['messages_dropped_expired', counters.drops.expired],
    ['messages_retained', retained.size],
    ['delivery_dropped', counters.dropped],
    ['delivery_dropped_queue_full', counters.drops['queue-full']],
    ['delivery_dropped_too_large', counters.drops['too-large']],
    ['delivery_dropped_expired', counters.drops.expired],
    ['bytes_received', mqtt.bytesReceived],
    ['bytes_sent', mqtt.bytesSent],
    ['packets_received', sum(mqtt.packetsReceived)],
    ['packets_sent', sum(mqtt.packetsSent)],
    ...packets('received', mqtt.packetsReceived, [
      'connect',
      'subscribe',
      'unsubscribe',
      'pingreq',
      'disconnect',
      'auth',
      'publish',
      'puback',
      'pubrec',
      'pubrel',
      'pubcomp',
    ]),
    ...packets('sent', mqtt.packetsSent, [
      'connack',
      'suback',
      'unsuback',
      'pingresp',
      'disconnect',
      'auth',
      'publish',
      'puback',
      'pubrec',
      'pubrel',
      'pubcomp',
    ]),
  ]
  const help = 'As EMQX names it.'
  return [
    ...gauges.map(([name, value]) => family('gauge', `emqx_${name}`, help, value)),
    ...totals.map(([name, value]) => family('counter', `emqx_${name}`, help, value)),
  ]
}

/** EMQX names a direction where a packet goes both ways. */
function packets(
  direction: 'received' | 'sent',
  counts: ArrayLike<number>,
  names: readonly string[],
): (readonly [string, number])[] {
  const both = new Set(['disconnect', 'auth', 'publish', 'puback', 'pubrec', 'pubrel', 'pubcomp'])
  return names.map((name) => {
    const isSaid = both.has(name) || direction === 'sent'
    return [`packets_${name}${isSaid ? `_${direction}` : ''}`, counts[packetNames.indexOf(name)]!]
  })
}

function sum(counts: ArrayLike<number>): number {
  return Array.from(counts).reduce((total, each) => total + each, 0)
}
