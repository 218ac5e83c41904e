import { ConnectionSocket, installWebSocket } from '@isomq/browser'
import {
  BrokerError,
  type BrokerOptions,
  type Connection,
  covers,
  createBroker as createKernel,
  type HistoryOptions,
  type Host,
  type Storage,
} from '@isomq/kernel'
import { defaultSysOptions, mqtt, type MqttOptions, type SysOptions, sysTopics } from '@isomq/protocol-mqtt'
import { memoryStorage } from '@isomq/storage-memory'
import { linkConnections } from '@isomq/transport-memory'
import type { Bridge } from '@isomq/bridge'
import { openBridge } from './bridge.ts'
import type { Broker } from './broker.ts'
import { listenTo } from './events.ts'
import { type Hooks, hookGuard } from './hooks.ts'
import { platformHost } from './host.ts'
import { keepSettings, type KeptBroker } from './kept-settings.ts'
import { toMessage } from './publication.ts'
import { subscribe, type Subscription } from './subscription.ts'

/** What a broker is to be like. All of it may be left out. */
export interface CreateBrokerOptions
  extends Hooks, Pick<BrokerOptions, 'flapping' | 'limits' | 'sharing' | 'slowSubscriptions'> {
  /** Its name among others. Default: a random one. */
  readonly id?: string | undefined
  /** Where it keeps what must outlive a connection; it is closed with the broker. Default: memory. */
  readonly storage?: Storage | undefined
  /** What stays in the log to be read again: filters, or these with bounds. Default: nothing. */
  readonly history?: readonly string[] | Partial<HistoryOptions> | undefined
  /** What its MQTT allows. */
  readonly mqtt?: Partial<MqttOptions> | undefined
  /** Tells of itself on `$SYS`; true for what a server tells. Default: nothing. */
  readonly sys?: boolean | Partial<SysOptions> | undefined
  /** Told of faults: bugs, of hooks too. Default: `console.error`. */
  readonly report?: Host['report'] | undefined
}

/** A broker, as its storage remembers it. Rejects when that cannot be read, or with BrokerError `invalid-filter` for a history. */
export async function createBroker(options: CreateBrokerOptions = {}): Promise<Broker> {
  const { storage = memoryStorage(), limits, sharing, flapping, slowSubscriptions } = options
  const host = platformHost(options.report ?? printFault)
  const id = options.id ?? host.randomId()
  const { guard, policyChanged } = hookGuard(options, host.report)
  const history = toHistory(options.history)
  const kept = history?.filters ?? []
  const kernel = await createKernel({ storage, host, guard, limits, sharing, flapping, slowSubscriptions, history })
  const like: KeptBroker = { limits, sharing, history }
  await keepSettings(storage, 'broker', like).catch((error: unknown) => host.report(error, 'keeping settings'))
  const protocol = mqtt(options.mqtt)
  const stopSys = sysTopics(kernel, protocol.counters, sysOptions(options.sys, id))
  const subscriptions = new Set<Subscription>()
  const bridges = new Map<string, Promise<Bridge>>()
  let closed: Promise<void> | undefined

  const serve = (connection: Connection): void => protocol.serve(connection, kernel)
  const connect = (): Connection => {
    const [near, far] = linkConnections()
    serve(far)
    return near
  }
  const close = async (): Promise<void> => {
    stopSys()
    for (const subscription of subscriptions) subscription.close()
    await Promise.allSettled(Array.from(bridges.values(), async (bridge) => (await bridge).close()))
    await kernel.close()
    await storage.close()
  }
  return {
    id,
    kernel,
    retained: kernel.retained,
    async publish(topic, payload, options = {}) {
      await kernel.publish(toMessage(topic, payload, options, host.clock.now()))
    },
    subscribe(filter, options) {
      const source = { broker: kernel, keeps: (filter: string) => kept.some((each) => covers(each, filter)) }
      const subscription = subscribe(source, filter, options)
      subscriptions.add(subscription)
      return subscription
    },
    on: (name, listener) => listenTo(kernel, name, listener),
    connect,
    createWebSocket: (url, protocols = []) => new ConnectionSocket(url, protocols, connect),
    installWebSocket: ({ hosts }) => installWebSocket({ hosts, dial: connect }),
    serve,
    async bridge(name, options) {
      const before = await bridges.get(name)?.catch(() => undefined)
      if (closed !== undefined) throw new BrokerError('shutting-down')
      if (before !== undefined && before.state.status !== 'closed')
        throw new TypeError(`there is a bridge ${name} already; close it first`)
      const bridge = openBridge({ kernel, storage }, name, options)
      bridges.set(name, bridge)
      return bridge
    },
    policyChanged,
    close: () => (closed ??= close()),
  }
}

function printFault(error: unknown, context: string): void {
  // oxlint-disable-next-line no-console -- who embeds a broker and says nothing else looks there
  console.error(`isomq: ${context}:`, error)
}

function toHistory(history: CreateBrokerOptions['history']): Partial<HistoryOptions> | undefined {
  return isList(history) ? { filters: history } : history
}

function isList(history: CreateBrokerOptions['history']): history is readonly string[] {
  return Array.isArray(history)
}

function sysOptions(sys: CreateBrokerOptions['sys'], node: string): SysOptions {
  const interval = sys === undefined || sys === false ? 0 : defaultSysOptions.interval
  const own = typeof sys === 'object' ? sys : {}
  return { ...defaultSysOptions, version: '0.0.0', memory: () => 0, node, interval, ...own }
}
