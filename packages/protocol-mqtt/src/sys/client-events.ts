import type { Broker, BrokerEvent, SubscriptionOptions } from '@isomq/kernel'
import { Outgoing } from '../outgoing.ts'
import { levelOf, publishSys, type SysMessage } from './publish-sys.ts'

/** What the events of one client have in common; the names are those of EMQX. */
interface ClientFacts {
  readonly clientid: string
  readonly username: string | null
  readonly ipaddress: string | null
  readonly protocol: 'mqtt'
  readonly proto_name: 'MQTT' | 'MQIsdp'
  readonly proto_ver: number
  readonly connected_at: number
}

type Connected = Extract<BrokerEvent, { readonly type: 'connected' }>
type Reason = Extract<BrokerEvent, { readonly type: 'disconnected' }>['reason']

/**
 * Publishes what MQTT clients do to `$SYS/brokers/<node>/clients/<id>/connected`, `disconnected`, `subscribed` and
 * `unsubscribed`, as JSON, not retained, at the end of the turn it happened in. Returns how to stop it.
 */
export function clientEvents(broker: Broker, node: string): () => void {
  const { host } = broker
  const clients = new Map<string, ClientFacts>()
  let pending: SysMessage[] = []
  let stopped = false

  // What happens is told in the middle of it: nobody may be called back from there.
  const tell = (id: string, what: string, facts: object): void => {
    const topic = `$SYS/brokers/${levelOf(node)}/clients/${levelOf(id)}/${what}`
    if (pending.length === 0) host.defer(flush)
    pending.push({ topic, text: JSON.stringify({ ...facts, ts: host.clock.now() }), retain: false })
  }
  const flush = (): void => {
    const messages = pending
    pending = []
    if (!stopped) for (const message of messages) publishSys(broker, message)
  }

  const connected = ({ session: id, principal, peer }: Connected): void => {
    const consumer = broker.sessions.get(id)?.consumer
    // Whoever speaks another protocol is no client of this one.
    if (!(consumer instanceof Outgoing)) return
    const { connect, keepAlive, expiry } = consumer.login
    const facts: ClientFacts = {
      clientid: id,
      username: principal.username ?? null,
      ipaddress: peer.address ?? null,
      protocol: 'mqtt',
      proto_name: connect.version === 3 ? 'MQIsdp' : 'MQTT',
      proto_ver: connect.version,
      connected_at: host.clock.now(),
    }
    clients.set(id, facts)
    const expiry_interval = expiry === Infinity ? 0xffffffff : Math.floor(expiry / 1000)
    tell(id, 'connected', { ...facts, keepalive: keepAlive, clean_start: connect.cleanStart, expiry_interval })
  }
  const disconnected = (id: string, reason: Reason): void => {
    const facts = clients.get(id)
    if (!clients.delete(id)) return
    tell(id, 'disconnected', { ...facts, reason: reasonOf(reason), disconnected_at: host.clock.now() })
  }
  const changed = (id: string, what: 'subscribed' | 'unsubscribed', filter: Filter): void => {
    const facts = clients.get(id)
    if (facts === undefined) return
    const { clientid, username, protocol } = facts
    tell(id, what, { clientid, username, protocol, ...filter })
  }

  const unwatch = broker.watch((event) => {
    switch (event.type) {
      case 'connected':
        return connected(event)
      case 'disconnected':
        return disconnected(event.session, event.reason)
      case 'subscribed': {
        const { session, filter, options } = event
        return changed(session, 'subscribed', { topic: nameOf(filter, options.group), subopts: optionsOf(options) })
      }
      case 'unsubscribed':
        return changed(event.session, 'unsubscribed', { topic: nameOf(event.filter, event.group) })
    }
  })
  return () => {
    stopped = true
    unwatch()
  }
}

interface Filter {
  readonly topic: string
  readonly subopts?: Readonly<Record<string, number>>
}

function reasonOf(reason: Reason): string {
  switch (reason) {
    case 'closed':
      return 'normal'
    case 'lost':
      return 'tcp_closed'
    case 'timeout':
      return 'keepalive_timeout'
    case 'session-taken-over':
      return 'takenover'
    default:
      return reason.replaceAll('-', '_')
  }
}

/** A filter as a client writes it. */
function nameOf(filter: string, group: string | undefined): string {
  return group === undefined ? filter : `$share/${group}/${filter}`
}

/** Subscription options as the bits MQTT 5.0 has for them (section 3.8.3.1). */
function optionsOf({ qos, noLocal, retainAsPublished, retained }: SubscriptionOptions): Filter['subopts'] & object {
  const rh = retained === 'never' ? 2 : retained === 'if-new' ? 1 : 0
  return { qos, nl: Number(noLocal === true), rap: Number(retainAsPublished === true), rh }
}
