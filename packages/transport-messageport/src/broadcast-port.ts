/** What a connection needs of a MessagePort. */
export interface Port {
  addEventListener(type: 'close' | 'message' | 'messageerror', listener: (event: MessageEvent) => void): void
  postMessage(message: unknown, transfer: Transferable[]): void
  start(): void
  close(): void
}

/** Messages between two tabs over a BroadcastChannel of their own, which knows no transfer: what is sent is copied. As those of a MessagePort they wait for `start`. */
export class BroadcastPort implements Port {
  readonly #channel: BroadcastChannel
  readonly #listeners: ((event: MessageEvent) => void)[] = []
  /** What has come before `start`; undefined from then on. */
  #unheard: MessageEvent[] | undefined = []
  /** What is said before the other end is known to listen; undefined from then on. */
  #early: unknown[] | undefined
  #closed = false

  /** `first`: the other end comes later, and speaks first. A channel loses what is said while nobody listens. */
  constructor(name: string, { first = false }: { readonly first?: boolean } = {}) {
    this.#channel = new BroadcastChannel(name)
    // Node would wait for it.
    ;(this.#channel as { unref?(): void }).unref?.()
    if (first) this.#early = []
    this.#channel.addEventListener('message', (event) => this.#heard(event))
  }

  addEventListener(type: 'close' | 'message' | 'messageerror', listener: (event: MessageEvent) => void): void {
    if (type === 'message') this.#listeners.push(listener)
    else this.#channel.addEventListener(type, listener as EventListener)
  }

  postMessage(message: unknown): void {
    if (this.#early !== undefined) this.#early.push(message)
    else if (!this.#closed) this.#channel.postMessage(message)
  }

  start(): void {
    // Not within the call: whoever starts it is told later, as by a MessagePort.
    queueMicrotask(() => {
      const unheard = this.#unheard ?? []
      this.#unheard = undefined
      for (const event of unheard) this.#tell(event)
    })
  }

  close(): void {
    this.#closed = true
    this.#channel.close()
  }

  #heard(event: MessageEvent): void {
    const early = this.#early ?? []
    this.#early = undefined
    for (const message of early) this.postMessage(message)
    if (this.#unheard === undefined) this.#tell(event)
    else this.#unheard.push(event)
  }

  #tell(event: MessageEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}
