import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { openClient, type MqttClient, type Outgoing } from '../client/mqtt-client.ts'
import { dial } from '../client/dial.ts'
import { readLines } from '../client/read-lines.ts'
import { Refused } from '../client/reasons.ts'
import { UserError } from '../user-error.ts'
import { connectPacket, targetOf, type ClientFlags, type PropertyMap } from './client-flags.ts'
import { tracer } from './trace.ts'

/** The flags of `isomq pub`. */
export interface PubFlags extends ClientFlags {
  readonly topic?: string
  readonly message?: string
  readonly file?: string
  readonly nullMessage?: boolean
  readonly stdinFile?: boolean
  readonly stdinLine?: boolean
  readonly retain?: boolean
  readonly repeat?: number
  readonly repeatDelay?: number
}

/** Milliseconds until the broker must have let us in. */
const connectTimeout = 10_000
/** Messages of QoS 1 and 2 that wait for their acknowledgement at a time. */
const inflight = 20

/** `isomq pub`: resolves when the broker has every message. Rejects when it refused one, or could not be reached. */
export async function pub(flags: PubFlags, properties: PropertyMap): Promise<void> {
  const target = targetOf(flags)
  const topic = flags.topic ?? target.topic
  if (topic === undefined) throw new UserError('no topic: give one with -t')
  if (topic === '') throw new UserError('-t: a topic has at least one character')
  if (/[+#]/.test(topic)) throw new UserError(`-t ${topic}: a message cannot be published to a wildcard`)
  const connect = connectPacket(flags, properties, 'pub')
  const messages = payloads(flags)
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
    await publishAll(client, messages, base)
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
  base: Omit<Outgoing, 'payload'>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  for await (const payload of messages) {
    const sent = client.publish({ ...base, payload })
    running.add(sent)
    sent.then(
      () => running.delete(sent),
      () => undefined,
    )
    if (running.size >= Math.min(inflight, client.receiveMaximum)) await Promise.race(running)
  }
  await Promise.all(running)
}

/** The messages to send. Throws a UserError unless there is exactly one place to take them from. */
function payloads(flags: PubFlags): AsyncIterable<Buffer> {
  const { message, file } = flags
  const sources = [
    message === undefined ? undefined : repeated(flags, () => Promise.resolve(Buffer.from(message))),
    file === undefined ? undefined : repeated(flags, () => readPayload(file)),
    flags.nullMessage === true ? repeated(flags, () => Promise.resolve(Buffer.alloc(0))) : undefined,
    flags.stdinFile === true ? repeated(flags, readStdin) : undefined,
    flags.stdinLine === true ? readLines(process.stdin) : undefined,
  ].filter((source) => source !== undefined)
  const [source] = sources
  if (source === undefined) throw new UserError('no message: give one with -m, or choose -f, -l, -n or -s')
  if (sources.length > 1) throw new UserError('only one of -m, -f, -l, -n and -s can be used')
  return source
}

async function* repeated(flags: PubFlags, read: () => Promise<Buffer>): AsyncGenerator<Buffer> {
  const payload = await read()
  const times = flags.repeat ?? 1
  for (let i = 0; i < times; i++) {
    if (i > 0 && flags.repeatDelay !== undefined) await sleep(flags.repeatDelay * 1000)
    yield payload
  }
}

async function readPayload(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new UserError(`-f ${file}: ${(error as Error).message}`)
  }
}

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
