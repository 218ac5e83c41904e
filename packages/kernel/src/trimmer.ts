import type { Core } from './core.ts'
import type { Timer } from './host.ts'
import type { Message, Offset } from './message.ts'
import type { SessionTable } from './sessions.ts'

const period = 10_000
const segment = 4096

/** Lets the session log forget what nobody is owed any more, and the oldest of it when it grows beyond its limit. */
export class Trimmer {
  readonly #core: Core
  readonly #sessions: SessionTable
  /** Payload bytes per segment of offsets, oldest first. */
  readonly #segments: { first: Offset; bytes: number }[] = []
  #trimmed: Offset = 0
  /** Of the records that are counted as kept. */
  #first: Offset = 0
  #timer: Timer | undefined
  #stopped = false

  constructor(core: Core, sessions: SessionTable) {
    this.#core = core
    this.#sessions = sessions
  }

  /** A record was added. */
  appended(message: Message, offset: Offset): void {
    this.restored(message, offset)
    const { counters, limits } = this.#core
    if (counters.keptBytes > limits.logBytes && this.#segments.length > 1) this.#cut()
  }

  /** A record was there when the broker started. Nothing is given up for its sake: its readers may not be in place yet. */
  restored(message: Message, offset: Offset): void {
    let last = this.#segments.at(-1)
    const full = last !== undefined && (offset >= last.first + segment || last.bytes > this.#core.limits.logBytes / 16)
    if (last === undefined || full) this.#segments.push((last = { first: offset, bytes: 0 }))
    const { counters } = this.#core
    last.bytes += message.payload.length
    counters.keptBytes += message.payload.length
    if (counters.kept++ === 0) this.#first = offset
    this.arm()
  }

  /** Soon there will be something to forget. */
  arm(): void {
    this.#timer ??= this.#core.host.clock.timer(period, () => {
      this.#timer = undefined
      this.#trim()
    })
  }

  /** No more trimming. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #cut(): void {
    const before = this.#segments[1]!.first
    for (const session of this.#sessions) session.outbound.dropBefore(before)
    for (const group of this.#sessions.groups.values()) group.dropBefore(before)
    this.#trim(before)
  }

  /** Trims to the lowest place of any reader, or to `forced` if that is higher. */
  #trim(forced: Offset = 0): void {
    const { committer, counters, log, emit } = this.#core
    let low = committer.end
    // Also for sessions that have stopped being durable: what they wait for is read back from the log.
    for (const session of this.#sessions) low = lowest(low, session.outbound.place(low))
    for (const group of this.#sessions.groups.values()) low = lowest(low, group.place(low))
    low = Math.max(low, forced)
    while (this.#segments.length > 1 && this.#segments[1]!.first <= low)
      counters.keptBytes -= this.#segments.shift()!.bytes
    if (this.#segments.length === 1 && low === committer.end) {
      counters.keptBytes = 0
      this.#segments.length = 0
    }
    if (low > this.#first) {
      counters.kept -= Math.min(low - this.#first, counters.kept)
      this.#first = low
    }
    if (low < committer.end) this.arm()
    const before = this.#trimmed
    if (low <= before) return
    this.#trimmed = low
    log.trim(low).catch((error: unknown) => {
      emit?.({ type: 'storage-failed', error })
      this.#trimmed = before
      if (!this.#stopped) this.arm()
    })
  }
}

function lowest(low: Offset, place: { readonly next: Offset; readonly unsettled: readonly Offset[] }): Offset {
  return place.unsettled.reduce((least, offset) => Math.min(least, offset), Math.min(low, place.next))
}
