import type { Clock, Timer } from '@isomq/kernel'
import { ReasonCode } from './codec/reason-code.ts'
import type { MqttOptions } from './options.ts'
import type { Output } from './output.ts'

/** Whom to tell when patience is over. */
export interface Impatient {
  /** True while we ourselves do not read: silence is then no fault of the client's. */
  readonly paused: boolean
  /** Says why, and closes. */
  fail(reason: number, detail: string): void
  /** Closes without waiting for what was sent to be taken. */
  cutOff(detail: string): void
}

/** How long one client is waited for: for its login, for any packet within its keep alive, and for it to take what it is sent. */
export class Patience {
  readonly #clock: Clock
  readonly #output: Output
  readonly #options: MqttOptions
  readonly #who: Impatient
  #silence: Timer | undefined
  #stall: Timer | undefined
  #allowed = 0
  #lastHeard = 0
  #drained: (() => void) | undefined

  constructor(clock: Clock, output: Output, options: MqttOptions, who: Impatient) {
    this.#clock = clock
    this.#output = output
    this.#options = options
    this.#who = who
  }

  /** The time for the login runs from when the connection was accepted, whatever trickles in meanwhile. */
  untilConnect(acceptedAt: number | undefined): void {
    const gone = acceptedAt === undefined ? 0 : this.#clock.now() - acceptedAt
    const left = Math.max(this.#options.connectTimeout - gone, 0)
    this.#silence = this.#clock.timer(left, () => this.#who.cutOff('not logged in in time'))
  }

  /** Logged in, with this keep alive in seconds; 0 is none. */
  connected(keepAlive: number): void {
    this.#silence?.cancel()
    this.#silence = undefined
    // [MQTT-3.1.2-22]
    this.#allowed = keepAlive * 1500
    if (keepAlive > 0) this.#watch(this.#allowed)
  }

  /** A packet came in. */
  heard(now: number): void {
    this.#lastHeard = now
  }

  /** The output is full: `resume` is called when it has drained. False: that is being waited for already. */
  awaitDrain(resume: () => void): boolean {
    if (this.#drained !== undefined) return false
    this.#drained = resume
    return true
  }

  /** The connection asked to wait: from now on it must make progress. */
  stalled(): void {
    if (this.#stall !== undefined) return
    const before = this.#output.progress
    this.#stall = this.#clock.timer(this.#options.stallTimeout, () => {
      this.#stall = undefined
      if (!this.#output.blocked) return
      if (this.#output.progress > before) this.stalled()
      else this.#who.cutOff(`nothing was taken for ${this.#options.stallTimeout} ms`)
    })
  }

  /** The connection can take more. */
  drained(): void {
    this.#stall?.cancel()
    this.#stall = undefined
    const resume = this.#drained
    this.#drained = undefined
    resume?.()
  }

  /** The connection is over. */
  end(): void {
    this.#silence?.cancel()
    this.#stall?.cancel()
  }

  #watch(wait: number): void {
    this.#silence = this.#clock.timer(wait, () => {
      const silent = this.#clock.now() - this.#lastHeard
      if (this.#who.paused) this.#watch(this.#allowed)
      else if (silent < this.#allowed) this.#watch(this.#allowed - silent)
      else this.#who.fail(ReasonCode.KeepAliveTimeout, 'keep alive timeout')
    })
  }
}
