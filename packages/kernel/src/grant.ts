import type { Qos } from './message.ts'
import type { Session } from './session.ts'
import type { Subscription } from './subscription.ts'

/** How the messages of one topic are delivered to one session: all its matching subscriptions in one. */
export interface Grant {
  readonly session: Session
  /** The highest QoS granted. */
  readonly qos: Qos
  readonly retainAsPublished: boolean
  /** Identifiers of the matching subscriptions that have one. */
  readonly identifiers: readonly number[]
  /** Records below this offset are not covered: what grants more than QoS 0 is younger. */
  readonly since: number
  /** What holds for messages the session itself published: the same, less, or nothing. */
  readonly own: Grant | undefined
}

const none: readonly number[] = []

/** Merges the subscriptions of one session that match one topic: one copy, the highest QoS, every identifier. At least one. */
export function grantOf(subscriptions: readonly Subscription[]): Grant {
  const own = subscriptions.filter((s) => !s.options.noLocal)
  if (own.length === subscriptions.length) return merge(subscriptions, undefined, true)
  return merge(subscriptions, own.length === 0 ? undefined : merge(own, undefined, true), false)
}

/** One grant for each session that has a subscription here, in the order in which they are first met. */
export function grantsOf(subscriptions: readonly Subscription[]): Grant[] {
  // What one subscription grants is kept with it: the routes of all its topics share that.
  if (subscriptions.length === 1) return [subscriptions[0]!.grant]
  const bySession = new Map<Session, Subscription[]>()
  for (const subscription of subscriptions) {
    const list = bySession.get(subscription.session)
    if (list === undefined) bySession.set(subscription.session, [subscription])
    else list.push(subscription)
  }
  return Array.from(bySession.values(), (list) => (list.length === 1 ? list[0]!.grant : grantOf(list)))
}

function merge(subscriptions: readonly Subscription[], own: Grant | undefined, ownIsSame: boolean): Grant {
  let qos: Qos = 0
  let retainAsPublished = false
  let since = Infinity
  let identifiers: number[] | undefined
  for (const { options, since: from } of subscriptions) {
    if (options.qos > qos) qos = options.qos
    if (options.retainAsPublished) retainAsPublished = true
    if (options.identifier !== undefined) (identifiers ??= []).push(options.identifier)
    if (options.qos > 0 && from < since) since = from
  }
  const grant = {
    session: subscriptions[0]!.session,
    qos,
    retainAsPublished,
    identifiers: identifiers ?? none,
    since,
    own,
  }
  if (ownIsSame) grant.own = grant
  return grant
}
