import { DeliveryFlag } from './consumer.ts'
import type { Delivery } from './delivery.ts'
import type { Message, Offset } from './message.ts'
import type { Session } from './session.ts'
import type { Waiting } from './waiting.ts'

/** What was read back from the log, by offset; undefined where the log has it no more. */
export type Found = ReadonlyMap<Offset, Message | undefined>

/** Offsets of the deliveries whose messages must be read before they can be sent (again). */
export function missingOf(deliveries: readonly Delivery[]): Offset[] {
  return deliveries.filter((d) => d.message === undefined && !d.accepted).map((d) => d.offset)
}

/** Offsets of at most `most` entries at the front of the line whose messages must be read before they can be sent. */
export function missingAhead(waiting: Waiting, most: number): Offset[] {
  const wanted: Offset[] = []
  for (let i = 0; i < Math.min(waiting.length, most) && waiting.held(i) === undefined; i++)
    wanted.push(waiting.offset(i))
  return wanted
}

/** Gives a delivery its message; false when there is none any more, or it may not be delivered any more. */
export function fillDelivery(session: Session, delivery: Delivery, found: Found): boolean {
  const message = found.get(delivery.offset)
  if (message === undefined || !session.receives(message)) return false
  const grant = session.grantFor(message) ?? session.lastResort(delivery.flags)
  delivery.message = message
  delivery.grant = grant
  if ((delivery.flags & DeliveryFlag.qos) === 0) delivery.flags |= Math.min(message.qos, grant.qos)
  if (message.recipient !== undefined) delivery.flags |= DeliveryFlag.retained
  return (delivery.flags & DeliveryFlag.qos) > 0
}

/** Gives those at the front of the line their messages, and takes away those of which nothing is owed any more. */
export function fillWaiting(session: Session, waiting: Waiting, found: Found): void {
  for (let i = 0; i < waiting.length;) {
    const offset = waiting.offset(i)
    if (!found.has(offset)) return
    const message = found.get(offset)
    const grant = message && session.grantFor(message)
    if (message !== undefined && grant !== undefined && session.receives(message)) {
      waiting.hold(i++, { message, grant, flags: message.recipient === undefined ? 0 : DeliveryFlag.retained })
    } else if (i > 0) return
    else waiting.shift()
  }
}
