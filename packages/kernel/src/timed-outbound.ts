import { type Consumer, DeliveryFlag } from './consumer.ts'
import type { Core } from './core.ts'
import type { Delivery } from './delivery.ts'
import type { Clock } from './host.ts'
import { Outbound } from './outbound.ts'
import type { Session } from './session.ts'
import type { SlowSubscriptions } from './slow-subscriptions.ts'

/** Of what topic a delivery is, and when its message was accepted. */
interface Timing {
  readonly topic: string
  readonly timestamp: number
}

/** The way out of a session whose deliveries are timed. Without timing a session has a plain `Outbound`, and nothing of this costs anything. */
export class TimedOutbound extends Outbound {
  readonly #clock: Clock
  readonly #slow: SlowSubscriptions
  readonly #id: string
  /** Of deliveries that the peer has (QoS 2): what they are of is forgotten elsewhere. */
  readonly #accepted = new WeakMap<Delivery, Timing>()
  #startedAt = 0

  constructor(core: Core, session: Session, slow: SlowSubscriptions) {
    super(core, session)
    this.#clock = core.host.clock
    this.#id = session.id
    this.#slow = slow
  }

  override start(consumer: Consumer): void {
    this.#startedAt = this.#clock.now()
    super.start(timed(consumer, (timing) => this.#measure(timing)))
  }

  override ack(tag: number): boolean {
    const timing = timingOf(this.#delivery(tag))
    const settled = super.ack(tag)
    if (settled) this.#measure(timing)
    return settled
  }

  override accept(tag: number): boolean {
    const delivery = this.#delivery(tag)
    const timing = timingOf(delivery)
    if (delivery !== undefined && timing !== undefined) this.#accepted.set(delivery, timing)
    return super.accept(tag)
  }

  override complete(tag: number): boolean {
    const delivery = this.#delivery(tag)
    const timing = delivery && this.#accepted.get(delivery)
    const settled = super.complete(tag)
    if (settled) this.#measure(timing)
    return settled
  }

  #delivery(tag: number): Delivery | undefined {
    const at = this.inflight.indexOfTag(tag)
    return at < 0 ? undefined : this.inflight.at(at)
  }

  /** Who was away is not slow: what came meanwhile counts from his return. */
  #measure(timing: Timing | undefined): void {
    if (timing === undefined) return
    this.#slow.measure(this.#id, timing.topic, Math.max(timing.timestamp, this.#startedAt))
  }
}

/** Undefined where it does not count: a retained message is as old as it is. */
function timingOf(delivery: Delivery | undefined): Timing | undefined {
  if (delivery?.message === undefined || (delivery.flags & DeliveryFlag.retained) !== 0) return undefined
  const { topic, timestamp } = delivery.message
  return { topic, timestamp }
}

/** The same consumer; `passed` is told what it took at QoS 0, but for retained messages. */
function timed(consumer: Consumer, passed: (timing: Timing) => void): Consumer {
  return {
    get load() {
      return consumer.load
    },
    get credit() {
      return consumer.credit
    },
    deliver(message, grant, tag, flags) {
      const taken = consumer.deliver(message, grant, tag, flags)
      if (taken && tag === 0 && (flags & DeliveryFlag.retained) === 0) passed(message)
      return taken
    },
    confirm: (tag) => consumer.confirm(tag),
    end: (reason) => consumer.end(reason),
  }
}
