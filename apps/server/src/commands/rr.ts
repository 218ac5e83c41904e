import type { IPublishPacket } from 'mqtt-packet'
import { dial } from '../client/dial.ts'
import { openClient, type MqttClient } from '../client/mqtt-client.ts'
import type { Properties } from '../client/properties.ts'
import { describeReason } from '@isomq/bridge'
import { UserError } from '../user-error.ts'
import { checkTopic, connectPacket, targetOf, type ClientFlags, type PropertyMap } from './client-flags.ts'
import { onlySource, payloadSources, type PayloadFlags } from './payload.ts'
import { stopper } from './stopper.ts'
import { printer, type PrintFlags } from './sub-printer.ts'
import { tracer } from './trace.ts'

/** The flags of `isomq rr`. `W` is seconds. */
export interface RrFlags extends ClientFlags, PayloadFlags, PrintFlags {
  readonly topic?: string
  readonly responseTopic?: string
  readonly W?: number
}

/** Milliseconds until the broker must have let us in. */
const connectTimeout = 10_000

/** `isomq rr`: publishes a request and prints the first response. Resolves with the exit code. Rejects when the broker refused, or the connection failed. */
export async function rr(flags: RrFlags, properties: PropertyMap): Promise<number> {
  const target = targetOf(flags)
  const topic = topicOf('-t', 'topic', flags.topic ?? target.topic)
  const responseTopic = topicOf('-e', 'response topic', flags.responseTopic)
  const connect = connectPacket(flags, properties, 'rr')
  const read = onlySource(payloadSources(flags), ['-f', '-n', '-s'])
  const payload = await read()
  const stop = stopper(flags)
  const print = printer(
    { ...flags, C: 1 },
    {
      print: (bytes) => process.stdout.write(bytes),
      done: stop.done,
      remove: () => undefined,
      random: Math.random,
    },
  )
  const own: Properties = { responseTopic, ...properties.get('publish') }
  const onMessage = (message: IPublishPacket): boolean =>
    isResponse(message, own['correlationData']) ? !stop.stopped() && print(message) : true
  const client = await openClient(await dial(target, flags, connect.protocolVersion), {
    connect,
    connectTimeout,
    onMessage,
    unreleased: new Set(),
    trace: flags.debug === true ? tracer(connect.clientId) : undefined,
  })
  try {
    await subscribe(client, responseTopic, flags, properties)
    const asked = client.publish({
      topic,
      payload,
      qos: flags.qos,
      retain: false,
      ...(flags.protocolVersion === 5 ? { properties: own } : {}),
    })
    // The response may be here before the broker has acknowledged the request.
    const lost = asked.then(() => client.closed)
    const end = await Promise.race([stop.code, lost])
    if (typeof end !== 'number') throw end ?? new Error('the broker closed the connection')
  } catch (error) {
    client.close()
    throw error
  }
  await client.disconnect(properties.get('disconnect'))
  return stop.code
}

function topicOf(flag: string, what: string, topic: string | undefined): string {
  if (topic === undefined) throw new UserError(`no ${what}: give one with ${flag}`)
  return checkTopic(flag, topic)
}

async function subscribe(client: MqttClient, topic: string, { qos }: RrFlags, properties: PropertyMap): Promise<void> {
  const [code = 0x80] = await client.subscribe([{ topic, qos }], properties.get('subscribe'))
  if (code >= 0x80) throw new UserError(`Subscription to ${topic} refused: ${describeReason(code)}`)
}

/** Whether a message may answer a request with this correlation data. One that carries none may: not every responder sends it back. */
function isResponse({ properties }: IPublishPacket, asked: unknown): boolean {
  const carried = properties?.correlationData
  return !Buffer.isBuffer(asked) || carried === undefined || asked.equals(carried)
}
