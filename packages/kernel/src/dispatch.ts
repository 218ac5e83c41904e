import { DeliveryFlag } from './consumer.ts'
import type { Core } from './core.ts'
import type { Grant } from './grant.ts'
import type { Message, Offset } from './message.ts'
import type { Route } from './router.ts'

/** Hands a message to everybody on its route. A fault in one way out cuts off that one alone. */
export function dispatch(core: Core, message: Message, route: Route, offset: Offset): void {
  const flags = message.recipient === undefined ? 0 : DeliveryFlag.retained
  const { grants, groups, taps } = route
  for (let i = 0; i < grants.length; i++) {
    const grant = grants[i]!
    // Most messages are not for their publisher: compare before choosing.
    if (grant.session.id !== message.publisher) deliver(core, message, grant, offset, flags)
    else if (grant.own !== undefined) deliver(core, message, grant.own, offset, flags)
  }
  for (const group of groups) guarded(core, 'shared delivery', () => group.offer(message, group.durable ? offset : -1))
  for (const tap of taps) guarded(core, 'tap', () => tap.deliver(message))
}

// oxlint-disable-next-line max-params -- the path of every message: an object per call would cost more than the rule gains
function deliver(core: Core, message: Message, grant: Grant, offset: Offset, flags: number): void {
  const { session } = grant
  if (session.ended) return
  try {
    session.outbound.offer(message, grant, session.durable ? offset : -1, flags)
  } catch (error) {
    core.host.report(error, `delivering to session ${JSON.stringify(session.id)}`)
    session.consumer?.end('unavailable')
  }
}

function guarded(core: Core, context: string, call: () => void): void {
  try {
    call()
  } catch (error) {
    core.host.report(error, context)
  }
}
