import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { end, start } from './children.ts'
import { within } from './deadline.ts'
import type { Order, Reply } from './load/plan.ts'
import { cpuMicros } from './proc-stats.ts'

const program = fileURLToPath(new URL('./load/main.js', import.meta.url))

type Answer<T extends Reply['type']> = Extract<Reply, { type: T }>

/** A child that publishes, subscribes or idles by order. Once it has failed, every order rejects with the reason. */
export class LoadProcess {
  readonly #child: ChildProcess
  #failure: Error | undefined
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void } | undefined

  constructor() {
    this.#child = start('load', [process.execPath, program], ['ignore', 'inherit', 'inherit', 'ipc'])
    this.#child.on('message', (reply: Reply) => {
      if (reply.type === 'failed') this.#fail(new Error(reply.reason))
      else this.#waiting?.resolve(reply)
    })
    this.#child.once('error', (error) => this.#fail(error))
    this.#child.once('exit', () => this.#fail(new Error('a load process ended')))
  }

  /** Gives an order and waits for its reply. One order at a time. */
  async ask<T extends Reply['type']>(order: Order, expected: T, ms: number): Promise<Answer<T>> {
    const reply = await within(ms, `the order “${order.type}”`, this.#reply(order))
    if (reply.type !== expected) throw new Error(`unexpected reply ${reply.type}`)
    return reply as Answer<T>
  }

  /** Gives an order that has no reply. */
  tell(order: Order): void {
    this.#child.send(order)
  }

  /** The CPU time it has used, in µs; null where that cannot be read. */
  cpuMicros(): number | null {
    return cpuMicros(this.#child.pid ?? 0)
  }

  /** Ends the process. */
  end(): Promise<void> {
    return end(this.#child)
  }

  #reply(order: Order): Promise<Reply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#child.send(order)
    })
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#waiting?.reject(this.#failure)
  }
}
