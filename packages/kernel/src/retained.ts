import { byteText, longestByteText, textBytes } from './byte-text.ts'
import type { Committer } from './committer.ts'
import { BrokerError } from './errors.ts'
import type { BrokerEvent } from './events.ts'
import type { Clock } from './host.ts'
import type { Limits } from './limits.ts'
import type { Message } from './message.ts'
import { decodeMessage, encodeMessage, ownBytes, payloadLength, peekMessage } from './message-codec.ts'
import { PackedMessages } from './packed-messages.ts'
import { table } from './rows.ts'
import type { Appointment, Schedule } from './schedule.ts'
import { isReserved } from './topic.ts'
import { TopicTree } from './topic-tree.ts'

/** The last retained message of each topic. Those on `$SYS` are the broker's own: found, but neither counted nor stored. */
export interface Retained {
  /** Topics that have one. */
  readonly size: number
  /** Payload bytes of all. */
  readonly bytes: number
  get(topic: string): Message | undefined
  /** Visits the retained messages whose topics the filter covers, until `visit` returns false. */
  find(filter: string, visit: (message: Message) => boolean | void): void
}

/** What the retained messages need of the broker. */
export interface RetainedParts {
  readonly clock: Clock
  readonly limits: Limits
  readonly schedule: Schedule
  readonly committer: Committer
  readonly seed: number
  emit(event: BrokerEvent): void
}

/** The retained messages of one broker: in memory, and as rows of its storage. */
export class RetainedMessages implements Retained {
  readonly #parts: RetainedParts
  /**
   * Those that nobody has asked for are no objects: small ones are their row as a text, those of an earlier life of the
   * broker numbers of `#packed`.
   */
  readonly #tree: TopicTree<Message | string | number>
  readonly #packed = new PackedMessages()
  readonly #ends = new WeakMap<Message, Appointment>()
  #bytes = 0
  #reserved = 0

  constructor(parts: RetainedParts) {
    this.#parts = parts
    this.#tree = new TopicTree(parts.seed)
  }

  get size(): number {
    return this.#tree.size - this.#reserved
  }

  get bytes(): number {
    return this.#bytes
  }

  get(topic: string): Message | undefined {
    const message = this.#find(topic)
    return message === undefined || this.#expired(message) ? undefined : message
  }

  find(filter: string, visit: (message: Message) => boolean | void): void {
    this.#tree.find(filter, (value) => {
      const message = typeof value === 'object' ? value : this.#unpack(value)
      return this.#expired(message) ? undefined : visit(message)
    })
  }

  /**
   * Makes this the retained message of its topic; an empty payload clears it. Joins the batch under construction, and
   * is taken back if that fails. Throws BrokerError `quota-exceeded`.
   */
  set(message: Message): void {
    const { limits, committer, emit } = this.#parts
    const { topic } = message
    const length = payloadLength(message)
    if (isReserved(topic)) return this.#put(topic, length === 0 ? undefined : ownBytes(message))
    const before = this.#kept(topic)
    if (length > 0) {
      const bytes = this.#bytes + length - lengthOf(before)
      if ((before === undefined && this.size >= limits.retained) || bytes > limits.retainedBytes)
        throw new BrokerError('quota-exceeded')
    } else if (before === undefined) return
    const row = length === 0 ? undefined : encodeMessage(message)
    this.#put(topic, row && form(message, row))
    committer.write(table.retained, topic, row, () => this.#put(topic, before))
    emit({ type: 'retained', message })
  }

  /** Takes in a row of the storage: a topic that is not there yet. Throws RangeError when it is damaged. */
  restore(topic: string, row: Uint8Array): void {
    const { payloadLength, expires } = peekMessage(row)
    if (expires) return this.#put(topic, decodeMessage(row))
    this.#bytes += payloadLength
    this.#tree.set(topic, this.#packed.add(row))
  }

  #find(topic: string): Message | undefined {
    const value = this.#tree.get(topic)
    return value === undefined || typeof value === 'object' ? value : this.#unpack(value)
  }

  /** What is kept of a topic; a number is taken out of `#packed`. */
  #kept(topic: string): Message | string | undefined {
    const value = this.#tree.get(topic)
    return typeof value === 'number' ? this.#unpack(value) : value
  }

  /** From now on it is an object: whoever asks again gets the same one. */
  #unpack(value: string | number): Message {
    const message = typeof value === 'number' ? this.#packed.take(value) : decodeMessage(textBytes(value))
    this.#tree.set(message.topic, message)
    return message
  }

  #put(topic: string, message: Message | string | undefined): void {
    const before = this.#kept(topic)
    const reserved = isReserved(topic)
    if (reserved) this.#reserved += Number(message !== undefined) - Number(before !== undefined)
    else this.#bytes += lengthOf(message) - lengthOf(before)
    if (typeof before === 'object') this.#ends.get(before)?.cancel()
    if (message === undefined) {
      this.#tree.delete(topic)
      return
    }
    this.#tree.set(topic, message)
    if (typeof message === 'string' || message.expiresAt === undefined) return
    const end = this.#parts.schedule.at(message.expiresAt, () => {
      this.#put(topic, undefined)
      if (!reserved) this.#parts.committer.write(table.retained, topic, undefined)
    })
    this.#ends.set(message, end)
  }

  #expired(message: Message): boolean {
    return message.expiresAt !== undefined && message.expiresAt <= this.#parts.clock.now()
  }
}

/** The form in which a message is kept until somebody asks for it. One that expires is looked at before. */
function form(message: Message, row: Uint8Array): Message | string {
  return row.length <= longestByteText && message.expiresAt === undefined ? byteText(row) : ownBytes(message)
}

function lengthOf(value: Message | string | undefined): number {
  if (value === undefined) return 0
  return typeof value === 'string' ? peekMessage(textBytes(value)).payloadLength : payloadLength(value)
}
