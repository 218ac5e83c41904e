import type { RawPacket } from '../support/raw.ts'
import { Client, type Surroundings } from './client.ts'
import type { Entry, Ledger } from './ledger.ts'

/** A client that connects once with a will, dies without a farewell some time later, and never comes back. */
export class Mortal extends Client {
  readonly #entry: Entry
  #begun = false

  constructor(around: Surroundings, ledger: Ledger, n: number) {
    const entry = ledger.enter({ publisher: `mortal-${n}`, n, topic: 'will/x', qos: 2 }, 10)
    const will = { topic: entry.topic, payload: entry.payload, qos: entry.qos, delay: 1 }
    super(around, { id: entry.publisher, version: 5, will })
    entry.sends = 1
    this.#entry = entry
  }

  protected begin(): void {
    // The broker has it now: it is owed whoever dies first.
    this.#entry.acked = this.note(`will ${this.#entry.key} is kept`)
    setTimeout(() => this.sleep(false), this.around.random.int(0, 300))
  }

  protected override connecting(): void {
    // Coming back would take the will back.
    if (this.#begun) this.sleep(false)
    this.#begun = true
  }

  protected packet({ type }: RawPacket): void {
    this.wrong(`got packet type ${type}`)
  }

  protected over(): void {
    if (this.#begun) this.sleep(false)
  }
}
