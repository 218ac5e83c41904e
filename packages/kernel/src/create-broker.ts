import { BanTable } from './bans.ts'
import type { Broker } from './broker.ts'
import { Committer } from './committer.ts'
import { ConnectionTable } from './connections.ts'
import type { Core } from './core.ts'
import { zeroCounters } from './counters.ts'
import { DelayedMessages } from './delayed.ts'
import { dispatch } from './dispatch.ts'
import { enforceBan } from './enforce-ban.ts'
import { Entrance } from './entrance.ts'
import { BrokerError, type ErrorCode } from './errors.ts'
import type { BrokerEvent } from './events.ts'
import { defaultFlapping, type FlappingOptions } from './flapping.ts'
import { allowAll, carefulGuard, type Guard, type Principal, rememberingGuard } from './guard.ts'
import { StorageHealth } from './health.ts'
import { Times } from './histogram.ts'
import type { Host } from './host.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { defaultHistory, type HistoryOptions, LogHistory } from './history.ts'
import { Losses } from './losses.ts'
import type { Message } from './message.ts'
import { kept as keptMessage, ownBytes } from './message-codec.ts'
import { MemoryWatch } from './memory-watch.ts'
import { Pressure } from './pressure.ts'
import { recover } from './recovery.ts'
import { RetainedMessages } from './retained.ts'
import { Router, type Tap } from './router.ts'
import { sessionLog, table } from './rows.ts'
import { Schedule } from './schedule.ts'
import type { Session } from './session.ts'
import { SessionTable } from './sessions.ts'
import { hashOf, type Sharing, strategyOf } from './sharing.ts'
import { defaultSlowOptions, type SlowOptions, SlowSubscriptions } from './slow-subscriptions.ts'
import type { Storage } from './storage.ts'
import { isFilter, isReserved } from './topic.ts'
import { Trimmer } from './trimmer.ts'

/** What a broker is made of. */
export interface BrokerOptions {
  readonly storage: Storage
  readonly host: Host
  /** Lets everyone in unless given. */
  readonly guard?: Guard | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Told of everything from the start on: for the recovery `watch` comes too late. */
  readonly observer?: ((event: BrokerEvent) => void) | undefined
  /** How long a slow reader may hold its publishers back at a stretch, milliseconds. */
  readonly grace?: number | undefined
  /** Bytes of memory in use, for `limits.memory`; without it nobody knows. */
  readonly memory?: (() => number) | undefined
  /** Which member of a group gets a message; `round-robin` unless given. */
  readonly sharing?: Sharing | undefined
  /** Bans client ids that come and go. Off unless given; what is left out is that of `defaultFlapping`. */
  readonly flapping?: Partial<FlappingOptions> | undefined
  /** Times deliveries. Off unless given; what is left out is that of `defaultSlowOptions`. */
  readonly slowSubscriptions?: Partial<SlowOptions> | undefined
  /** Keeps messages to be read again. Nothing unless given; what is left out is that of `defaultHistory`. Rejects with BrokerError `invalid-filter`. */
  readonly history?: Partial<HistoryOptions> | undefined
}

