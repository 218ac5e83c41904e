import { DeliveryFlag } from './consumer.ts'
import { Delivery, stepsBetween, tagOf } from './delivery.ts'
import type { Offset } from './message.ts'

/** What is known of a delivery that was under way when the broker last stopped. */
export type UnderWay = Partial<Pick<Delivery, 'flags' | 'accepted' | 'row' | 'group' | 'order'>> & Pick<Delivery, 'tag'>

// Most sessions are idle. It is never written to: there is no room in it.
const nothing: (Delivery | undefined)[] = []

/**
 * Deliveries under way to one session, in the order they were begun. A ring: most leave where the oldest is, and an array
 * whose first element is taken away moves all others.
 */
export class Deliveries implements Iterable<Delivery> {
  #ring = nothing
  #head = 0
  /** How many there are. */
  length = 0

  /** The one at this place, 0 being the oldest. It must be less than `length`. */
  at(place: number): Delivery {
    return this.#ring[(this.#head + place) & (this.#ring.length - 1)]!
  }

  /** Adds the youngest. */
  push(delivery: Delivery): void {
    if (this.length === this.#ring.length) this.#arrange(Array.from(this))
    this.#ring[(this.#head + this.length++) & (this.#ring.length - 1)] = delivery
  }

  /** Takes away the one at this place. */
  remove(place: number): void {
    const ring = this.#ring
    const mask = ring.length - 1
    // Acknowledgements come in order, or nearly so: there are fewer before it than behind.
    for (let at = this.#head + place; at > this.#head; at--) ring[at & mask] = ring[(at - 1) & mask]
    ring[this.#head] = undefined
    this.#head = (this.#head + 1) & mask
    this.length--
  }

  /** Leaves only those of which this is true. */
  retain(stays: (delivery: Delivery) => boolean): void {
    this.#arrange(Array.from(this).filter(stays))
  }

  /** Takes all away. */
  clear(): void {
    this.#ring = nothing
    this.#head = this.length = 0
  }

  /**
   * Place of the delivery with this tag, or -1. Tags grow from one to the next where nothing stands against it, and none lies
   * further from the first than it is younger: the search begins there, and is over at once when none between them is settled.
   */
  indexOfTag(tag: number): number {
    const { length } = this
    if (length === 0) return -1
    const start = Math.min(stepsBetween(this.at(0).tag, tag), length - 1)
    for (let i = start; i >= 0; i--) if (this.at(i).tag === tag) return i
    for (let i = start + 1; i < length; i++) if (this.at(i).tag === tag) return i
    return -1
  }

  /**
   * Puts a record among those that were under way when the broker last stopped, in the order of records. Replaces what was
   * known of it before. False when it was not: nothing is known of it, and nothing younger was under way.
   */
  putBack(offset: Offset, under: UnderWay | undefined): boolean {
    const tag = under?.tag ?? tagOf(offset)
    const all = Array.from(this)
    if (under === undefined) {
      const isBehind = all.every((d) => d.group !== undefined || d.offset < offset)
      if (isBehind || this.indexOfTag(tag) >= 0) return false
    }
    const from = under?.group && { group: under.group, order: under.order ?? 0 }
    const delivery = new Delivery(tag, offset, (under?.flags ?? 0) | DeliveryFlag.redelivered, from)
    delivery.accepted = under?.accepted ?? false
    delivery.row = under?.row ?? false
    const same = all.findIndex((d) => d.offset === offset && d.group === delivery.group)
    if (same >= 0) all.splice(same, 1)
    const behind = all.findIndex((d) => d.offset > offset)
    all.splice(behind < 0 ? all.length : behind, 0, delivery)
    this.#arrange(all)
    return true
  }

  *[Symbol.iterator](): IterableIterator<Delivery> {
    for (let i = 0; i < this.length; i++) yield this.at(i)
  }

  /** Makes a ring of these, with room for one more. */
  #arrange(deliveries: readonly Delivery[]): void {
    let room = 8
    while (room <= deliveries.length) room *= 2
    this.#ring = Array.from({ length: room }, (_, at) => deliveries[at])
    this.#head = 0
    this.length = deliveries.length
  }
}
