import type { Broker, Connection, Protocol } from '@isomq/kernel'
import { Client } from './client.ts'
import { FrameCache } from './frame-cache.ts'
import type { Common } from './link.ts'
import { type MqttCounters, zeroMqttCounters } from './mqtt-counters.ts'
import { defaultMqttOptions, type MqttOptions } from './options.ts'
import { createRewrite } from './rewrite.ts'

/** MQTT, and what went over its connections. */
export interface MqttProtocol extends Protocol {
  readonly counters: MqttCounters
}

/**
 * MQTT 3.1, 3.1.1 and 5.0, told apart by CONNECT. Listeners that share it are counted together.
 * Throws RangeError where a rule of `rewrite` is wrong.
 */
export function mqtt(options: Partial<MqttOptions> = {}): MqttProtocol {
  const counters = zeroMqttCounters()
  const complete: MqttOptions = { ...defaultMqttOptions, ...options }
  const rewrite = createRewrite(complete.rewrite)
  const common: Common = { options: complete, cache: new FrameCache(), counters, rewrite }
  return {
    name: 'mqtt',
    counters,
    serve(connection: Connection, broker: Broker): void {
      let client: Client | undefined
      const place = broker.connections.arrive(connection.peer, (reason) => client?.ended(reason))
      if (place !== undefined) {
        client = new Client(connection, broker, common, place)
        connection.start(client)
        return
      }
      broker.refused(connection.peer, 'too many connections')
      connection.close(new Error('too many connections'))
    },
  }
}
