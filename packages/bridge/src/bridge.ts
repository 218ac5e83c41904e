import { type Broker, BrokerError, type Message, ownSession, type Session, type Timer } from '@isomq/kernel'
import { Backoff } from './backoff.ts'
import { Echoes } from './echoes.ts'
import { Ledger } from './ledger.ts'
import { type Dialect, Link, type LinkContext, Unspoken } from './link.ts'
import type { BridgeOptions } from './options.ts'
import type { Outgoing } from './outgoing.ts'
import { type BridgeEvents, type BridgeState, Listeners } from './state.ts'
import { parseRule, ruleFor, type TopicRule } from './topic-rule.ts'

/** A link from this broker to another: what is published here and is meant for there waits in the log until the other has it. */
export interface Bridge {
  readonly name: string
  readonly state: BridgeState
  /** Calls back with every event of this name. Returns how to stop it. */
  on<K extends keyof BridgeEvents>(name: K, listener: (event: BridgeEvents[K]) => void): () => void
  /** Tries at once instead of waiting: where the network is known to be back. */
  wake(): void
  /** Tries at once, and resolves when nothing is left to be sent. Rejects with BrokerError `timeout` after so many milliseconds (default: never), or `shutting-down`. */
  flush(options?: { readonly timeout?: number | undefined }): Promise<void>
  /** Ends the connection. What is owed stays in the log until a bridge of this name is there again; with `forget` it goes, too. Idempotent. */
  close(options?: { readonly forget?: boolean | undefined }): Promise<void>
}

const sessionOf = (name: string): string => ownSession(`bridge/${name}`)

/** How many records are looked at in one go. */
const pageSize = 256
/** A connection that has stood so long was none of those that fail at once, milliseconds. */
const lasting = 10_000

/**
 * Links a broker to another. What the other is owed is counted from now on. Throws BrokerError `invalid-filter` for a topic
 * that cannot be read, and `quota-exceeded` where there is no room for its session.
 */
export function createBridge(broker: Broker, name: string, options: BridgeOptions): Bridge {
  return new StoreAndForward(broker, name, options)
}

/** Ends what is kept for bridges whose names are not among these: the log would wait for them for ever. Returns the names of those that were. */
export function forgetBridges(broker: Broker, names: readonly string[]): string[] {
  const kept = new Set(names.map(sessionOf))
  const gone = Array.from(broker.sessions).filter(({ id }) => id.startsWith(sessionOf('')) && !kept.has(id))
  for (const session of gone) broker.sessions.end(session, 'unavailable')
  return gone.map(({ id }) => id.slice(sessionOf('').length))
}

class StoreAndForward implements Bridge {
  readonly name: string
  readonly #broker: Broker
  readonly #options: BridgeOptions
  readonly #context: LinkContext
  readonly #listeners: Listeners<BridgeEvents>
  readonly #backoff: Backoff
  readonly #ledger = new Ledger()
  readonly #stops: (() => void)[] = []
  readonly #run: Promise<void>
  #dialects: Dialect[]
  #session: Session
  #link: Link | undefined
  #status: BridgeState['status'] = 'connecting'
  #nextRetryAt: number | undefined
  #lastError: Error | undefined
  /** Ends the wait for the next attempt. */
  #wake: () => void = () => undefined
  readonly #flushing = new Set<() => void>()
  /** Something was owed since that was last told. */
  #behind = false

  constructor(broker: Broker, name: string, options: BridgeOptions) {
    const { topics, backoff = {}, outbox = {}, random = Math.random } = options
    const rules = topics.map(parseRule)
    this.name = name
    this.#broker = broker
    this.#options = options
    this.#listeners = new Listeners((error) => broker.host.report(error, `telling of the bridge ${name}`))
    this.#backoff = new Backoff(backoff.min ?? 1000, backoff.max ?? 60_000, random)
    const oldest: Dialect[] = [
      { version: 4, bridge: true },
      { version: 4, bridge: false },
    ]
    this.#dialects = options.protocolVersion === 4 ? oldest : [{ version: 5, bridge: false }, ...oldest]
    const id = sessionOf(name)
    const known = broker.sessions.get(id)?.principal.username
    const clientId = options.clientId ?? known ?? `isomq-${broker.host.randomId()}`
    this.#context = {
      broker,
      out: rules.filter(({ direction }) => direction !== 'in'),
      in: rules.filter(({ direction }) => direction !== 'out'),
      clientId,
      keepAlive: Math.max(options.keepAlive ?? 30_000, 1000),
      connectTimeout: options.connectTimeout ?? 10_000,
      ttl: outbox.ttl ?? Infinity,
      deadLetter: options.deadLetter ?? `$dead-letter/${name}`,
      echoes: new Echoes(),
      session: () => this.#session,
      attach: (consumer, link) => this.#attach(consumer, link.peer),
      tell: (name, event) => this.#listeners.tell(name, event),
      settled: () => this.#settled(),
    }
    // The session is there from now on, whether the other broker can be reached or not.
    const nobody = new NobodyYet()
    this.#session = this.#attach(nobody, { transport: 'bridge', secure: true })
    this.#session.outbound.start(nobody)
    broker.sessions.leave(this.#session, nobody, { forgetWill: true, reason: 'closed' })
    this.#watch()
    this.#run = this.#work()
  }

