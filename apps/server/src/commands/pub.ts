import { setTimeout as sleep } from 'node:timers/promises'
import { openClient, type MqttClient, type Outgoing } from '../client/mqtt-client.ts'
import { dial } from '../client/dial.ts'
import { readLines } from '../client/read-lines.ts'
import { Refused } from '@isomq/bridge'
import { UserError } from '../user-error.ts'
import { checkTopic, connectPacket, targetOf, type ClientFlags, type PropertyMap } from './client-flags.ts'
import { onlySource, payloadSources, type PayloadFlags } from './payload.ts'
import { tracer } from './trace.ts'

/** The flags of `isomq pub`. */
export interface PubFlags extends ClientFlags, PayloadFlags {
  readonly topic?: string
  readonly stdinLine?: boolean
  readonly retain?: boolean
  readonly repeat?: number
  readonly repeatDelay?: number
  readonly maxInflight: number
}

/** Milliseconds until the broker must have let us in. */
const connectTimeout = 10_000

/** `isomq pub`: resolves when the broker has every message. Rejects when it refused one, or could not be reached. */
export async function pub(flags: PubFlags, properties: PropertyMap): Promise<void> {
  const target = targetOf(flags)
  const given = flags.topic ?? target.topic
  if (given === undefined) throw new UserError('no topic: give one with -t')
  const topic = checkTopic('-t', given)
  const connect = connectPacket(flags, properties, 'pub')
  const messages = await payloads(flags)
  const unreleased = new Set<number>()
  const trace = flags.debug === true ? tracer(connect.clientId) : undefined
  const connection = await dial(target, flags, connect.protocolVersion)
  const client = await openClient(connection, { connect, connectTimeout, unreleased, onMessage: () => true, trace })
  const own = properties.get('publish')
  const base = {
    topic,
    qos: flags.qos,
    retain: flags.retain ?? false,
    ...(own === undefined ? {} : { properties: own }),
  }
  try {
    await publishAll(client, messages, { base, maxInflight: flags.maxInflight })
  } catch (error) {
    client.close()
    throw error
  }
  await client.disconnect(properties.get('disconnect'))
  const end = await client.closed
  if (end instanceof Refused) throw end
}

async function publishAll(
  client: MqttClient,
  messages: AsyncIterable<Buffer>,
  { base, maxInflight }: { readonly base: Omit<Outgoing, 'payload'>; readonly maxInflight: number },
): Promise<void> {
  const running = new Set<Promise<void>>()
  for await (const payload of messages) {
    const sent = client.publish({ ...base, payload })
    running.add(sent)
    sent.then(
      () => running.delete(sent),
      () => undefined,
    )
    if (running.size >= Math.min(maxInflight, client.receiveMaximum)) await Promise.race(running)
  }
  await Promise.all(running)
}

/** The messages to send; all but lines are read by now. Throws a UserError unless there is exactly one place to take them from. */
function payloads(flags: PubFlags): Promise<AsyncIterable<Buffer>> {
  const once = payloadSources(flags).map((read) => async () => repeated(flags, await read()))
  const lines = flags.stdinLine === true ? [() => Promise.resolve(readLines(process.stdin))] : []
  return onlySource<() => Promise<AsyncIterable<Buffer>>>([...once, ...lines], ['-f', '-l', '-n', '-s'])()
}

async function* repeated({ repeat = 1, repeatDelay }: PubFlags, payload: Buffer): AsyncGenerator<Buffer> {
  for (let i = 0; i < repeat; i++) {
    if (i > 0 && repeatDelay !== undefined) await sleep(repeatDelay * 1000)
    yield payload
  }
}
