import { cpuMicros } from '../proc-stats.ts'
import { nowMicros } from './clock.ts'
import { subscribeBallast } from './ballast.ts'
import { CreditSender } from './credits.ts'
import { Histogram } from './histogram.ts'
import { Ledger } from './ledger.ts'
import { Link, type LinkHandler } from './link.ts'
import { filterOf, forEachIndex, relayHello } from './names.ts'
import { AckBatch } from './packets.ts'
import type { Arrival } from './packet-reader.ts'
import type { LoadPlan, Mark, Verdict } from './plan.ts'

interface Counters {
  delivered: number
  /** The time of the chunk at hand, in µs. */
  micros: number
  readonly latency: Histogram
  readonly ledger: Ledger
}

/** One measured subscribing client. */
class Subscriber implements LinkHandler {
  readonly #index: number
  readonly #qos: number
  readonly #counters: Counters
  readonly #acks: AckBatch = new AckBatch()
  readonly kept: boolean
  #link: Link | undefined

  constructor(plan: LoadPlan, index: number, counters: Counters) {
    this.#index = index
    this.#qos = plan.qos
    this.kept = plan.durable
    this.#counters = counters
  }

  async connect(plan: LoadPlan): Promise<void> {
    const relay = plan.target.kind === 'relay'
    const hello = relay ? relayHello('S', plan, this.#index) : `bench-s${this.#index}`
    this.#link = await Link.open(plan.target, hello, plan.payload, this)
    if (!relay) await this.#link.subscribe([filterOf(plan, this.#index)], plan.qos)
  }

  publish(arrival: Arrival): void {
    const counters = this.#counters
    const { qos, packetId } = arrival
    if (qos !== this.#qos) throw new Error(`a message came with QoS ${qos} instead of ${this.#qos}`)
    if (counters.micros === 0) counters.micros = Math.floor(nowMicros())
    counters.delivered++
    counters.latency.record(Math.max(0, (counters.micros - arrival.micros) | 0))
    counters.ledger.note(this.#index, arrival.publisher, arrival.sequence)
    if (qos === 1) this.#acks.add(0x40, packetId)
    else if (qos === 2) this.#acks.add(0x50, packetId)
  }

  control(header: number, packetId: number): void {
    if (header !== 0x62) throw new Error(`a subscriber received packet 0x${header.toString(16)}`)
    this.#acks.add(0x70, packetId)
  }

  end(): void {
    this.#counters.micros = 0
    const acks = this.#acks.take()
    if (acks !== undefined) this.#link?.send(acks)
  }
}

/** All subscribers of one load process, with the books of the run. */
export class SubscriberGroup {
  readonly #plan: LoadPlan
  readonly #credits: CreditSender = new CreditSender()
  readonly #counters: Counters
  readonly #subscribers: readonly Subscriber[]

  constructor(plan: LoadPlan) {
    this.#plan = plan
    const ledger = new Ledger(plan, (publisher, arrived) => this.#credits.grant(publisher, arrived))
    this.#counters = { delivered: 0, micros: 0, latency: new Histogram(), ledger }
    this.#subscribers = Array.from({ length: plan.subscribers }, (_, i) => new Subscriber(plan, i, this.#counters))
  }

  /** Connects and subscribes everything; resolves to the port where credits can be had. */
  async prepare(): Promise<number> {
    await subscribeBallast(this.#plan.target, 0, this.#plan.ballast)
    await forEachIndex(this.#subscribers.length, (index) => this.#subscribers[index]!.connect(this.#plan))
    return this.#credits.listen()
  }

  /** The counters now, with the broker's CPU time of the same moment. Latencies start anew. */
  mark(): Mark {
    const { delivered, latency } = this.#counters
    const mark = {
      delivered,
      micros: nowMicros(),
      cpuMicros: cpuMicros(this.#plan.brokerPid),
      p50: latency.quantile(0.5),
      p99: latency.quantile(0.99),
    }
    latency.reset()
    return mark
  }

  /** Waits until everything that was sent has come, or until the deadline, and a moment longer for what is too much. */
  async drain(sent: readonly number[], deadlineMs: number): Promise<Verdict> {
    const { ledger } = this.#counters
    const end = nowMicros() + deadlineMs * 1e3
    while (!ledger.complete(sent) && nowMicros() < end) await sleep(5)
    await sleep(50)
    return ledger.verdict(sent)
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
