import type { Broker } from '@isomq/kernel'
import { PacketType } from '../codec/packet.ts'
import type { MqttCounters } from '../mqtt-counters.ts'
import { type LoadAverage, loadAverage } from './load-average.ts'

/** Reads the tree below `$SYS/broker/`: the names and forms are those of mosquitto, which tools know how to read. */
export interface BrokerTree {
  /** Every topic below `$SYS/broker/` with its text, as of now. */
  read(): ReadonlyMap<string, string>
}

/** What the tree tells besides the counters. */
export interface TreeOptions {
  /** Of the broker's program: `1.2.3`. */
  readonly version: string
  /** Bytes of memory in use. Without it the two topics of `heap` are not there. */
  readonly memory?: (() => number) | undefined
}

/** A tree whose time begins now. */
export function brokerTree(broker: Broker, counters: MqttCounters, options: TreeOptions): BrokerTree {
  const { clock } = broker.host
  const started = clock.now()
  const averages = new Map<string, LoadAverage>()
  let updated = started
  let heapMaximum = 0

  function readLoad(tree: Map<string, string>, totals: ReadonlyMap<string, number>): void {
    const now = clock.now()
    const elapsed = now - updated
    for (const [name, total] of totals) {
      let average = averages.get(name)
      if (average === undefined) averages.set(name, (average = loadAverage()))
      // A clock that was set back tells nothing of speed.
      if (elapsed > 0) average.update(total, elapsed)
      for (const [span, value] of average.values) tree.set(`load/${name}/${span}`, value.toFixed(2))
    }
    updated = now
  }

  return {
    read() {
      const tree = new Map<string, string>()
      tree.set('version', `isomq version ${options.version}`)
      tree.set('uptime', `${Math.max(0, Math.floor((clock.now() - started) / 1000))} seconds`)
      for (const [name, value] of readNumbers(broker, counters)) tree.set(name, String(value))
      if (options.memory !== undefined) {
        const heap = options.memory()
        heapMaximum = Math.max(heapMaximum, heap)
        tree.set('heap/current', String(heap))
        tree.set('heap/maximum', String(heapMaximum))
      }
      readLoad(tree, readTotals(broker, counters))
      return tree
    },
  }
}

/** Totals whose growth is averaged, by their names below `load/`. */
function readTotals(broker: Broker, counters: MqttCounters): ReadonlyMap<string, number> {
  return new Map([
    ['messages/received', sum(counters.packetsReceived)],
    ['messages/sent', sum(counters.packetsSent)],
    ['publish/received', counters.packetsReceived[PacketType.Publish]!],
    ['publish/sent', counters.packetsSent[PacketType.Publish]!],
    ['publish/dropped', broker.counters.dropped],
    ['bytes/received', counters.bytesReceived],
    ['bytes/sent', counters.bytesSent],
    ['sockets', counters.connections],
    ['connections', counters.packetsReceived[PacketType.Connect]!],
  ])
}

function readNumbers(broker: Broker, counters: MqttCounters): ReadonlyMap<string, number> {
  const { sessions, retained, counters: kernel } = broker
  const { connected } = sessions
  const disconnected = sessions.size - connected
  const stored = kernel.kept + retained.size
  let [packets, bytes] = [0, 0]
  for (const output of counters.open) {
    packets += output.unsentPackets
    bytes += output.unsent
  }
  return new Map([
    ['clients/total', sessions.size],
    ['clients/connected', connected],
    ['clients/active', connected],
    ['clients/disconnected', disconnected],
    ['clients/inactive', disconnected],
    ['clients/maximum', kernel.connectedMaximum],
    ['clients/expired', kernel.sessionsExpired],
    ['connections/socket/count', counters.connections],
    ['messages/received', sum(counters.packetsReceived)],
    ['messages/sent', sum(counters.packetsSent)],
    ['messages/stored', stored],
    ['store/messages/count', stored],
    ['store/messages/bytes', kernel.keptBytes + retained.bytes],
    ['retained messages/count', retained.size],
    ['subscriptions/count', kernel.subscriptions],
    ['shared_subscriptions/count', kernel.sharedSubscriptions],
    ['publish/messages/received', counters.packetsReceived[PacketType.Publish]!],
    ['publish/messages/sent', counters.packetsSent[PacketType.Publish]!],
    ['publish/messages/dropped', kernel.dropped],
    ['publish/bytes/received', counters.publishBytesReceived],
    ['publish/bytes/sent', counters.publishBytesSent],
    ['bytes/received', counters.bytesReceived],
    ['bytes/sent', counters.bytesSent],
    ['packet/out/count', packets],
    ['packet/out/bytes', bytes],
  ])
}

function sum(numbers: Float64Array): number {
  return numbers.reduce((total, each) => total + each, 0)
}
