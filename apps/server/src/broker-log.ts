import type { BrokerEvent, Clock, PeerInfo } from '@isomq/kernel'
import type { Log } from './log.ts'
import { throttle } from './throttle.ts'

/** Kinds that a stranger or a fault can cause at will: so many of each are logged in a span, the rest are counted. */
const limited = ['refused', 'dropped', 'banned', 'storage-failed', 'storage-recovered'] as const
const count = 10
const span = 10_000

/** An observer that logs what happens in a broker: connections at debug level, refusals as warnings, storage failures as errors. */
export function brokerLog(clock: Clock, log: Log): (event: BrokerEvent) => void {
  const passes = new Map<string, () => boolean>()
  for (const kind of limited) {
    const suppressed = (calls: number): void =>
      log.warn({ event: kind, calls }, 'more events of this kind, not logged one by one')
    passes.set(kind, throttle({ clock, count, span, suppressed }))
  }
  return (event) => {
    if (passes.get(event.type)?.() !== false) logEvent(event, log)
  }
}

function logEvent(event: BrokerEvent, log: Log): void {
  switch (event.type) {
    case 'connected': {
      const { session, principal, peer, resumed } = event
      return log.debug({ client: session, user: principal.username, ...peerFields(peer), resumed }, 'client connected')
    }
    case 'disconnected':
      return log.debug({ client: event.session, reason: event.reason }, 'client disconnected')
    case 'refused':
      return log.warn({ ...peerFields(event.peer), detail: event.detail }, 'refused')
    case 'dropped':
      return log.debug(
        { client: event.session, reason: event.reason, topic: event.topic, count: event.count },
        'message dropped',
      )
    case 'banned': {
      const { kind, value, reason, until } = event.ban
      return log.warn(
        { [kind]: value, reason, until: until === Infinity ? 'ever' : new Date(until).toJSON() },
        'banned',
      )
    }
    case 'unbanned':
      return log.info({ [event.ban.kind]: event.ban.value }, 'no longer banned')
    case 'storage-failed':
      return log.error(
        { reason: textOf(event.error) },
        'the storage fails: what must be kept is refused until it works',
      )
    case 'storage-recovered':
      return log.warn({ since: new Date(event.since).toJSON() }, 'the storage works again')
    case 'memory-short': {
      const { bytes, limit } = event
      return log.error({ bytes, limit }, 'memory is short: nobody new is let in, and QoS 0 is dropped')
    }
    case 'memory-recovered':
      return log.warn({ since: new Date(event.since).toJSON() }, 'there is enough memory again')
    case 'recovered': {
      const { sessions, records, retained } = event
      if (sessions + records + retained === 0) return
      return log.info({ sessions, records, retained }, 'recovered from storage')
    }
    case 'subscribed':
    case 'unsubscribed':
      return log.trace({ client: event.session, filter: event.filter }, event.type)
    case 'session-ended':
      return log.trace({ client: event.session }, 'session ended')
    case 'retained':
      return log.trace({ topic: event.message.topic }, 'retained message changed')
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function peerFields(peer: PeerInfo): Record<string, unknown> {
  return { transport: peer.transport, address: peer.address, port: peer.port, origin: peer.origin }
}
