import type { Broker } from '@isomq/kernel'

export type { Message, Qos } from '@isomq/kernel'

/** The retained messages of a broker, by topic. */
export function retainedOf(broker: Broker): Record<string, string> {
  const found: Record<string, string> = {}
  broker.retained.find('#', ({ topic, payload }) => {
    found[topic] = new TextDecoder().decode(payload)
  })
  return found
}
