import type { Broker } from '@isomq/kernel'
import { emqxFamilies } from './emqx-families.ts'
import { render } from './family.ts'
import { ownFamilies } from './own-families.ts'

/** What a protocol has counted: packets by their type (MQTT's numbers), bytes, connections. */
export interface ProtocolCounts {
  readonly bytesReceived: number
  readonly bytesSent: number
  readonly packetsReceived: ArrayLike<number>
  readonly packetsSent: ArrayLike<number>
  readonly publishBytesReceived: number
  readonly publishBytesSent: number
  readonly connections: number
  readonly open: { readonly size: number }
}

/** How a link to another broker does. */
export interface BridgeFacts {
  readonly name: string
  readonly state: {
    readonly status: string
    readonly lagMessages: number
    readonly lagBytes: number
    readonly inFlight: number
  }
}

/** What is known of the process. Seconds and bytes. */
export interface ProcessFacts {
  readonly startedAt: number
  readonly cpuSeconds: number
  readonly residentBytes: number
  readonly heapBytes: number
  /** How late the event loop is: the 99th percentile since the last reading. */
  readonly loopDelay: number
}

/** Where the numbers come from. */
export interface MetricSources {
  readonly version: string
  readonly broker: Broker
  readonly mqtt: ProtocolCounts
  readonly bridges?: Iterable<BridgeFacts> | undefined
  readonly process?: ProcessFacts | undefined
}

/** What a broker counts, in Prometheus' text format (0.0.4); with `emqx` under the names that EMQX's boards read. */
export function metricsText(sources: MetricSources, compat?: 'emqx'): string {
  return render(compat === 'emqx' ? emqxFamilies(sources) : ownFamilies(sources))
}
