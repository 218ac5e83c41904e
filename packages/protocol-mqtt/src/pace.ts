import { type Clock, type Limits, type Timer, TokenBucket } from '@isomq/kernel'
import type { Publish } from './codec/packet.ts'
import { ReasonCode } from './codec/reason-code.ts'
import { handlePublish } from './handle-publish.ts'
import type { Link } from './link.ts'
import type { MqttOptions } from './options.ts'

/** Keeps what one client publishes to a rate. Every PUBLISH counts, also one that is refused. */
export class Pace {
  readonly #clock: Clock
  readonly #disconnects: boolean
  readonly #messages: TokenBucket | undefined
  readonly #bytes: TokenBucket | undefined
  #pause: Timer | undefined

  constructor(clock: Clock, limits: Limits, options: MqttOptions) {
    const bucket = (rate: number): TokenBucket | undefined =>
      rate === Infinity ? undefined : new TokenBucket(rate, clock.now())
    this.#clock = clock
    this.#disconnects = options.overRate === 'disconnect'
    this.#messages = bucket(limits.publishRate)
    this.#bytes = bucket(limits.publishByteRate)
  }

  /** Handles a PUBLISH. The promise is there when the client is not to be read on yet; a rate that is exceeded disconnects it with 0x96 instead, if so configured. */
  handle(link: Link, publish: Publish): void | Promise<void> {
    const messages = this.#messages?.spend(1, link.now) ?? 0
    const debt = Math.max(messages, this.#bytes?.spend(publish.end - publish.start, link.now) ?? 0)
    if (debt === 0) return handlePublish(link, publish)
    if (this.#disconnects) return link.fail(ReasonCode.MessageRateTooHigh, 'publishes too much')
    const handled = handlePublish(link, publish)
    if (link.closed) return
    const pause = new Promise<void>((resolve) => {
      this.#pause = this.#clock.timer(debt, resolve)
    })
    return handled === undefined ? pause : handled.then(() => pause)
  }

  /** The connection is over. */
  end(): void {
    this.#pause?.cancel()
  }
}

/** The pace of a new client; undefined, and so without any cost, where no rate is set. */
export function paceOf(clock: Clock, limits: Limits, options: MqttOptions): Pace | undefined {
  const { publishRate, publishByteRate } = limits
  return publishRate === Infinity && publishByteRate === Infinity ? undefined : new Pace(clock, limits, options)
}
