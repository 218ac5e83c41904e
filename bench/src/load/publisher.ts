import { nowMicros } from './clock.ts'
import { receiveCredits } from './credits.ts'
import { Link, type LinkHandler } from './link.ts'
import { forEachIndex, relayHello } from './names.ts'
import { AckBatch } from './packets.ts'
import type { LoadPlan } from './plan.ts'
import { PublishRing } from './publish-ring.ts'

/** One publishing client: sends whenever window, acknowledgements and pace allow. */
class Publisher implements LinkHandler {
  readonly #window: number
  readonly #qos: number
  readonly #ring: PublishRing
  readonly #acks: AckBatch = new AckBatch()
  #link: Link | undefined
  #acked = 0
  #arrived = 0
  #allowed = 0
  sent = 0

  constructor(plan: LoadPlan, index: number) {
    this.#window = plan.window
    this.#qos = plan.qos
    this.#ring = new PublishRing(plan, index)
  }

  async connect(plan: LoadPlan, index: number): Promise<void> {
    const hello = plan.target.kind === 'relay' ? relayHello('P', plan, index) : `bench-p${index}`
    this.#link = await Link.open(plan.target, hello, plan.payload, this)
  }

  credit(arrived: number): void {
    this.#arrived = arrived
    this.#pump()
  }

  /** Messages up to this number may be sent, window permitting. */
  allow(upTo: number): void {
    this.#allowed = upTo
    this.#pump()
  }

  publish(): void {
    throw new Error('a publisher received a message')
  }

  control(header: number, packetId: number): void {
    if (header === 0x40 || header === 0x70) this.#acked++
    else if (header === 0x50) this.#acks.add(0x62, packetId)
    else throw new Error(`a publisher received packet 0x${header.toString(16)}`)
  }

  end(): void {
    const acks = this.#acks.take()
    if (acks !== undefined) this.#link?.send(acks)
    this.#pump()
  }

  #pump(): void {
    const done = this.#qos === 0 ? this.#arrived : Math.min(this.#arrived, this.#acked)
    const limit = Math.min(done + this.#window, this.#allowed)
    if (this.sent >= limit) return
    const micros = Math.floor(nowMicros())
    while (this.sent < limit) {
      const { bytes, count } = this.#ring.batch(this.sent, limit - this.sent, micros)
      this.sent += count
      this.#link?.sendRaw(bytes)
    }
  }
}

/** All publishers of one load process. */
export class PublisherGroup {
  readonly #plan: LoadPlan
  readonly #publishers: readonly Publisher[]
  #pace: NodeJS.Timeout | undefined

  constructor(plan: LoadPlan) {
    this.#plan = plan
    this.#publishers = Array.from({ length: plan.publishers }, (_, index) => new Publisher(plan, index))
  }

  /** Connects every publisher and the channel that credits come through. */
  async prepare(creditPort: number): Promise<void> {
    await receiveCredits(creditPort, (publisher, arrived) => this.#publishers[publisher]?.credit(arrived))
    await forEachIndex(this.#publishers.length, (index) => this.#publishers[index]!.connect(this.#plan, index))
  }

  /** Begins to publish: without end, or at the plan's pace in steps of about a millisecond. */
  start(): void {
    const { rate } = this.#plan
    if (rate === 0) {
      this.#allow(Infinity)
      return
    }
    const begin = nowMicros()
    this.#pace = setInterval(() => this.#allow(Math.floor(((nowMicros() - begin) * rate) / 1e6)), 1)
  }

  /** Publishes no more, and says how many messages each publisher has sent. */
  stop(): number[] {
    clearInterval(this.#pace)
    this.#allow(0)
    return this.#publishers.map((publisher) => publisher.sent)
  }

  #allow(upTo: number): void {
    for (const publisher of this.#publishers) publisher.allow(upTo)
  }
}
