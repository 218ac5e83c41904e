import type { Broker, Connection, Protocol } from '@isomq/kernel'
import { Client } from './client.ts'
import { FrameCache } from './frame-cache.ts'
import { defaultMqttOptions, type MqttOptions } from './options.ts'
import { createRewrite } from './rewrite.ts'

/** MQTT 3.1, 3.1.1 and 5.0, told apart by CONNECT. Throws RangeError where a rule of `rewrite` is wrong. */
export function mqtt(options: Partial<MqttOptions> = {}): Protocol {
  const complete: MqttOptions = { ...defaultMqttOptions, ...options }
  const cache = new FrameCache()
  const rewrite = createRewrite(complete.rewrite)
  return {
    name: 'mqtt',
    serve(connection: Connection, broker: Broker): void {
      connection.start(new Client(connection, broker, { options: complete, cache, rewrite }))
    },
  }
}
