/** A handler of an event, as `onopen` is one; null for none. */
export type Handler<E extends Event> = ((this: WebSocket, event: E) => unknown) | null

/** The handlers of a target: each is a listener that keeps its place among the others when it is replaced. */
export class Handlers {
  readonly #target: EventTarget
  readonly #set = new Map<string, Handler<never>>()

  constructor(target: EventTarget) {
    this.#target = target
  }

  get<E extends Event>(type: string): Handler<E> {
    return (this.#set.get(type) ?? null) as Handler<E>
  }

  set<E extends Event>(type: string, handler: Handler<E>): void {
    if (!this.#set.has(type))
      this.#target.addEventListener(type, (event) =>
        this.#set.get(type)?.call(this.#target as WebSocket, event as never),
      )
    this.#set.set(type, typeof handler === 'function' ? (handler as Handler<never>) : null)
  }
}

/** A CloseEvent, also where the platform has none, as Node before 23. */
export function closeEvent(init: {
  readonly code: number
  readonly reason: string
  readonly wasClean: boolean
}): CloseEvent {
  if (typeof CloseEvent === 'function') return new CloseEvent('close', init)
  return Object.assign(new Event('close'), init) as CloseEvent
}
