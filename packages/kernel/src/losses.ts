import type { Host } from './host.ts'

/** Messages one session has lost in one turn of the event loop. */
interface Loss {
  readonly topic: string
  count: number
}

/** Adds up what sessions lose and tells it once a turn: counting is all that a lost message may cost. */
export class Losses {
  readonly #host: Host
  readonly #tell: (session: string, topic: string, count: number) => void
  #losses = new Map<string, Loss>()

  /** `tell` is called for each session, with the topic of the first message it lost. */
  constructor(host: Host, tell: (session: string, topic: string, count: number) => void) {
    this.#host = host
    this.#tell = tell
  }

  /** A session has lost a message of this topic. */
  add(session: string, topic: string): void {
    const loss = this.#losses.get(session)
    if (loss !== undefined) {
      loss.count++
      return
    }
    if (this.#losses.size === 0) this.#host.defer(() => this.#flush())
    this.#losses.set(session, { topic, count: 1 })
  }

  #flush(): void {
    const losses = this.#losses
    this.#losses = new Map()
    for (const [session, { topic, count }] of losses) this.#tell(session, topic, count)
  }
}
