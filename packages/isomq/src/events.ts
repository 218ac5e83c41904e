import type { Ban, Broker, BrokerEvent, DropReason, PeerInfo, SubscriptionOptions } from '@isomq/kernel'
import { Received } from './received.ts'

/** What a broker tells, by name. */
export interface EventMap {
  /** A client is let in. */
  readonly clientReady: {
    readonly clientId: string
    readonly username: string | undefined
    readonly peer: PeerInfo
    readonly resumed: boolean
  }
  readonly clientDisconnect: { readonly clientId: string; readonly reason: string }
  /** Nothing is kept for this client any more. */
  readonly sessionEnd: { readonly clientId: string }
  readonly subscribe: { readonly clientId: string; readonly filter: string; readonly options: SubscriptionOptions }
  readonly unsubscribe: { readonly clientId: string; readonly filter: string; readonly group: string | undefined }
  /** A message was accepted, whoever published it; topics that begin with `$` excepted. */
  readonly publish: Received
  /** Messages will not reach a client. */
  readonly drop: {
    readonly clientId: string
    readonly reason: DropReason
    readonly topic: string
    readonly count: number
  }
  /** Somebody was turned away, cut off, or denied what he was to have. */
  readonly refuse: { readonly peer: PeerInfo; readonly detail: string }
  readonly ban: Ban
  readonly unban: Ban
  /** What must be kept cannot be, until `storageRecovered`. */
  readonly storageFailed: { readonly error: unknown }
  readonly storageRecovered: { readonly since: number }
  /** More memory is in use than may be, until `memoryRecovered`. Bytes. */
  readonly memoryShort: { readonly bytes: number; readonly limit: number }
  readonly memoryRecovered: { readonly since: number }
}

/** Calls back with every event of this name, synchronously. Returns how to stop it. A listener that throws is reported. */
export function listenTo<K extends keyof EventMap>(
  broker: Broker,
  name: K,
  listener: (event: EventMap[K]) => void,
): () => void {
  const tell = listener as (event: EventMap[keyof EventMap]) => void
  if (name === 'publish') return broker.tap('#', (message) => tell(new Received(message)))
  return broker.watch((event) => {
    const [told, detail] = translate(event)
    if (told === name) tell(detail as EventMap[K])
  })
}

type Told = { [K in keyof EventMap]: readonly [name: K, detail: EventMap[K]] }[keyof EventMap] | readonly []

function translate(event: BrokerEvent): Told {
  switch (event.type) {
    case 'connected': {
      const { session: clientId, principal, peer, resumed } = event
      return ['clientReady', { clientId, username: principal.username, peer, resumed }]
    }
    case 'disconnected':
      return ['clientDisconnect', { clientId: event.session, reason: event.reason }]
    case 'session-ended':
      return ['sessionEnd', { clientId: event.session }]
    case 'subscribed':
      return ['subscribe', { clientId: event.session, filter: event.filter, options: event.options }]
    case 'unsubscribed':
      return ['unsubscribe', { clientId: event.session, filter: event.filter, group: event.group }]
    case 'dropped': {
      const { session: clientId, reason, topic, count } = event
      return ['drop', { clientId, reason, topic, count }]
    }
    case 'refused':
      return ['refuse', { peer: event.peer, detail: event.detail }]
    case 'banned':
      return ['ban', event.ban]
    case 'unbanned':
      return ['unban', event.ban]
    case 'storage-failed':
      return ['storageFailed', { error: event.error }]
    case 'storage-recovered':
      return ['storageRecovered', { since: event.since }]
    case 'memory-short':
      return ['memoryShort', { bytes: event.bytes, limit: event.limit }]
    case 'memory-recovered':
      return ['memoryRecovered', { since: event.since }]
    case 'retained':
    case 'recovered':
      return []
  }
}
