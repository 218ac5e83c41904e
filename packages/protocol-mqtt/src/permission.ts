import type { Host } from '@isomq/kernel'
import { ReasonCode } from './codec/reason-code.ts'
import type { Link } from './link.ts'
import { isBrokerError } from './reason-codes.ts'
import { isOthersResponse } from './response-topics.ts'
import type { Action } from './rewrite.ts'

/** Who wants to do something, and whom to ask. */
export type Asker = Pick<Link, 'broker' | 'principal' | 'rewrite'>

/** The name an action goes to, or the reason (of MQTT 5.0) why it goes nowhere. */
export type Verdict = string | number

/**
 * What becomes of publishing to a topic or subscribing to a filter, `$share/…` and the like taken off: the name must be
 * allowed as it was given, then the rules may replace it, and what they made of it must be allowed too.
 */
export function judgeName(link: Link, action: Action, name: string): Verdict | Promise<Verdict> {
  // No rule leads to a name that begins with `$`, so it is enough to look at the one that was given.
  if (action === 'subscribe' && link.options.responseInformation && isOthersResponse(name, link.session.id))
    return ReasonCode.NotAuthorized
  const allowed = permits(link, action, name)
  if (typeof allowed === 'boolean') return allowed ? redirect(link, action, name) : deny(link, action, name)
  return allowed.then((yes) => (yes ? redirect(link, action, name) : deny(link, action, name)))
}

function deny(link: Link, action: Action, name: string): number {
  tellDenied(link, action, name)
  return ReasonCode.NotAuthorized
}

/** Those who watch are told that a client was denied something. */
export function tellDenied({ broker, session, closed }: Link, action: Action, name: string): void {
  // Whoever is gone need not be told on.
  if (closed || session.peer === undefined) return
  const who = JSON.stringify(session.id)
  broker.refused(session.peer, `client ${who} may not ${action} to ${JSON.stringify(name)}`)
}

function redirect(asker: Asker, action: Action, name: string): Verdict | Promise<Verdict> {
  if (asker.rewrite === undefined) return name
  const target = asker.rewrite.apply(action, name, asker.principal)
  if (target === name) return name
  if (target === undefined) return action === 'publish' ? ReasonCode.TopicNameInvalid : ReasonCode.TopicFilterInvalid
  const verdict = (yes: boolean): Verdict => (yes ? target : ReasonCode.NotAuthorized)
  const allowed = permits(asker, action, target)
  return typeof allowed === 'boolean' ? verdict(allowed) : allowed.then(verdict)
}

/** Whether this client may publish to a topic or subscribe to a filter. A guard that throws or rejects has not said yes. */
export function permits(
  { broker, principal }: Pick<Asker, 'broker' | 'principal'>,
  action: Action,
  name: string,
): boolean | Promise<boolean> {
  const { guard, host } = broker
  try {
    const answer = guard.authorize(principal, action, name)
    if (typeof answer === 'boolean') return answer
    return answer.then(
      (yes) => yes === true,
      (error: unknown) => refused(host, error),
    )
  } catch (error) {
    return refused(host, error)
  }
}

function refused(host: Host, error: unknown): false {
  if (!isBrokerError(error)) host.report(error, 'authorizing')
  return false
}
