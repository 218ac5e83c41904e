import { BrokerError } from '@isomq/kernel'

interface Reply {
  readonly wait: Promise<void>
  readonly send: (() => void)[]
  readonly refuse: ((error: BrokerError) => void)[]
  settled: boolean
  error: BrokerError | undefined
}

/**
 * Answers to one client, in the order of their requests. An answer that must not leave before something is durable
 * waits for it, and all behind it wait too.
 */
export class Replies {
  readonly #queue: Reply[] = []
  #closed = false

  /** Answers that wait. */
  get waiting(): number {
    let count = 0
    for (const { send } of this.#queue) count += send.length
    return count
  }

  /** Calls `send` once everything before it was sent and `wait` (if any) is fulfilled; `refuse` if it is rejected. */
  push(wait: Promise<void> | undefined, send: () => void, refuse: (error: BrokerError) => void): void {
    const last = this.#queue.at(-1)
    if (last === undefined && wait === undefined) return send()
    if (last !== undefined && (wait === undefined || wait === last.wait)) {
      last.send.push(send)
      // Without a commit of its own it only keeps its turn: whatever happens to the others, it is sent.
      last.refuse.push(wait === undefined ? send : refuse)
      return
    }
    const reply: Reply = { wait: wait!, send: [send], refuse: [refuse], settled: false, error: undefined }
    this.#queue.push(reply)
    reply.wait.then(
      () => this.#settle(reply, undefined),
      (error: unknown) => this.#settle(reply, error instanceof BrokerError ? error : new BrokerError('unavailable')),
    )
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#closed = true
    this.#queue.length = 0
  }

  #settle(reply: Reply, error: BrokerError | undefined): void {
    reply.settled = true
    reply.error = error
    for (let first = this.#queue[0]; first?.settled === true && !this.#closed; first = this.#queue[0]) {
      this.#queue.shift()
      if (first.error === undefined) for (const send of first.send) send()
      else for (const refuse of first.refuse) refuse(first.error)
    }
  }
}
