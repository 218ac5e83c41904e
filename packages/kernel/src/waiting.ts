import { payloadLength } from './message-codec.ts'
import type { Grant } from './grant.ts'
import type { Message, Offset } from './message.ts'

/** More room than this is given back when nothing waits. */
const roomy = 1024

// Most sessions never wait for anything.
const nothing = new Float64Array(0)

/** A message that waits with its body in memory. */
export interface Held {
  readonly message: Message
  readonly grant: Grant
  readonly flags: number
}

/**
 * What waits for one session, first in first out. A record of the log costs 8 bytes here: its offset; its body may be
 * held as well while it is cheap. A message that no log has is held always, with offset -1.
 */
export class Waiting {
  #offsets = nothing
  #held: (Held | undefined)[] | undefined
  #head = 0
  /** Entries. */
  length = 0
  /** Bytes of the held messages that count against the session: those of QoS 1 and 2 that were published to it. */
  bytes = 0

  /** Entries there is room for, each 8 bytes. Less than twice the most that ever waited since nothing did. */
  get capacity(): number {
    return this.#offsets.length
  }

  /** Adds at the end. A held body that is to be read from the log later is given as undefined. */
  push(offset: Offset, held: Held | undefined): void {
    if (this.length === this.#offsets.length) this.#grow()
    const at = (this.#head + this.length) & (this.#offsets.length - 1)
    this.#offsets[at] = offset
    if (held !== undefined) {
      this.#held ??= Array.from({ length: this.#offsets.length })
      this.bytes += weight(held)
    }
    if (this.#held !== undefined) this.#held[at] = held
    this.length++
  }

  /** Offset of the entry at this place (0 is the next to leave). */
  offset(place: number): Offset {
    return this.#offsets[(this.#head + place) & (this.#offsets.length - 1)]!
  }

  /** Offset of the first entry that is a record, or `end` when none is. */
  firstRecord(end: Offset): Offset {
    for (let place = 0; place < this.length; place++) if (this.offset(place) >= 0) return this.offset(place)
    return end
  }

  /** Body of the entry at this place, if held. */
  held(place: number): Held | undefined {
    return this.#held?.[(this.#head + place) & (this.#offsets.length - 1)]
  }

  /** Gives the entry at this place its body. */
  hold(place: number, held: Held): void {
    const at = (this.#head + place) & (this.#offsets.length - 1)
    this.#held ??= Array.from({ length: this.#offsets.length })
    this.bytes += weight(held) - weight(this.#held[at])
    this.#held[at] = held
  }

  /** Takes the first entry away. */
  shift(): void {
    if (this.#held !== undefined) {
      this.bytes -= weight(this.#held[this.#head])
      this.#held[this.#head] = undefined
    }
    this.#head = (this.#head + 1) & (this.#offsets.length - 1)
    this.length--
    if (this.length > 0) return
    this.#held = undefined
    // What a long sleep has heaped up is not needed for ever.
    if (this.#offsets.length > roomy) this.clear()
  }

  /** Lets go of the bodies that the log has too. */
  forget(): void {
    if (this.#held === undefined) return
    let kept = false
    this.bytes = 0
    for (let place = 0; place < this.length; place++) {
      const at = (this.#head + place) & (this.#offsets.length - 1)
      if (this.#offsets[at]! >= 0) this.#held[at] = undefined
      else {
        kept = true
        this.bytes += weight(this.#held[at])
      }
    }
    if (!kept) this.#held = undefined
  }

  /** Takes everything away. */
  clear(): void {
    this.#offsets = nothing
    this.#held = undefined
    this.#head = 0
    this.length = 0
    this.bytes = 0
  }

  #grow(): void {
    const old = this.#offsets
    const offsets = new Float64Array(Math.max(8, old.length * 2))
    offsets.set(old.subarray(this.#head))
    offsets.set(old.subarray(0, this.#head), old.length - this.#head)
    if (this.#held !== undefined) {
      const held: (Held | undefined)[] = Array.from({ length: offsets.length })
      for (let i = 0; i < old.length; i++) held[i] = this.#held[(this.#head + i) & (old.length - 1)]
      this.#held = held
    }
    this.#offsets = offsets
    this.#head = 0
  }
}

/** What a message that waits takes beside its payload, about: many small ones are no less of a burden. */
export const messageOverhead = 512

// Retained messages are held by the broker anyway: a session that waits for them costs nothing more.
function weight(held: Held | undefined): number {
  return held === undefined || (held.flags & 4) !== 0 ? 0 : payloadLength(held.message) + messageOverhead
}
