import type { Packet } from 'mqtt-packet'

interface Waiting {
  expected: Packet['cmd'] | undefined
  early: Packet | undefined
  resolve: (packet: Packet) => void
  reject: (error: Error) => void
}

/** Packet ids in use, and who waits for the answer to which. */
export class PendingReplies {
  readonly #waiting = new Map<number, Waiting>()
  #last = 0
  #failure: Error | undefined

  /** Takes a free id. `reply` waits for the packet of this kind that bears it. Throws when the connection has ended. */
  open(): { readonly id: number; readonly reply: (expected: Packet['cmd']) => Promise<Packet> } {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#waiting.size >= 65535) throw new Error('no packet id is free')
    do this.#last = (this.#last % 65535) + 1
    while (this.#waiting.has(this.#last))
    const id = this.#last
    const waiting: Waiting = {
      expected: undefined,
      early: undefined,
      resolve: () => undefined,
      reject: () => undefined,
    }
    this.#waiting.set(id, waiting)
    return { id, reply: (expected) => this.#reply(waiting, expected) }
  }

  /** The id may be used again. */
  release(id: number): void {
    this.#waiting.delete(id)
  }

  /** An answer came. Those that nobody waits for are passed over. */
  receive(packet: Packet): void {
    const waiting = this.#waiting.get(packet.messageId ?? 0)
    if (waiting === undefined) return
    if (waiting.expected === packet.cmd) waiting.resolve(packet)
    else waiting.early = packet
  }

  /** No more answers will come. */
  fail(error: Error): void {
    this.#failure = error
    for (const waiting of this.#waiting.values()) waiting.reject(error)
  }

  #reply(waiting: Waiting, expected: Packet['cmd']): Promise<Packet> {
    const { early } = waiting
    waiting.early = undefined
    if (early?.cmd === expected) return Promise.resolve(early)
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => Object.assign(waiting, { expected, resolve, reject }))
  }
}
