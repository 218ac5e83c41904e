import { BrokerError } from '@isomq/kernel'

interface Reply {
  readonly wait: Promise<void>
  readonly send: (() => void)[]
  readonly refuse: ((error: BrokerError) => void)[]
  settled: boolean
  error: BrokerError | undefined
}

// Nothing is ever added to it.
const nothing: Reply[] = []

// Answers a client may wait for before it has to ask more slowly.
const most = 1000

/**
 * Answers to one client, in the order of their requests. An answer that must not leave before something is durable
 * waits for it, and all behind it wait too.
 */
export class Replies {
  #queue = nothing
  readonly #client: { failed(error: unknown): void }
  #waiting = 0
  #closed = false

  /** `client` is told what an answer that had waited threw. */
  constructor(client: { failed(error: unknown): void }) {
    this.#client = client
  }

  /** What to wait for before anything more is asked, when many answers wait. */
  get congested(): Promise<void> | undefined {
    return this.#waiting > most ? this.#queue.at(-1)?.wait : undefined
  }

  /** True when an answer that waits for nothing may leave at once. */
  get idle(): boolean {
    return this.#queue.length === 0
  }

  /** Calls `send` once everything before it was sent and `wait` (if any) is fulfilled; `refuse` if it is rejected. */
  push(wait: Promise<void> | undefined, send: () => void, refuse: (error: BrokerError) => void): void {
    const last = this.#queue.at(-1)
    if (this.#closed) return
    if (last === undefined && wait === undefined) return send()
    this.#waiting++
    if (last !== undefined && (wait === undefined || wait === last.wait)) {
      last.send.push(send)
      // Without a commit of its own it only keeps its turn: whatever happens to the others, it is sent.
      last.refuse.push(wait === undefined ? send : refuse)
      return
    }
    const reply: Reply = { wait: wait!, send: [send], refuse: [refuse], settled: false, error: undefined }
    if (this.#queue === nothing) this.#queue = [reply]
    else this.#queue.push(reply)
    reply.wait.then(
      () => this.#settle(reply, undefined),
      (error: unknown) => this.#settle(reply, error instanceof BrokerError ? error : new BrokerError('unavailable')),
    )
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#closed = true
    this.#queue = nothing
  }

  #settle(reply: Reply, error: BrokerError | undefined): void {
    reply.settled = true
    reply.error = error
    for (let first = this.#queue[0]; first?.settled === true && !this.#closed; first = this.#queue[0]) {
      this.#queue.shift()
      this.#waiting -= first.send.length
      this.#answer(first)
    }
  }

  /** An answer may close the connection: then those behind it are not given any more. */
  #answer({ send, refuse, error }: Reply): void {
    try {
      for (let i = 0; i < send.length && !this.#closed; i++) {
        if (error === undefined) send[i]!()
        else refuse[i]!(error)
      }
    } catch (fault) {
      this.#client.failed(fault)
    }
  }
}
