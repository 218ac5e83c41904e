import { setTimeout as sleep } from 'node:timers/promises'
import { isFilter } from '@isomq/kernel'
import type { ISubscription } from 'mqtt-packet'
import { backoff } from '../client/backoff.ts'
import { dial } from '../client/dial.ts'
import { openClient, type ClientOptions, type MqttClient } from '../client/mqtt-client.ts'
import { describeReason, Refused } from '@isomq/bridge'
import { UserError } from '../user-error.ts'
import { connectPacket, targetOf, type ClientFlags, type PropertyMap } from './client-flags.ts'
import { stopper } from './stopper.ts'
import { printer, type PrintFlags } from './sub-printer.ts'
import { tracer } from './trace.ts'

/** The flags of `isomq sub`. `W` is seconds, `E` a switch; `local` is false where `--no-local` is given. */
export interface SubFlags extends ClientFlags, PrintFlags {
  readonly topic?: readonly string[]
  readonly unsubscribe?: readonly string[]
  readonly retainAsPublished?: boolean
  readonly retainHandling?: 0 | 1 | 2
  readonly local: boolean
  readonly E?: boolean
  readonly W?: number
}

/** Milliseconds until the broker must have let us in. */
const connectTimeout = 10_000
/** Codes after which coming back would not help, or would throw out somebody else: everything but a broker that is busy or restarts. */
const passing: ReadonlySet<number> = new Set([0x88, 0x89, 0x8b, 0x8d, 0x97, 0x9f, 0xa0, 3])

/** `isomq sub`: prints what arrives until it is told to stop. Resolves with the exit code. Rejects when the broker refused, or could not be reached at first. */
export async function sub(flags: SubFlags, properties: PropertyMap): Promise<number> {
  const target = targetOf(flags)
  const filters = [...(flags.topic ?? []), ...(target.topic === undefined ? [] : [target.topic])]
  if (filters.length === 0 && flags.unsubscribe === undefined) throw new UserError('no topic: give one with -t')
  checkFilters('-t', filters)
  checkFilters('-U', flags.unsubscribe)
  checkFilters('-T', flags.filterOut)
  checkSubscriptionFlags(flags)
  const connect = connectPacket(flags, properties, 'sub')
  const stop = stopper(flags)
  let client: MqttClient | undefined
  const remove = (topic: string): void => {
    client?.publish({ topic, payload: Buffer.alloc(0), qos: 0, retain: true }).catch(() => undefined)
  }
  const print = (bytes: Buffer): boolean => process.stdout.write(bytes)
  const onMessage = printer(flags, { print, done: stop.done, remove, random: Math.random })
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
    filters.map((topic) => ({ topic, ...subscriptionOptions(flags) })),
    properties.get('subscribe'),
  )
  const refused = codes.flatMap((code, i) =>
    code >= 0x80 ? [`Subscription to ${filters[i] ?? ''} refused: ${describeReason(code)}`] : [],
  )
  if (refused.length === filters.length) throw new UserError(refused)
  if (flags.quiet !== true) for (const line of refused) process.stderr.write(`isomq: ${line}\n`)
}

function checkFilters(flag: string, filters: readonly string[] = []): void {
  const wrong = filters.filter((filter) => !isFilter(filter))
  if (wrong.length > 0)
    throw new UserError(
      wrong.map(
        (each) => `${flag} ${JSON.stringify(each)}: is not a topic filter; + stands for a level, # for all at the end`,
      ),
    )
}

/** What MQTT 5 alone can say about a subscription. */
function checkSubscriptionFlags({ protocolVersion, retainAsPublished, retainHandling, local }: SubFlags): void {
  if (protocolVersion === 5) return
  const given = [
    retainAsPublished === true ? ['--retain-as-published'] : [],
    retainHandling === undefined ? [] : ['--retain-handling'],
    local ? [] : ['--no-local'],
  ].flat()
  if (given.length > 0) throw new UserError(`${given.join(', ')} needs MQTT 5 (-V 5)`)
}

function subscriptionOptions({
  qos,
  retainAsPublished,
  retainHandling,
  local,
}: SubFlags): Omit<ISubscription, 'topic'> {
  return {
    qos,
    ...(retainAsPublished === true ? { rap: true } : {}),
    ...(retainHandling === undefined ? {} : { rh: retainHandling }),
    ...(local ? {} : { nl: true }),
  }
}