/** A broker as its storage remembers it. Rejects when the storage cannot be read. */
export async function createBroker(options: BrokerOptions): Promise<Broker> {
  const { storage, host } = options
  const chosen = options.guard ?? allowAll
  const guard = carefulGuard(chosen, host, (credentials) => entrance.knock(credentials))
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const seed = hashOf(host.randomId())
  const counters = zeroCounters()
  const timings = { deliver: new Times(), ack: new Times(), commit: new Times() }
  const watchers = new Set(options.observer === undefined ? [] : [options.observer])
  const log = storage.log(sessionLog)
  const kept: HistoryOptions | undefined = options.history && { ...defaultHistory, ...options.history }
  const history = new LogHistory(log)
  const schedule = new Schedule(host.clock, (error) => host.report(error, 'scheduled work'))
  const router = new Router(guard, limits, seed)
  const health = new StorageHealth(host.clock, (event) => core.emit?.(event))
  const committer = new Committer(host, storage, {
    committed: (message, route, offset) => {
      if (offset >= 0) trimmer.appended(message, offset)
      if (route === undefined) return
      // Whoever unsubscribed while it was written does not get it: nothing would complete it after a crash.
      dispatch(core, message, message.recipient === undefined ? router.renew(route, message.topic) : route, offset)
    },
    subscribed: ({ filter }) => router.touch(filter),
    acknowledged: (messages, took) => timings.ack.observe(took, messages),
    failed: (error) => health.failed('commit', error),
    wrote: (records, took) => {
      timings.commit.observe(took)
      health.worked('commit')
      counters.commits++
      counters.stored += records
      if (records > 0) history.grew()
    },
  })
  const emit = (event: BrokerEvent): void => {
    for (const watcher of watchers) {
      try {
        watcher(event)
      } catch (error) {
        host.report(error, 'watching')
      }
    }
  }
  const retained = new RetainedMessages({
    clock: host.clock,
    limits,
    schedule,
    committer,
    seed,
    emit: (event) => core.emit?.(event),
  })
  const bans = new BanTable({
    clock: host.clock,
    schedule,
    committer,
    limit: limits.bans,
    emit: (event) => core.emit?.(event),
    enforce: (ban, endSessions) => enforceBan(core, sessions, ban, endSessions),
  })
  const entrance = new Entrance(host.clock, bans, {
    rate: limits.connectRate,
    flapping: options.flapping && { ...defaultFlapping, ...options.flapping },
  })
  const slow =
    options.slowSubscriptions &&
    new SlowSubscriptions(host.clock, { ...defaultSlowOptions, ...options.slowSubscriptions })
  const pressure = new Pressure(host.clock, options.grace ?? 50)
  const memory = new MemoryWatch(
    options.memory && {
      clock: host.clock,
      read: options.memory,
      limit: limits.memory,
      changed(isShort, bytes, since) {
        pressure.always = isShort
        if (isShort) emit({ type: 'memory-short', bytes, limit: limits.memory })
        else emit({ type: 'memory-recovered', since })
      },
    },
  )
  const core: Core = {
    host,
    limits,
    guard,
    entrance,
    counters,
    timings,
    health,
    router,
    retained,
    committer,
    schedule,
    pressure,
    strategy: strategyOf(options.sharing ?? 'round-robin', seed),
    exclusives: new Map(),
    log,
    losses: new Losses(host, (session, topic, count) =>
      core.emit?.({ type: 'dropped', session, reason: 'slow-consumer', topic, count }),
    ),
    slow,
    emit: watchers.size === 0 ? undefined : emit,
    publish,
    cutOff: (session, reason = 'unavailable') => end(session, reason),
  }
  const delayed = new DelayedMessages(core)
  const sessions = new SessionTable(core)
  const trimmer = new Trimmer(core, sessions, kept)
  const connections = new ConnectionTable(limits, () => memory.isShort)
  let closed = false

  function publish(message: Message, from?: Principal): void | Promise<void> {
    const route = router.match(message.topic)
    const reserved = isReserved(message.topic)
    if (reserved && from !== undefined) throw new BrokerError('not-authorized')
    if (closed) throw new BrokerError('shutting-down')
    if (memory.isShort && from !== undefined && !reserved && shed(message)) return
    if (!reserved) counters.received++
    if (message.dueAt !== undefined) return delayed.add(message, from)
    if (message.retain) retained.set(message)
    if (message.qos > 0) {
      const placed = route.durable || route.kept
      // Its tag and its delivery stand or fall together.
      const bound = placed || message.retain || (message.qos === 2 && sessions.get(message.publisher)?.durable === true)
      // Behind what is under way, even if nothing is written: messages of one publisher stay in order.
      if (placed || (bound ? committer.done !== undefined : committer.isBefore(message.publisher)))
        return committer.publish({ message: keptMessage(message), route, placed, bound })
      if (route.grants.length > 0 || route.groups.length > 0) message = keptMessage(message)
    }
    dispatch(core, message, route, -1)
    // Nobody waits for it: a storage that fails has told so already.
    if (route.kept && message.qos === 0)
      void committer.publish({ message: ownBytes(message), route: undefined, placed: true, bound: true }).catch(nothing)
  }

  /** While memory is short: whether a message goes no further. Throws BrokerError `quota-exceeded` for what would be kept in memory. */
  function shed(message: Message): boolean {
    const isNew = message.retain && message.payload.length > 0 && retained.get(message.topic) === undefined
    if (isNew && message.qos > 0) throw new BrokerError('quota-exceeded')
    if (message.qos > 0) return false
    counters.dropped++
    counters.drops['memory-short']++
    return true
  }

  function end(session: Session, reason: ErrorCode): void {
    const { consumer } = session
    if (consumer === undefined) return
    consumer.end(reason)
    sessions.leave(session, consumer, { forgetWill: false, reason })
  }

  for (const filter of kept?.filters ?? []) {
    if (!isFilter(filter)) throw new BrokerError('invalid-filter', `${filter} is no topic filter`)
    router.add(filter, { kind: 'keeper' })
  }
  await delayed.load(storage.table(table.delayed))
  await bans.load(storage)
  await recover(core, sessions, storage, trimmer)
  delayed.start()

  return {
    sessions,
    retained,
    history,
    delayed,
    // What always says yes is asked faster than remembered.
    guard: chosen.authorize === allowAll.authorize ? guard : rememberingGuard(guard),
    bans,
    connections,
    slow: slow ?? [],
    host,
    limits,
    counters,
    timings,
    get health() {
      return health.health
    },
    pressure,
    get memoryShortSince() {
      return memory.since
    },
    get backlog() {
      return committer.backlog
    },
    publish,
    tap(filter, deliver) {
      if (!isFilter(filter)) throw new BrokerError('invalid-filter')
      const tap: Tap = { kind: 'tap', deliver }
      router.add(filter, tap)
      return () => router.remove(filter, tap)
    },
    watch(observer) {
      watchers.add(observer)
      core.emit = emit
      return () => {
        watchers.delete(observer)
        if (watchers.size === 0) core.emit = undefined
      }
    },
    knock: (credentials) => entrance.knock(credentials),
    refused(peer, detail) {
      core.emit?.({ type: 'refused', peer, detail })
    },
    async close() {
      if (closed) return
      delayed.stop()
      sessions.close()
      for (const session of Array.from(sessions)) end(session, 'shutting-down')
      // Those who have not logged in have no session.
      connections.close()
      await committer.flush()
      closed = true
      schedule.clear()
      trimmer.stop()
      memory.stop()
    },
  }
}

function nothing(): void {}
