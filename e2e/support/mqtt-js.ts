import mqtt, { type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient } from 'mqtt'
import { Inbox } from './inbox.ts'
import { eachTest, type Scope } from './scope.ts'
import { unique } from './unique.ts'
import { within } from './within.ts'

/** A message as MQTT.js hands it over; the topic is there although an alias stood for it. */
export interface Received {
  readonly topic: string
  readonly text: string
  readonly payload: Buffer
  readonly packet: IPublishPacket
}

/** An MQTT.js client that is connected, with what it received. */
export interface JsClient {
  readonly client: MqttClient
  readonly id: string
  /** CONNACKs: the first is taken already, the others are those of reconnections. */
  readonly connacks: Inbox<IConnackPacket>
  readonly connack: IConnackPacket
  readonly inbox: Inbox<Received>
  /** Codes of the DISCONNECTs received. */
  readonly disconnects: Inbox<number>
  readonly errors: Error[]
}

/** How a test speaks MQTT: a version, and how its CONNECT asks for a session that is kept. */
export interface Dialect {
  readonly name: string
  readonly scheme: 'mqtt' | 'ws'
  readonly options: IClientOptions
  readonly kept: IClientOptions
}

const dialect = (scheme: 'mqtt' | 'ws', version: 3 | 4 | 5): Dialect => ({
  name: `${scheme === 'ws' ? 'WebSocket' : 'TCP'}, protocol level ${version}`,
  scheme,
  options: { protocolVersion: version, protocolId: version === 3 ? 'MQIsdp' : 'MQTT' },
  kept: { clean: false, ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}) },
})

/** Every version over every transport. */
export const dialects: readonly Dialect[] = (['mqtt', 'ws'] as const).flatMap((scheme) =>
  ([3, 4, 5] as const).map((version) => dialect(scheme, version)),
)

/** Connects MQTT.js; rejects when the broker refuses. It does not come back by itself unless the options say so. */
export async function connectJs(
  url: string | undefined,
  options: IClientOptions = {},
  scope: Scope = eachTest,
): Promise<JsClient> {
  const id = options.clientId ?? unique('js')
  const client = mqtt.connect(url ?? 'mqtt://none', {
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...options,
    clientId: id,
    manualConnect: true,
  })
  scope.add(() => client.endAsync(true).catch(() => undefined))
  const [connacks, inbox, disconnects] = [new Inbox<IConnackPacket>(), new Inbox<Received>(), new Inbox<number>()]
  const errors: Error[] = []
  client.on('error', (error) => errors.push(error))
  client.on('connect', (packet) => connacks.put(packet))
  client.on('message', (topic, payload, packet) => inbox.put({ topic, payload, packet, text: payload.toString() }))
  client.on('disconnect', (packet) => disconnects.put(packet.reasonCode ?? 0))
  const refused = new Promise<never>((_, reject) => {
    client.once('error', reject)
    client.once('close', () => reject(errors[0] ?? new Error('closed before CONNACK')))
  })
  refused.catch(() => undefined)
  client.connect()
  const connack = await within(Promise.race([connacks.next(), refused]), `a CONNACK for ${id}`)
  return { client, id, connack, connacks, inbox, disconnects, errors }
}

/**
 * Publishes the numbers from 0 on, and waits for the acknowledgements; QoS 1 and 2 in portions, for MQTT.js does not heed
 * the Receive Maximum of a broker.
 */
export async function publishAll(
  { client }: JsClient,
  topic: string,
  { qos, count }: { qos: 0 | 1 | 2; count: number },
): Promise<void> {
  const portion = qos > 0 ? 50 : count
  for (let i = 0; i < count; i += portion) {
    const length = Math.min(portion, count - i)
    await Promise.all(Array.from({ length }, (_, k) => client.publishAsync(topic, String(i + k), { qos })))
  }
}

/** Resolves once the client's connection is over. */
export function closed({ client }: JsClient): Promise<void> {
  return within(new Promise((resolve) => client.once('close', resolve)), 'the connection to close')
}
