/** How a link is doing. */
export interface BridgeState {
  /** `waiting` until `nextRetryAt`; `closed` for good. */
  readonly status: 'connecting' | 'connected' | 'waiting' | 'closed'
  /** Messages of QoS 1 and 2 that the other broker has not acknowledged yet, those under way included. */
  readonly lagMessages: number
  /** Bytes of their payloads. */
  readonly lagBytes: number
  /** When the oldest of them was accepted, milliseconds since the epoch. */
  readonly oldestUnsent: number | undefined
  /** Messages sent and not yet acknowledged. */
  readonly inFlight: number
  /** When the next attempt is made, milliseconds since the epoch; while `waiting`. */
  readonly nextRetryAt: number | undefined
  /** Why the last attempt failed or the last connection ended; undefined while all is well. */
  readonly lastError: Error | undefined
}

/** What a link tells, by name. */
export interface BridgeEvents {
  /** Its status has changed. */
  readonly state: BridgeState
  /** The other broker has taken this message over (QoS 1 and 2). */
  readonly sent: { readonly topic: string }
  /** This message will never be sent; it was published below the dead-letter topic. `reason` is in words, `code` that of MQTT 5, where there is one. */
  readonly rejected: { readonly topic: string; readonly reason: string; readonly code: number | undefined }
  /** The other broker cannot take this message now: it is sent again, and those behind it wait. */
  readonly blocked: { readonly topic: string; readonly reason: string; readonly code: number }
  /** The other broker does not let us subscribe to this filter of its. */
  readonly refused: { readonly filter: string; readonly reason: string }
  /** Nothing is left to be sent. */
  readonly drained: undefined
}

type Listener<T> = (event: T) => void

/** Tells events to those who listen. One that throws is reported, and bothers nobody else. */
export class Listeners<Events> {
  readonly #report: (error: unknown) => void
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()

  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  /** Returns how to stop it. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    let listeners = this.#listeners.get(name)
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()))
    const own = (event: Events[K]): void => listener(event)
    listeners.add(own)
    return () => listeners.delete(own)
  }

  tell<K extends keyof Events>(name: K, event: Events[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(event as never)
      } catch (error) {
        this.#report(error)
      }
    }
  }
}
