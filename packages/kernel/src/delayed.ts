import { type Core, drop, expired } from './core.ts'
import { decodeDelayed, type DelayedMessage, encodeDelayed, idOf, sequenceOf } from './delayed-message.ts'
import { BrokerError } from './errors.ts'
import type { DropReason } from './events.ts'
import type { Principal } from './guard.ts'
import type { Message } from './message.ts'
import { ownBytes } from './message-codec.ts'
import { table } from './rows.ts'
import type { Appointment } from './schedule.ts'
import type { Table } from './storage.ts'

/** What is to be published later, soonest first. What falls due while it is visited may be left out. */
export interface Delayed extends Iterable<DelayedMessage> {
  /** Messages kept, those whose publisher's right is being asked for included. */
  readonly size: number
  /** Payload bytes of all. */
  readonly bytes: number
  /**
   * Takes a message back before it is published. Resolves with true once that is durable, with false when there is none
   * of this id (any more). Rejects with BrokerError `storage-failed`: then it is still to be published.
   */
  cancel(id: string): Promise<boolean>
}

// What falls due at once (after a standstill, say) goes out in commits of at most so many messages or bytes.
const atOnce = { messages: 1000, bytes: 1024 * 1024 }
// How long after a commit that failed its messages are tried again, milliseconds.
const pause = 1000

/** The delayed messages of one broker: in memory, and as rows of its storage. */
export class DelayedMessages implements Delayed {
  readonly #core: Core
  /** By id. */
  readonly #waiting: DelayedMessage[] = []
  /** By publisher, what waits in order behind a message of his for which the guard has not answered yet. */
  readonly #asking = new Map<string, DelayedMessage[]>()
  #appointment: Appointment | undefined
  #size = 0
  #bytes = 0
  #sequence = 0
  #notBefore = 0
  #running = false
  /** True while what was published last is not durable. */
  #underWay = false

  constructor(core: Core) {
    this.#core = core
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#bytes
  }

  [Symbol.iterator](): IterableIterator<DelayedMessage> {
    return this.#waiting.values()
  }

  /**
   * Keeps a message until its `dueAt`, which is a whole number. Resolves when it is durable, rejects with
   * `storage-failed`. Throws BrokerError `quota-exceeded`.
   */
  add(message: Message, from: Principal | undefined): Promise<void> {
    const { limits, committer } = this.#core
    if (this.#size >= limits.delayed || this.#bytes + message.payload.length > limits.delayedBytes)
      throw new BrokerError('quota-exceeded')
    const dueAt = message.dueAt!
    const delayed: DelayedMessage = { id: idOf(dueAt, this.#sequence++), message: ownBytes(message), dueAt, from }
    this.#count(delayed, 1)
    committer.write(table.delayed, delayed.id, encodeDelayed(delayed), () => this.#count(delayed, -1))
    const done = committer.publish({ message: delayed.message, route: undefined, placed: false, bound: true })
    // Not before: what its publisher is told was refused must never be published.
    done.then(
      () => this.#insert(delayed),
      () => {},
    )
    return done
  }

  async cancel(id: string): Promise<boolean> {
    const { committer } = this.#core
    const at = this.#placeOf(id)
    const delayed = this.#waiting[at]
    if (delayed?.id !== id) return false
    this.#waiting.splice(at, 1)
    this.#count(delayed, -1)
    committer.write(table.delayed, id, undefined, () => this.#putBack(delayed))
    await committer.done
    return true
  }

  /** Takes in the rows of the storage. Nothing is published before `start`. */
  async load(rows: Table): Promise<void> {
    for await (const [id, row] of rows.scan('')) {
      const delayed = decodeDelayed(id, row)
      this.#sequence = Math.max(this.#sequence, sequenceOf(id) + 1)
      this.#count(delayed, 1)
      this.#insert(delayed)
    }
  }

  /** From now on messages are published when they are due; those that are overdue soon. */
  start(): void {
    this.#running = true
    this.#arm()
  }

  /** Nothing is published any more: what falls due waits for the next start of the broker. */
  stop(): void {
    this.#running = false
    this.#appointment?.cancel()
  }

  #count({ message }: DelayedMessage, sign: 1 | -1): void {
    this.#size += sign
    this.#bytes += sign * message.payload.length
  }

  /** Where the message of this id stands, or would. */
  #placeOf(id: string): number {
    let low = 0
    let high = this.#waiting.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#waiting[middle]!.id < id) low = middle + 1
      else high = middle
    }
    return low
  }

  #insert(delayed: DelayedMessage): void {
    const at = this.#placeOf(delayed.id)
    this.#waiting.splice(at, 0, delayed)
    if (at === 0) this.#arm()
  }

  #arm(): void {
    this.#appointment?.cancel()
    const first = this.#waiting[0]
    if (first === undefined || !this.#running || this.#underWay) return
    this.#appointment = this.#core.schedule.at(Math.max(first.dueAt, this.#notBefore), () => this.#publishDue())
  }

  #publishDue(): void {
    const { host, committer } = this.#core
    const now = host.clock.now()
    const waiting = this.#waiting
    const isDue = (at: number): boolean => waiting[at] !== undefined && waiting[at].dueAt <= now
    let count = 0
    for (let bytes = 0; count < atOnce.messages && bytes < atOnce.bytes && isDue(count); count++)
      bytes += waiting[count]!.message.payload.length
    for (const delayed of waiting.splice(0, count)) this.#ask(delayed)
    // One commit at a time: if it fails, those behind do not overtake.
    const goOn = (): void => {
      this.#underWay = false
      this.#arm()
    }
    this.#underWay = true
    if (committer.done === undefined) goOn()
    else committer.done.then(goOn, goOn)
  }

