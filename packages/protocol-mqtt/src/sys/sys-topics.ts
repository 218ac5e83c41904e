import type { Broker, Timer } from '@isomq/kernel'
import type { MqttCounters } from '../mqtt-counters.ts'
import { brokerTree, type TreeOptions } from './broker-tree.ts'
import { clientEvents } from './client-events.ts'
import { publishSys } from './publish-sys.ts'

/** What a broker tells of itself on `$SYS`. */
export interface SysOptions extends TreeOptions {
  /** Milliseconds between two readings of `$SYS/broker/…`; 0 for none at all. */
  readonly interval: number
  /** Whether `$SYS/brokers/<node>/clients/…` tells what clients do. */
  readonly events: boolean
  /** Name of this broker among others. */
  readonly node: string
}

/** What applies where nothing else is said. */
export const defaultSysOptions: Omit<SysOptions, 'version' | 'memory'> = {
  interval: 10_000,
  events: false,
  node: 'isomq',
}

/**
 * Publishes `$SYS/broker/…`, retained in memory, now and at every interval as far as it has changed, and the events of
 * clients where they are on. Call it before the first client comes; returns how to stop it, to be called before the
 * broker is closed.
 */
export function sysTopics(broker: Broker, counters: MqttCounters, options: SysOptions): () => void {
  const stopEvents = options.events ? clientEvents(broker, options.node) : undefined
  const stopTree = options.interval > 0 ? publishTree(broker, counters, options) : undefined
  return () => {
    stopTree?.()
    stopEvents?.()
  }
}

function publishTree(broker: Broker, counters: MqttCounters, options: SysOptions): () => void {
  const { clock, report } = broker.host
  const tree = brokerTree(broker, counters, options)
  const told = new Map<string, string>()
  let timer: Timer
  const publish = (): void => {
    for (const [name, text] of tree.read()) {
      if (told.get(name) === text) continue
      told.set(name, text)
      publishSys(broker, { topic: `$SYS/broker/${name}`, text, retain: true })
    }
  }
  const tick = (): void => {
    timer = clock.timer(options.interval, tick)
    try {
      publish()
    } catch (error) {
      report(error, 'publishing $SYS topics')
    }
  }
  tick()
  return () => timer.cancel()
}
