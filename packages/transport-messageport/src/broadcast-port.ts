/** What a connection needs of a MessagePort. */
export interface Port {
  addEventListener(type: 'close' | 'message' | 'messageerror', listener: (event: MessageEvent) => void): void
  postMessage(message: unknown, transfer: Transferable[]): void
  start(): void
  close(): void
}

/** Messages between two tabs over a BroadcastChannel of their own, which knows no transfer: what is sent is copied. */
export class BroadcastPort implements Port {
  readonly #channel: BroadcastChannel
  /** What is said before the other end is known to listen; undefined from then on. */
  #early: unknown[] | undefined
  #closed = false

  /** `first`: the other end comes later, and speaks first. A channel loses what is said while nobody listens. */
  constructor(name: string, { first = false }: { readonly first?: boolean } = {}) {
    this.#channel = new BroadcastChannel(name)
    // Node would wait for it.
    ;(this.#channel as { unref?(): void }).unref?.()
    if (!first) return
    this.#early = []
    this.#channel.addEventListener(
      'message',
      () => {
        const early = this.#early ?? []
        this.#early = undefined
        for (const message of early) this.postMessage(message)
      },
      { once: true },
    )
  }

  addEventListener(type: 'close' | 'message' | 'messageerror', listener: (event: MessageEvent) => void): void {
    this.#channel.addEventListener(type, listener as EventListener)
  }

  postMessage(message: unknown): void {
    if (this.#early !== undefined) this.#early.push(message)
    else if (!this.#closed) this.#channel.postMessage(message)
  }

  start(): void {}

  close(): void {
    this.#closed = true
    this.#channel.close()
  }
}