  get state(): BridgeState {
    return {
      status: this.#status,
      lagMessages: this.#owed,
      lagBytes: this.#ledger.bytes,
      oldestUnsent: this.#ledger.oldest,
      inFlight: this.#status === 'connected' ? this.#session.outbound.inflight.length : 0,
      nextRetryAt: this.#nextRetryAt,
      lastError: this.#lastError,
    }
  }

  on<K extends keyof BridgeEvents>(name: K, listener: (event: BridgeEvents[K]) => void): () => void {
    return this.#listeners.on(name, listener)
  }

  wake(): void {
    this.#wake()
  }

  flush({ timeout = Infinity }: { readonly timeout?: number | undefined } = {}): Promise<void> {
    this.wake()
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined
      const check = (): void => {
        const isClosed = this.#status === 'closed'
        if (this.#owed > 0 && !isClosed) return
        timer?.cancel()
        this.#flushing.delete(check)
        if (this.#owed === 0) resolve()
        else reject(new BrokerError('shutting-down', `the bridge ${this.name} is closed; ${this.#left}`))
      }
      this.#flushing.add(check)
      const late = (): void => {
        this.#flushing.delete(check)
        const cause = this.#lastError
        reject(new BrokerError('timeout', `the bridge ${this.name} is not through: ${this.#left}`, { cause }))
      }
      if (timeout !== Infinity) timer = this.#broker.host.clock.timer(timeout, late)
      // What was published before is on its way to the session; it is there in the next turn.
      this.#broker.host.defer(check)
    })
  }

  async close({ forget = false }: { readonly forget?: boolean | undefined } = {}): Promise<void> {
    if (this.#status !== 'closed') {
      this.#become('closed')
      for (const stop of this.#stops.splice(0)) stop()
      this.#link?.close()
      this.#wake()
      for (const check of this.#flushing) check()
    }
    await this.#run
    if (forget) this.#broker.sessions.end(this.#session, 'unavailable')
  }

  /** Messages that the other broker has not acknowledged. */
  get #owed(): number {
    return this.#session.outbound.queued + this.#session.outbound.inflight.length
  }

  get #left(): string {
    return `${this.#owed} messages are left to be sent`
  }

