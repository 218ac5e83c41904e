import type { LoadPlan, Verdict } from './plan.ts'

const LEVELS = 16

/** Keeps account of what reached whom, and finds out when a publisher's messages have reached all its subscribers. */
export class Ledger {
  readonly #plan: LoadPlan
  readonly #credit: (publisher: number, arrived: number) => void
  // The sequence each subscriber expects next of each publisher.
  readonly #next: Uint32Array
  readonly #missing: Map<number, Set<number>> = new Map()
  // Per publisher and level (every `grain` messages one): how many subscribers have reached it.
  readonly #reached: Uint32Array
  readonly #audience: number
  #duplicate = 0
  #disordered = 0
  #stray = 0

  /** `credit` is called when all subscribers have the first `arrived` messages of a publisher. */
  constructor(plan: LoadPlan, credit: (publisher: number, arrived: number) => void) {
    this.#plan = plan
    this.#credit = credit
    this.#next = new Uint32Array(plan.subscribers * plan.publishers)
    this.#reached = new Uint32Array(plan.publishers * LEVELS)
    this.#audience = plan.wiring === 'pairs' ? 1 : plan.subscribers
  }

  /** A message has reached a subscriber. */
  note(subscriber: number, publisher: number, sequence: number): void {
    const slot = subscriber * this.#plan.publishers + publisher
    const expected = this.#next[slot]!
    if (sequence !== expected) this.#unexpected(slot, expected, sequence)
    if (sequence < expected) return
    this.#next[slot] = sequence + 1
    if (((sequence + 1) & (this.#plan.grain - 1)) === 0) this.#level(publisher, sequence + 1)
    if (publisher !== subscriber && this.#plan.wiring === 'pairs') this.#stray++
  }

  /** Whether every subscriber has seen the last message that was sent to it. */
  complete(sent: readonly number[]): boolean {
    return this.#unseen(sent) === 0
  }

  /** What went wrong, given how many messages each publisher sent. */
  verdict(sent: readonly number[]): Verdict {
    let lost = this.#unseen(sent)
    for (const set of this.#missing.values()) lost += set.size
    return { lost, duplicate: this.#duplicate, disordered: this.#disordered, stray: this.#stray }
  }

  #unseen(sent: readonly number[]): number {
    const { publishers, subscribers, wiring } = this.#plan
    let unseen = 0
    for (let subscriber = 0; subscriber < subscribers; subscriber++) {
      const from = wiring === 'pairs' ? subscriber : 0
      const to = wiring === 'pairs' ? subscriber + 1 : publishers
      for (let publisher = from; publisher < to; publisher++) {
        unseen += sent[publisher]! - this.#next[subscriber * publishers + publisher]!
      }
    }
    return unseen
  }

  #unexpected(slot: number, expected: number, sequence: number): void {
    const missing = this.#missing.get(slot) ?? new Set<number>()
    this.#missing.set(slot, missing)
    if (sequence < expected) {
      if (missing.delete(sequence)) this.#disordered++
      else this.#duplicate++
      return
    }
    const { grain, publishers } = this.#plan
    for (let gap = expected; gap < sequence; gap++) {
      missing.add(gap)
      if (((gap + 1) & (grain - 1)) === 0) this.#level(slot % publishers, gap + 1)
    }
  }

  #level(publisher: number, arrived: number): void {
    const slot = publisher * LEVELS + ((arrived / this.#plan.grain) % LEVELS)
    const reached = this.#reached[slot]! + 1
    if (reached < this.#audience) {
      this.#reached[slot] = reached
      return
    }
    this.#reached[slot] = 0
    this.#credit(publisher, arrived)
  }
}
