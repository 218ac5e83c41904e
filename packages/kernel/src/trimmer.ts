import { payloadLength } from './message-codec.ts'
import type { Core } from './core.ts'
import type { DropReason } from './events.ts'
import type { HistoryOptions } from './history.ts'
import type { Timer } from './host.ts'
import { LogSegments } from './log-segments.ts'
import type { Message, Offset } from './message.ts'
import type { SessionTable } from './sessions.ts'

const period = 10_000

/**
 * Lets the session log forget what nobody is owed any more and no history keeps: what everybody has, what has expired, and what is beyond the
 * limits of the log, oldest first.
 */
export class Trimmer {
  readonly #core: Core
  readonly #sessions: SessionTable
  readonly #segments: LogSegments
  readonly #history: HistoryOptions | undefined
  #trimmed: Offset = 0
  /** Of the records that are counted as kept. */
  #first: Offset = 0
  #timer: Timer | undefined
  #stopped = false

  constructor(core: Core, sessions: SessionTable, history?: HistoryOptions) {
    const { logBytes, logAge } = core.limits
    this.#core = core
    this.#sessions = sessions
    this.#history = history
    this.#segments = new LogSegments({
      logBytes: Math.min(logBytes, history?.maxBytes ?? Infinity),
      logAge: Math.min(logAge, history?.maxAge ?? Infinity),
    })
  }

  /** True: records that nobody is owed are kept, too. */
  get keepsHistory(): boolean {
    return this.#history !== undefined
  }

  /** A record was added. */
  appended(message: Message, offset: Offset): void {
    const { counters, limits, host } = this.#core
    const begun = this.#add(message, offset, host.clock.now())
    const { second } = this.#segments
    if (second === undefined) return
    if (counters.keptBytes > limits.logBytes) this.#cut(second)
    // A look at every reader is worth it once for thousands of records.
    else if (begun && counters.keptBytes > (this.#history?.maxBytes ?? Infinity)) this.#cut(0)
  }

  /** A record was there when the broker started. Nothing is given up for its sake: its readers may not be in place yet. */
  restored(message: Message, offset: Offset): void {
    // A retained message became a record when somebody subscribed, which may be long after it was published.
    this.#add(message, offset, message.recipient === undefined ? message.timestamp : this.#core.host.clock.now())
  }

  /** Soon there will be something to forget. */
  arm(): void {
    this.#timer ??= this.#core.host.clock.timer(period, () => {
      this.#timer = undefined
      this.#dropExpired()
      this.#cut(this.#oldBefore())
    })
  }

  /** No more trimming. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** True: a segment began. */
  #add(message: Message, offset: Offset, time: number): boolean {
    const { counters } = this.#core
    const begun = this.#segments.add(message, offset, time)
    counters.keptBytes += payloadLength(message)
    if (counters.kept++ === 0) this.#first = offset
    this.arm()
    return begun
  }

  /** Everything below has waited longer than it may. */
  #oldBefore(): Offset {
    const { committer, host, limits } = this.#core
    if (limits.logAge === Infinity) return 0
    return this.#segments.addedSince(host.clock.now() - limits.logAge) ?? committer.end
  }

  /** Everything below is no part of the history any more. */
  #historyStart(): Offset {
    const { committer, host } = this.#core
    if (this.#history === undefined) return committer.end
    const { maxAge, maxBytes } = this.#history
    const young = this.#segments.addedSince(host.clock.now() - maxAge) ?? committer.end
    return Math.max(young, this.#segments.lastBytes(maxBytes) ?? committer.end)
  }

  /** Whoever sleeps does not keep what he will never get. */
  #dropExpired(): void {
    if (!this.#segments.expiring) return
    const now = this.#core.host.clock.now()
    this.#giveUp((offset) => this.#segments.expiryOf(offset) <= now, 'expired')
  }

  /** Trims to the lowest place of any reader, and to `before` at least: then it is given up. */
  #cut(before: Offset): void {
    if (before > this.#trimmed) this.#giveUp((offset) => offset < before, 'queue-full')
    let low = this.#historyStart()
    // Also for sessions that have stopped being durable: what they wait for is read back from the log.
    for (const session of this.#sessions) low = lowest(low, session.outbound.place(low))
    for (const group of this.#sessions.groups.values()) low = lowest(low, group.place(low))
    this.#trim(Math.max(low, before))
  }

  /** Every reader gives up what he waits for, up to the first record of which this is not true. */
  #giveUp(isGone: (offset: Offset) => boolean, reason: DropReason): void {
    for (const session of this.#sessions) session.outbound.giveUp(isGone, reason)
    for (const group of this.#sessions.groups.values()) group.giveUp(isGone, reason)
  }

  #trim(low: Offset): void {
    const { committer, counters, log, health } = this.#core
    counters.keptBytes -= this.#segments.trim(low, committer.end)
    if (low > this.#first) {
      counters.kept -= Math.min(low - this.#first, counters.kept)
      this.#first = low
    }
    if (low < committer.end) this.arm()
    const before = this.#trimmed
    if (low <= before) return
    this.#trimmed = low
    log.trim(low).then(
      () => health.worked('trim'),
      (error: unknown) => {
        health.failed('trim', error)
        if (this.#trimmed === low) this.#trimmed = before
        if (!this.#stopped) this.arm()
      },
    )
  }
}

function lowest(low: Offset, place: { readonly next: Offset; readonly unsettled: readonly Offset[] }): Offset {
  return place.unsettled.reduce((least, offset) => Math.min(least, offset), Math.min(low, place.next))
}
