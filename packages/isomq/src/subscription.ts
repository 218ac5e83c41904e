import { type Broker, BrokerError, isFilter, matches, type Offset } from '@isomq/kernel'
import { Mailbox } from './mailbox.ts'
import { Received } from './received.ts'

/** From where a subscriber reads. */
export interface SubscribeOptions {
  /**
   * Left out, messages come live, from now on. Else they are read from the history and on: from its beginning, from an
   * offset, or from the first that was accepted at a time or later. The history must keep whatever the filter matches.
   */
  readonly from?: 'earliest' | Offset | Date | undefined
  /** Live only: begin with the retained messages the filter matches. Default true. */
  readonly retained?: boolean | undefined
  /** Live only: how many messages may wait to be taken; beyond that the oldest is dropped and counted. Default 1,000. */
  readonly maxQueued?: number | undefined
}

/** Messages of the topics a filter matches, one after the other. Ends when it is closed, left (`break`), or the broker is closed. */
export interface Subscription extends AsyncIterableIterator<Received, undefined> {
  readonly filter: string
  /** Messages that had to go since they came faster than they were taken. Never any where it reads from the history. */
  readonly dropped: number
  /** No more messages. */
  close(): void
}

/** What is to be known of the broker that one subscribes to. */
export interface Source {
  readonly broker: Broker
  /** Whether the history keeps everything this filter matches. */
  keeps(filter: string): boolean
}

/** Subscribes within the process. Throws BrokerError `invalid-filter`, and where `from` asks for what is not kept. */
export function subscribe(source: Source, filter: string, options: SubscribeOptions = {}): Subscription {
  if (!isFilter(filter)) throw new BrokerError('invalid-filter', `${JSON.stringify(filter)} is no topic filter`)
  if (options.from === undefined) return live(source.broker, filter, options)
  if (!source.keeps(filter))
    throw new BrokerError(
      'unavailable',
      `no history keeps all of ${filter}: name it in createBroker({ history: { filters: [...] } })`,
    )
  return replay(source.broker, filter, options.from)
}

function live(broker: Broker, filter: string, { retained = true, maxQueued = 1000 }: SubscribeOptions): Subscription {
  const mailbox = new Mailbox<Received>(maxQueued)
  if (retained) broker.retained.find(filter, (message) => mailbox.put(new Received(message)))
  const stop = broker.tap(filter, (message) => mailbox.put(new Received(message)))
  const close = (): void => {
    stop()
    mailbox.end()
  }
  return {
    filter,
    get dropped() {
      return mailbox.dropped
    },
    close,
    next: () => mailbox.next(),
    async return() {
      close()
      return { value: undefined, done: true }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Records read at once. */
const pageSize = 256

function replay(broker: Broker, filter: string, from: 'earliest' | Offset | Date): Subscription {
  const state = { grown: false, closed: false, wake: (): void => undefined }
  const stop = broker.history.watch(() => {
    state.grown = true
    state.wake()
  })
  const close = (): void => {
    state.closed = true
    stop()
    state.wake()
  }
  async function* read(): AsyncGenerator<Received, undefined> {
    const { history } = broker
    let next = typeof from === 'number' ? from : 0
    if (from instanceof Date) next = await history.at(from.getTime())
    while (!state.closed) {
      state.grown = false
      const page = await history.read(next, { limit: pageSize, where: ({ topic }) => matches(filter, topic) })
      for (const { message, offset } of page.records) if (!state.closed) yield new Received(message, offset)
      const isEnd = page.next === next
      next = page.next
      if (isEnd && !state.grown && !state.closed) await new Promise<void>((resolve) => (state.wake = resolve))
    }
  }
  const records = read()
  return {
    filter,
    dropped: 0,
    close,
    next: () => records.next(),
    async return() {
      close()
      return records.return(undefined)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