  /** The session of this name, with the subscriptions that the rules mean, and no others. */
  #attach(consumer: Outgoing | NobodyYet, peer: Link['peer']): Session {
    const { clientId, out } = this.#context
    const id = sessionOf(this.name)
    // As its user name it remembers who it is at the other broker.
    const principal = { clientId: id, username: clientId }
    const { session } = this.#broker.sessions.open({ id, principal, peer, consumer, clean: false, expiry: Infinity })
    const wanted = new Map<string, TopicRule>()
    for (const rule of out) {
      const known = wanted.get(rule.local.filter)
      if (known === undefined || known.qos < rule.qos) wanted.set(rule.local.filter, rule)
    }
    for (const { filter } of Array.from(session.subscriptions.values()))
      if (!wanted.has(filter)) session.unsubscribe(filter)
    // Where only the QoS is another, what is owed because of it stays so.
    for (const [filter, { qos }] of wanted)
      if (session.subscriptions.get(filter)?.options.qos !== qos)
        session.subscribe(filter, { qos, noLocal: true, retainAsPublished: true, retained: 'if-new' })
    this.#session = session
    return session
  }

  /** Keeps count of what is owed. */
  #watch(): void {
    const { out } = this.#context
    const { maxBytes = Infinity } = this.#options.outbox ?? {}
    const isOwed = ({ qos, publisher, topic }: Message): boolean => {
      if (qos === 0 || publisher === this.#session.id) return false
      return out.some((rule) => rule.qos > 0 && ruleFor([rule], 'local', topic) !== undefined)
    }
    const add = (message: Message): void => {
      if (!isOwed(message)) return
      this.#behind = true
      this.#ledger.add(message.payloadLength ?? message.payload.length, message.timestamp)
      // In a turn of its own: it may not have been offered to the session yet.
      if (this.#ledger.bytes > maxBytes) this.#broker.host.defer(() => this.#shorten(maxBytes))
    }
    // Filters that overlap would count a message twice.
    const roots = new Set(out.map(({ local }) => local.filter))
    const seen = { last: undefined as Message | undefined }
    for (const filter of roots)
      this.#stops.push(
        this.#broker.tap(filter, (message) => {
          if (seen.last === message) return
          seen.last = message
          add(message)
        }),
      )
    this.#stops.push(
      this.#broker.watch((event) => {
        if (event.type === 'dropped' && event.session === this.#session.id)
          this.#broker.host.defer(() => this.#settled())
      }),
    )
    void this.#count(isOwed)
  }

  /** What an earlier run has left behind. */
  async #count(isOwed: (message: Message) => boolean): Promise<void> {
    const { history } = this.#broker
    const { next, unsettled } = this.#session.outbound.place(Infinity)
    const [sizes, times]: [number[], number[]] = [[], []]
    try {
      const { end } = await history.range()
      const sent = new Set(unsettled)
      let from = Math.min(next, ...unsettled)
      while (from < end) {
        const page = await history.read(from, { limit: pageSize, where: isOwed })
        for (const { offset, message } of page.records) {
          if (offset >= end || (offset < next && !sent.has(offset))) continue
          sizes.push(message.payload.length)
          times.push(message.timestamp)
        }
        if (page.next === from) break
        from = page.next
      }
      this.#ledger.prepend(sizes, times)
      this.#settled()
    } catch (error) {
      this.#broker.host.report(error, `counting what the bridge ${this.name} is owed`)
    }
  }

  #shorten(maxBytes: number): void {
    while (this.#ledger.bytes > maxBytes && this.#session.outbound.queued > 0) {
      const before = this.#owed
      let isFirst = true
      this.#session.outbound.giveUp(() => isFirst && ((isFirst = false), true), 'queue-full')
      if (this.#owed === before) return
      this.#ledger.trim(this.#owed)
    }
  }

  #settled(): void {
    this.#ledger.trim(this.#owed)
    if (this.#owed > 0) {
      this.#behind = true
      return
    }
    for (const check of this.#flushing) check()
    if (!this.#behind) return
    this.#behind = false
    this.#context.tell('drained', undefined)
  }

  #become(status: BridgeState['status'], nextRetryAt?: number): void {
    if (this.#status === 'closed') return
    this.#status = status
    this.#nextRetryAt = nextRetryAt
    this.#context.tell('state', this.state)
  }

  get #isClosed(): boolean {
    return this.#status === 'closed'
  }

  /** Connects, again and again. */
  async #work(): Promise<void> {
    const { clock } = this.#broker.host
    while (!this.#isClosed) {
      this.#become('connecting')
      const began = clock.now()
      const error = await this.#connect()
      const link = this.#link
      this.#link = undefined
      if (this.#isClosed) return
      this.#lastError = error ?? new Error('the broker closed the connection')
      if (error instanceof Unspoken && this.#dialects.length > 1) {
        this.#dialects.shift()
        continue
      }
      if (link?.worked === true || clock.now() - began >= lasting) this.#backoff.reset()
      await this.#rest(this.#backoff.next())
    }
  }

  /** One connection, from its beginning to its end. Resolves with why it has ended. Never rejects. */
  async #connect(): Promise<Error | undefined> {
    const { auth, dial } = this.#options
    try {
      await this.#session.committing
      const login = (await auth?.()) ?? {}
      if (this.#isClosed) return undefined
      const connection = await dial()
      if (this.#isClosed) {
        connection.close()
        return undefined
      }
      const link = new Link(connection, this.#context, this.#dialects[0]!)
      this.#link = link
      await link.open(login)
      this.#lastError = undefined
      this.#become('connected')
      this.#settled()
      return await link.closed
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }

  async #rest(delay: number): Promise<void> {
    const { clock } = this.#broker.host
    await new Promise<void>((resolve) => {
      const timer = clock.timer(delay, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
      this.#become('waiting', clock.now() + delay)
    })
    this.#wake = () => undefined
  }
}

/** Stands for the other broker until there is a connection: takes nothing. */
class NobodyYet {
  readonly load = 2
  readonly credit = 1
  deliver(): boolean {
    return false
  }
  confirm(): void {}
  end(): void {}
}
