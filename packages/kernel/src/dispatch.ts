import { DeliveryFlag } from './consumer.ts'
import type { Core } from './core.ts'
import type { Grant } from './grant.ts'
import type { Message, Offset } from './message.ts'
import type { Route } from './router.ts'

/** Hands a message to everybody on its route. A fault in one way out cuts off that one alone. */
export function dispatch(core: Core, message: Message, route: Route, offset: Offset): void {
  if (message.recipient !== undefined) return keep(core, message, route, offset)
  const { grants, groups, taps } = route
  for (let i = 0; i < grants.length; i++) {
    const grant = grants[i]!
    // Most messages are not for their publisher: compare before choosing.
    if (grant.session.id !== message.publisher) deliver(core, message, grant, offset)
    else if (grant.own !== undefined) deliver(core, message, grant.own, offset)
  }
  for (const group of groups) guarded(core, 'shared delivery', () => group.offer(message, group.durable ? offset : -1))
  for (const tap of taps) guarded(core, 'tap', () => tap.deliver(message))
}

/** A retained message owed to a subscriber waits until he pumps: he does when he has been told that he is subscribed. */
function keep(core: Core, message: Message, route: Route, offset: Offset): void {
  for (const grant of route.grants) {
    if (grant.session.ended || grant.session.grantFor(message) === undefined) continue
    guarded(core, 'retained delivery', () => grant.session.outbound.wait(message, grant, offset, DeliveryFlag.retained))
  }
}

function deliver(core: Core, message: Message, grant: Grant, offset: Offset): void {
  const { session } = grant
  if (session.ended) return
  if (offset < grant.since && session.durable && grant.qos > 0 && message.qos > 0) {
    // Who subscribed while it was written is owed nothing older: he has it as he was subscribed before. What no log has was
    // for nobody who outlives his connection.
    const older = offset < 0 ? { ...grant, qos: 0 as const } : session.grantFor(message, offset)
    if (older === undefined) return
    grant = older
  }
  try {
    session.outbound.offer(message, grant, session.durable ? offset : -1)
  } catch (error) {
    core.host.report(error, `delivering to session ${JSON.stringify(session.id)}`)
    core.cutOff(session)
  }
}

function guarded(core: Core, context: string, call: () => void): void {
  try {
    call()
  } catch (error) {
    core.host.report(error, context)
  }
}
