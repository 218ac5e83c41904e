import { type Bridge, createBridge, forgetBridges, parseRule } from '@isomq/bridge'
import { type Broker, encodeUtf8 } from '@isomq/kernel'
import { dial } from './client/dial.ts'
import { readTarget } from './client/target.ts'
import type { BridgeSettings } from './config/types.ts'
import type { Log } from './log.ts'

/** What is wrong with bridges although every single value is right, by path. */
export function bridgeFaults(
  bridges: readonly BridgeSettings[],
): { readonly path: string; readonly message: string }[] {
  return bridges.flatMap(({ name, url, topics, cert, key }, i) => {
    const faults = [
      [
        'name',
        bridges.findIndex((other) => other.name === name) < i ? `(${name}) is that of another bridge` : undefined,
      ],
      ['url', faultOf(() => readTarget({ url }))?.replace(/^-L /, '')],
      ...topics.map((topic, n) => [`topics.${n}`, faultOf(() => parseRule(topic))] as const),
      ['key', (cert === undefined) === (key === undefined) ? undefined : 'and cert go together'],
    ] as const
    return faults.flatMap(([where, message]) =>
      message === undefined ? [] : [{ path: `bridges.${i}.${where}`, message: `is of no use: ${message}` }],
    )
  })
}

/**
 * Links the broker to all of these, and logs how they are doing. What is kept for bridges that are not among them any more
 * is forgotten, and that is logged too.
 */
export function openBridges(broker: Broker, settings: readonly BridgeSettings[], log: Log): readonly Bridge[] {
  for (const name of forgetBridges(
    broker,
    settings.map(({ name }) => name),
  ))
    log.warn({ bridge: name }, 'what was kept for this bridge is forgotten: it is not configured any more')
  return settings.map((each) => openBridge(broker, each, log))
}

/** Keeps `$SYS/broker/connection/<name>/state` (1 or 0, retained) for each bridge, as mosquitto does. Returns how to stop it. */
export function tellBridges(broker: Broker, bridges: readonly Bridge[]): () => void {
  const stops = bridges.map((bridge) => {
    let told = ''
    const tell = (): void => {
      const text = bridge.state.status === 'connected' ? '1' : '0'
      if (text === told) return
      told = text
      const topic = `$SYS/broker/connection/${bridge.name}/state`
      const { now } = broker.host.clock
      const common = { qos: 0, retain: true, publisher: '' } as const
      // Not within what it tells of.
      broker.host.defer(() => void broker.publish({ ...common, topic, payload: encodeUtf8(text), timestamp: now() }))
    }
    tell()
    return bridge.on('state', tell)
  })
  return () => {
    for (const stop of stops) stop()
  }
}

function openBridge(broker: Broker, settings: BridgeSettings, log: Log): Bridge {
  const { name, url, username, password, minBackoff, maxBackoff, maxBytes, ttl, ca, cert, key, insecure } = settings
  const target = readTarget({ url })
  const login = { username: username ?? target.username, password: password ?? target.password }
  const tls = {
    ...(ca === undefined ? {} : { cafile: ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    insecure,
  }
  const bridge = createBridge(broker, name, {
    ...settings,
    dial: () => dial(target, tls, undefined),
    auth: () => login,
    backoff: { min: minBackoff, max: maxBackoff },
    outbox: { maxBytes, ttl },
  })
  const about = { bridge: name }
  let wasConnected = false
  let lastTold = ''
  bridge.on('state', ({ status, lastError, lagMessages, nextRetryAt = 0 }) => {
    if (status === 'connected') log.info({ ...about, lag: lagMessages }, 'bridge connected')
    else if (status === 'waiting') {
      const reason = lastError?.message ?? ''
      const line = { ...about, reason, lag: lagMessages, retry: new Date(nextRetryAt).toJSON() }
      // The same again and again is told to those who look for it.
      log[wasConnected || reason !== lastTold ? 'warn' : 'debug'](line, 'bridge not connected')
      lastTold = reason
    }
    wasConnected = status === 'connected' || (wasConnected && status === 'connecting')
  })
  bridge.on('rejected', (event) => log.warn({ ...about, ...event }, 'a message will not be sent: see the dead letters'))
  bridge.on('blocked', (event) => log.warn({ ...about, ...event }, 'a message is not taken now'))
  bridge.on('refused', (event) => log.warn({ ...about, ...event }, 'a subscription is refused'))
  return bridge
}

function faultOf(attempt: () => unknown): string | undefined {
  try {
    attempt()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
