import { memoryStorage } from '@isomq/storage-memory'
import { fakeClock, fakeHost, type FakeHost } from '@isomq/testkit'
import {
  type Broker,
  BrokerError,
  type BrokerEvent,
  type BrokerOptions,
  type Consumer,
  createBroker,
  DeliveryFlag,
  encodeUtf8,
  type ErrorCode,
  type Grant,
  type Load,
  type Message,
  type OpenOptions,
  readUtf8,
  type Session,
  type Storage,
} from '../src/index.ts'

/** What a consumer was handed, in the words of a test. */
export interface Delivered {
  readonly text: string
  readonly topic: string
  readonly qos: number
  readonly tag: number
  readonly retained: boolean
  readonly redelivered: boolean
  readonly grant: Grant
}

/** The connected end of a session, in the hands of a test. */
export interface Peer extends Consumer {
  load: Load
  credit: number
  /** Says which messages can never be delivered. */
  tooLarge: (message: Message) => boolean
  readonly received: Delivered[]
  readonly confirmed: number[]
  readonly ended: ErrorCode[]
  /** Texts of everything received. */
  readonly texts: string[]
}

/** A client that is connected. */
export interface Client {
  readonly session: Session
  readonly resumed: boolean
  readonly peer: Peer
  /** Subscribes and waits until that is durable. QoS 1 unless said. */
  subscribe(filter: string, options?: Partial<Parameters<Session['subscribe']>[1]>): Promise<void>
  /** Loses the connection, or says farewell. */
  leave(options?: { readonly forgetWill?: boolean; readonly expiry?: number }): Promise<void>
}

/** A broker in the hands of a test. */
export interface Rig {
  readonly broker: Broker
  readonly host: FakeHost
  readonly storage: Storage
  readonly events: BrokerEvent[]
  /** Connects. Durable for an hour unless said. */
  open(id: string, options?: Partial<OpenOptions> & { readonly credit?: number; readonly load?: Load }): Promise<Client>
  /** Publishes at QoS 1 unless said, and lets the broker work. */
  publish(topic: string, text?: string, fields?: Partial<Message>): Promise<'void' | 'kept' | ErrorCode>
  /** Texts of all records of the session log. */
  records(): Promise<string[]>
  /** Keys of a table, their parts separated by spaces. */
  keys(table: string): Promise<string[]>
  /** Topics of what was dropped for this reason. */
  dropped(reason: string): string[]
  /** Stops the broker without a word, as a crash would, and starts another one on the same storage. */
  restart(): Promise<Rig>
}

/** Everything a broker may be made of but the host, which is a fake one. */
export interface RigOptions extends Partial<BrokerOptions> {
  readonly host?: FakeHost
}

/** A message. QoS 1 unless said. */
export function message(topic: string, text: string, fields: Partial<Message> = {}): Message {
  return { topic, payload: encodeUtf8(text), qos: 1, retain: false, publisher: 'publisher', timestamp: 0, ...fields }
}

/** The text of a message. */
export function textOf({ payload }: Message): string {
  return readUtf8(payload, 0, payload.length) ?? '?'
}

/** A consumer that takes down what it gets. */
function peer(credit: number = 10): Peer {
  const received: Delivered[] = []
  return {
    load: 0,
    credit,
    tooLarge: () => false,
    received,
    confirmed: [],
    ended: [],
    get texts() {
      return received.map((each) => each.text)
    },
    deliver(message, grant, tag, flags) {
      if (this.tooLarge(message)) return false
      const { topic } = message
      const retained = (flags & DeliveryFlag.retained) !== 0
      const redelivered = (flags & DeliveryFlag.redelivered) !== 0
      received.push({ text: textOf(message), topic, qos: flags & DeliveryFlag.qos, tag, retained, redelivered, grant })
      return true
    },
    confirm(tag) {
      this.confirmed.push(tag)
    },
    end(reason) {
      this.ended.push(reason)
    },
  }
}

/** Starts a broker. */
export async function rig(options: RigOptions = {}): Promise<Rig> {
  const { host = fakeHost(), storage = memoryStorage() } = options
  const broker = await createBroker({ ...options, storage, host })
  const events: BrokerEvent[] = []
  broker.watch((event) => events.push(event))
  return {
    broker,
    host,
    storage,
    events,
    async open(id, { credit, load, ...rest } = {}) {
      const consumer = peer(credit)
      consumer.load = load ?? 0
      const base = { id, principal: { clientId: id }, peer: { transport: 'test', secure: false }, consumer }
      const { session, resumed } = broker.sessions.open({ ...base, clean: false, expiry: 3_600_000, ...rest })
      await host.settle()
      session.outbound.start(consumer)
      await host.settle()
      return {
        session,
        resumed,
        peer: consumer,
        async subscribe(filter, options = {}) {
          session.subscribe(filter, { qos: 1, ...options })
          await host.settle()
          session.outbound.pump()
        },
        async leave({ forgetWill = false, expiry } = {}) {
          broker.sessions.leave(session, consumer, { forgetWill, expiry, reason: forgetWill ? 'closed' : 'lost' })
          await host.settle()
        },
      }
    },
    async publish(topic, text = topic, fields = {}) {
      try {
        const promise = broker.publish(message(topic, text, { timestamp: host.clock.now(), ...fields }))
        if (promise === undefined) return 'void'
        const outcome = promise.then(
          () => 'kept' as const,
          (error: unknown) => (error as BrokerError).code,
        )
        await host.settle()
        return await outcome
      } catch (error) {
        if (error instanceof BrokerError) return error.code
        throw error
      }
    },
    async records() {
      const log = storage.log('$sessions')
      const { start, end } = await log.range()
      if (start === end) return []
      const { records } = await log.read(start, { limit: end - start })
      return records.map((record) => textOf(record.message))
    },
    async keys(table) {
      const keys: string[] = []
      for await (const [key] of storage.table(table).scan('')) keys.push(key.replaceAll('\0', ' '))
      return keys
    },
    dropped: (reason) =>
      events.flatMap((event) => (event.type === 'dropped' && event.reason === reason ? [event.topic] : [])),
    // On a clock of its own: the timers of the dead broker never fire.
    restart: () => rig({ ...options, storage, host: fakeHost(fakeClock(host.clock.now())) }),
  }
}
