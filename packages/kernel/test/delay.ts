import type { BrokerError, Message } from '../src/index.ts'
import { message, type Rig, textOf } from './rig.ts'

/** Who sends them. */
export const publisher = { clientId: 'publisher', username: 'paula' }

/** Publishes a message that is due so many milliseconds from now, and tells what came of it. */
export async function delay(
  r: Rig,
  milliseconds: number,
  text: string,
  fields: Partial<Message> = {},
): Promise<string> {
  const now = r.host.clock.now()
  try {
    const kept = r.broker.publish(
      message('t', text, { timestamp: now, dueAt: now + milliseconds, ...fields }),
      publisher,
    ) as Promise<void>
    const outcome = kept.then(
      () => 'kept',
      (error: unknown) => (error as BrokerError).code,
    )
    await r.host.settle()
    return await outcome
  } catch (error) {
    return (error as BrokerError).code
  }
}

/** Texts of what waits, in the order in which it is listed. */
export function waiting(r: Rig): string[] {
  return Array.from(r.broker.delayed, (each) => textOf(each.message))
}

/** Everything that is published from now on. */
export function tapped(r: Rig): Message[] {
  const heard: Message[] = []
  r.broker.tap('#', (each) => heard.push(each))
  return heard
}
