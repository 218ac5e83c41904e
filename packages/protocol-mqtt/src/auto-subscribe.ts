import type { PeerInfo, Principal, Qos, Session } from '@isomq/kernel'
import { optionsOf } from './handle-subscribe.ts'
import type { Link } from './link.ts'
import type { MqttOptions } from './options.ts'
import { type ParsedFilter, parseFilter } from './parse-filter.ts'
import { permits } from './permission.ts'
import { codeOf } from './reason-codes.ts'

/** What clients are subscribed to when they connect. What is left out is 0 or false. */
export interface AutoSubscription {
  /** May contain `${clientid}` and `${username}`, and begin with `$share/group/`, `$queue/` or `$exclusive/`. */
  readonly filter: string
  readonly qos?: Qos | undefined
  readonly noLocal?: boolean | undefined
  readonly retainAsPublished?: boolean | undefined
  /** As in SUBSCRIBE: retained messages come at every connection (0), only if the subscription is new (1), never (2). */
  readonly retainHandling?: 0 | 1 | 2 | undefined
}

/** Who connects. */
type Newcomer = Pick<Link, 'broker' | 'options' | 'principal'> & { readonly peer: PeerInfo }

interface Granted extends ParsedFilter {
  readonly entry: AutoSubscription
}

const placeholder = /\$\{([^}]*)\}/g

/** Why nobody can ever be subscribed so; undefined when all is well. */
export function autoSubscriptionFault(
  { filter, noLocal }: AutoSubscription,
  options: Pick<MqttOptions, 'sharedSubscriptions' | 'exclusiveSubscriptions'>,
): string | undefined {
  const parsed = parseFilter(filter)
  if (parsed === undefined) return 'it is not a filter'
  if (parsed.group !== undefined && !options.sharedSubscriptions) return 'shared subscriptions are off'
  if (parsed.group !== undefined && noLocal === true) return 'a shared subscription cannot have noLocal' // [MQTT-3.8.3-4]
  if (parsed.exclusive === true && !options.exclusiveSubscriptions) return 'exclusive subscriptions are off'
  for (const [whole, name] of filter.matchAll(placeholder))
    if (name !== 'clientid' && name !== 'username') return `${whole} stands for nothing`
  return undefined
}

/**
 * Asks what of the auto-subscriptions a client may have, each like a filter of SUBSCRIBE. Resolves with what subscribes
 * its session to it. What is refused is skipped and told to those who watch; never rejects.
 */
export async function autoSubscribe(newcomer: Newcomer): Promise<(session: Session) => void> {
  const granted: Granted[] = []
  for (const entry of newcomer.options.autoSubscribe ?? []) {
    const filled = autoSubscriptionFault(entry, newcomer.options) ?? fill(entry.filter, newcomer.principal)
    if (typeof filled === 'string') skip(newcomer, entry, filled)
    else if (await permits(newcomer, 'subscribe', filled.filter)) granted.push({ entry, ...filled })
    else skip(newcomer, entry, 'not-authorized')
  }
  return (session) => {
    for (const each of granted) subscribe(newcomer, session, each)
  }
}

function subscribe(newcomer: Newcomer, session: Session, { entry, ...parsed }: Granted): void {
  const { filter, qos = 0, noLocal = false, retainAsPublished = false, retainHandling = 0 } = entry
  try {
    session.subscribe(parsed.filter, optionsOf({ filter, qos, noLocal, retainAsPublished, retainHandling }, parsed))
  } catch (error) {
    const code = codeOf(error)
    if (code === 'unavailable') newcomer.broker.host.report(error, 'auto-subscribing')
    skip(newcomer, entry, code)
  }
}

function skip({ broker, peer }: Newcomer, { filter }: AutoSubscription, why: string): void {
  broker.refused(peer, `auto-subscription ${filter} skipped: ${why}`)
}

/**
 * The filter with the client's names in it, or why there is none. What stands before it was taken off first, and a name
 * stays within its level: no client can choose what it is called and so get more than was meant for it.
 */
function fill(text: string, { clientId, username }: Principal): ParsedFilter | string {
  const names = new Map([
    ['clientid', clientId],
    ['username', username ?? ''],
  ])
  for (const [, name = ''] of text.matchAll(placeholder)) {
    const value = names.get(name) ?? ''
    if (value === '') return `the client has no ${name}`
    if (/[/+#\0]/.test(value)) return `the ${name} has characters that mean more in a filter`
  }
  const put = (part: string): string => part.replace(placeholder, (_, name: string) => names.get(name) ?? '')
  const { filter, group, exclusive } = parseFilter(text)!
  const filled = put(filter)
  if (filled.startsWith('$') && filter.startsWith('${')) return 'it would begin with $ because the client is called so'
  return { filter: filled, group: group === undefined ? undefined : put(group), exclusive }
}
