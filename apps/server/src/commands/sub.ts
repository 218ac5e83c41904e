import { setTimeout as sleep } from 'node:timers/promises'
import { backoff } from '../client/backoff.ts'
import { dial } from '../client/dial.ts'
import { openClient, type ClientOptions, type MqttClient } from '../client/mqtt-client.ts'
import { describeReason, Refused } from '../client/reasons.ts'
import { UserError } from '../user-error.ts'
import { connectPacket, targetOf, type ClientFlags, type PropertyMap } from './client-flags.ts'
import { printer } from './sub-printer.ts'
import { tracer } from './trace.ts'

/** The flags of `isomq sub`. `C` is a count of messages, `W` seconds, `E`, `N` and `R` are switches. */
export interface SubFlags extends ClientFlags {
  readonly topic?: readonly string[]
  readonly unsubscribe?: readonly string[]
  readonly filterOut?: readonly string[]
  readonly F?: string
  readonly verbose?: boolean
  readonly N?: boolean
  readonly R?: boolean
  readonly E?: boolean
  readonly C?: number
  readonly W?: number
  readonly retainedOnly?: boolean
  readonly removeRetained?: boolean
}

/** Milliseconds until the broker must have let us in. */
const connectTimeout = 10_000
/** Exit code of `-W`. */
const timedOut = 27
/** Codes after which coming back would not help, or would throw out somebody else: everything but a broker that is busy or restarts. */
const passing: ReadonlySet<number> = new Set([0x88, 0x89, 0x8b, 0x8d, 0x97, 0x9f, 0xa0, 3])

/** `isomq sub`: prints what arrives until it is told to stop. Resolves with the exit code. Rejects when the broker refused, or could not be reached at first. */
export async function sub(flags: SubFlags, properties: PropertyMap): Promise<number> {
  const target = targetOf(flags)
  const filters = [...(flags.topic ?? []), ...(target.topic === undefined ? [] : [target.topic])]
  if (filters.length === 0 && flags.unsubscribe === undefined) throw new UserError('no topic: give one with -t')
  const connect = connectPacket(flags, properties, 'sub')
  const stop = stopper(flags)
  let client: MqttClient | undefined
  const remove = (topic: string): void => {
    client?.publish({ topic, payload: Buffer.alloc(0), qos: 0, retain: true }).catch(() => undefined)
  }
  const onMessage = printer(flags, { print: (bytes) => process.stdout.write(bytes), done: stop.done, remove })
  const options: ClientOptions = {
    connect,
    connectTimeout,
    onMessage: (message) => !stop.stopped() && onMessage(message),
    unreleased: new Set(),
    trace: flags.debug === true ? tracer(connect.clientId) : undefined,
  }
  const delays = backoff()
  let subscribed = false
  for (;;) {
    try {
      client = await openClient(await dial(target, flags, connect.protocolVersion), options)
      delays.reset()
      if (!subscribed || !client.connack.sessionPresent) await subscribe(client, filters, { flags, properties })
      subscribed = true
      if (flags.E === true) stop.done(0)
      const end = await Promise.race([client.closed, stop.code])
      if (typeof end === 'number') break
      throw end ?? new Error('the broker closed the connection')
    } catch (error) {
      client?.close()
      if (stop.stopped()) break
      if (client === undefined) throw error
      if (error instanceof UserError || (error instanceof Refused && !passing.has(error.code))) throw error
      const delay = delays.next()
      if (flags.quiet !== true) process.stderr.write(`isomq: ${(error as Error).message}; trying again\n`)
      await Promise.race([sleep(delay), stop.code])
      if (stop.stopped()) break
    }
  }
  await client?.disconnect(properties.get('disconnect'))
  return stop.code
}

async function subscribe(
  client: MqttClient,
  filters: readonly string[],
  { flags, properties }: { flags: SubFlags; properties: PropertyMap },
): Promise<void> {
  if (flags.unsubscribe !== undefined) await client.unsubscribe([...flags.unsubscribe], properties.get('unsubscribe'))
  if (filters.length === 0) return
  const codes = await client.subscribe(
    filters.map((topic) => ({ topic, qos: flags.qos })),
    properties.get('subscribe'),
  )
  const refused = codes.flatMap((code, i) =>
    code >= 0x80 ? [`Subscription to ${filters[i] ?? ''} refused: ${describeReason(code)}`] : [],
  )
  if (refused.length === filters.length) throw new UserError(refused)
  if (flags.quiet !== true) for (const line of refused) process.stderr.write(`isomq: ${line}\n`)
}

interface Stopper {
  /** Ends the command; the first call counts. */
  readonly done: (code: number) => void
  readonly stopped: () => boolean
  /** Resolves when the command is to end. */
  readonly code: Promise<number>
}

/** A signal, a reader that went away, and `-W` end the command too. */
function stopper(flags: SubFlags): Stopper {
  let stopped = false
  let resolve: ((code: number) => void) | undefined
  const code = new Promise<number>((each) => (resolve = each))
  const done = (value: number): void => {
    stopped = true
    resolve?.(value)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done(0))
  process.stdout.on('error', () => done(0))
  if (flags.W !== undefined) {
    const expire = (): void => {
      if (flags.quiet !== true && !stopped) process.stderr.write('Timed out\n')
      done(timedOut)
    }
    setTimeout(expire, flags.W * 1000).unref()
  }
  return { done, stopped: () => stopped, code }
}
