import type { Host } from '@isomq/kernel'
import type { Link } from './link.ts'
import { isBrokerError } from './reason-codes.ts'

/** Whether this client may publish to a topic or subscribe to a filter. A guard that throws or rejects has not said yes. */
export function permits(link: Link, action: 'publish' | 'subscribe', topic: string): boolean | Promise<boolean> {
  const { guard, host } = link.broker
  try {
    const answer = guard.authorize(link.principal, action, topic)
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
