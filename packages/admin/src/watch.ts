import type { Broker, BrokerEvent } from '@isomq/kernel'

/** What was dropped lately: kept for so many sessions, so many for each. */
const most = { sessions: 1000, drops: 20 } as const

/** What somebody did not get. */
export interface Dropped {
  readonly at: number
  readonly reason: string
  readonly topic: string
  readonly count: number
}

/** What is known only to those who watch: when sessions were connected, and what they lost lately. Bounded. */
export class Watch {
  readonly #connectedAt = new Map<string, number>()
  readonly #drops = new Map<string, Dropped[]>()
  readonly #stop: () => void

  constructor(broker: Broker) {
    const { clock } = broker.host
    this.#stop = broker.watch((event) => this.#note(event, clock.now()))
  }

  /** Milliseconds since the epoch; undefined where it was before anybody watched. */
  connectedAt(session: string): number | undefined {
    return this.#connectedAt.get(session)
  }

  /** Oldest first. */
  drops(session: string): readonly Dropped[] {
    return this.#drops.get(session) ?? []
  }

  close(): void {
    this.#stop()
  }

  #note(event: BrokerEvent, at: number): void {
    if (event.type === 'connected') this.#connectedAt.set(event.session, at)
    else if (event.type === 'session-ended') {
      this.#connectedAt.delete(event.session)
      this.#drops.delete(event.session)
    } else if (event.type === 'dropped') {
      const { session, reason, topic, count } = event
      const drops = [...(this.#drops.get(session) ?? []), { at, reason, topic, count }].slice(-most.drops)
      this.#drops.delete(session)
      this.#drops.set(session, drops)
      if (this.#drops.size > most.sessions) this.#drops.delete(this.#drops.keys().next().value!)
    }
  }
}
