import { type Broker, encodeUtf8, isTopic, levels } from '@isomq/kernel'

/** What is published on `$SYS`: always at QoS 0, so that nothing of it ever waits for a sleeping session. */
export interface SysMessage {
  readonly topic: string
  readonly text: string
  readonly retain: boolean
}

/** Publishes in the broker's own name. A topic that is too long, or has more levels than the broker serves, is left out. */
export function publishSys(broker: Broker, { topic, text, retain }: SysMessage): void {
  if (!isTopic(topic) || levels(topic) > broker.limits.topicLevels) return
  const timestamp = broker.host.clock.now()
  void broker.publish({ topic, payload: encodeUtf8(text), qos: 0, retain, publisher: '', timestamp })
}

/** Any text as one level of a topic: `/`, `+`, `#` and `%` are percent-encoded. */
export function levelOf(text: string): string {
  return text.replaceAll(/[/+#%]/g, encodeURIComponent)
}
