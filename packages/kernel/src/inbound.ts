import type { Core } from './core.ts'
import { joinKey, table } from './rows.ts'
import type { Session } from './session.ts'
import { TagSet } from './tag-set.ts'

const nothing = new Uint8Array(0)

/** Tags of QoS 2 messages a session has sent and not yet released: while one is here, the same tag is the same message. */
export class Inbound {
  readonly #core: Core
  readonly #session: Session
  #tags: TagSet | undefined
  /** Tags whose last message could not be stored. */
  #refused: Set<number> | undefined

  constructor(core: Core, session: Session) {
    this.#core = core
    this.#session = session
  }

  /** Tags not yet released. */
  get size(): number {
    return this.#tags?.size ?? 0
  }

  /** True: the message under this tag is new, and now it is known; in one commit with its publish. False: a repetition. */
  claim(tag: number): boolean {
    const tags = (this.#tags ??= new TagSet())
    if (tags.has(tag)) return false
    tags.add(tag)
    this.#refused?.delete(tag)
    // Whoever sent it may be gone when the commit fails, and send it again when he comes back.
    if (this.#session.durable)
      this.#core.committer.write(table.inbound, this.#key(tag), nothing, () => this.forget(tag))
    return true
  }

  /** Whether the message under this tag was received and not yet released. */
  has(tag: number): boolean {
    return this.#tags?.has(tag) === true
  }

  /** The sender knows that we have it: the tag is free again. False when it was. */
  release(tag: number): boolean {
    if (this.#tags?.delete(tag) !== true) return false
    if (this.#session.stored) this.#core.committer.write(table.inbound, this.#key(tag), undefined)
    return true
  }

  /** The message under this tag was refused after all: the tag is free, nothing is written. */
  forget(tag: number): void {
    this.#tags?.delete(tag)
    ;(this.#refused ??= new Set()).add(tag)
  }

  /** Whether the last message under this tag was refused after all. */
  wasRefused(tag: number): boolean {
    return this.#refused?.has(tag) === true
  }

  /** Forgets all tags. */
  clear(): void {
    for (const tag of Array.from(this.#tags ?? [])) this.release(tag)
    this.#refused = undefined
  }

  /** Knows a tag again that was claimed before the broker last stopped. */
  restore(tag: number): void {
    ;(this.#tags ??= new TagSet()).add(tag)
  }

  #key(tag: number): string {
    return joinKey(this.#session.id, String(tag))
  }
}