  // The right to publish is asked for again: it may have been taken away since. A guard that takes its time holds up
  // the messages of this publisher only, which keep their order.
  #ask(delayed: DelayedMessage): void {
    const { publisher } = delayed.message
    const line = this.#asking.get(publisher)
    if (line !== undefined) {
      line.push(delayed)
      return
    }
    const answer = this.#mayPublish(delayed)
    if (typeof answer === 'boolean') return this.#settle(delayed, answer)
    const behind: DelayedMessage[] = []
    this.#asking.set(publisher, behind)
    void answer.then((allowed) => {
      this.#asking.delete(publisher)
      this.#settle(delayed, allowed)
      for (const next of behind) this.#ask(next)
    })
  }

  #mayPublish({ from, message }: DelayedMessage): boolean | Promise<boolean> {
    const { guard, host } = this.#core
    const refused = (error: unknown): false => {
      if (!(error instanceof BrokerError)) host.report(error, 'publishing a delayed message')
      return false
    }
    try {
      const answer = from === undefined || guard.authorize(from, 'publish', message.topic)
      return typeof answer === 'boolean' ? answer : answer.then((allowed) => allowed === true, refused)
    } catch (error) {
      return refused(error)
    }
  }

  #settle(delayed: DelayedMessage, allowed: boolean): void {
    if (!this.#running) return
    const { id, message } = delayed
    this.#count(delayed, -1)
    const reason = !allowed ? 'not-authorized' : expired(this.#core, message) ? 'expired' : this.#publish(delayed)
    if (reason === undefined) return
    drop(this.#core, message.publisher, reason, message.topic)
    this.#core.committer.writeLater(table.delayed, id, undefined)
  }

  /**
   * The row goes in the commit that makes the message a record (and, if it says so, the retained one), and nobody gets
   * it before that is durable, at QoS 0 neither: it can be neither lost nor doubled. Why it cannot be published, if so.
   */
  #publish(delayed: DelayedMessage): DropReason | undefined {
    const { committer, host, retained, router } = this.#core
    const message = { ...delayed.message, dueAt: undefined }
    try {
      const route = router.match(message.topic)
      if (message.retain) retained.set(message)
      committer.write(table.delayed, delayed.id, undefined, () => this.#putBack(delayed))
      void committer.publish({ message, route, placed: message.qos > 0 && route.durable, bound: true })
      return undefined
    } catch (error) {
      if (!(error instanceof BrokerError)) host.report(error, 'publishing a delayed message')
      return 'rejected'
    }
  }

  /** The storage has failed: it is as if nothing had been tried. */
  #putBack(delayed: DelayedMessage): void {
    this.#notBefore = this.#core.host.clock.now() + pause
    this.#count(delayed, 1)
    this.#insert(delayed)
  }
}
