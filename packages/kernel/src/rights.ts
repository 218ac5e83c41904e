import type { Guard, Principal } from './guard.ts'

/** Answers kept for all principals together. */
const most = 65_536

/**
 * What a guard has answered to whom about publishing: kept while its `version` stays the same. Bounded: when there are too
 * many, all are forgotten.
 */
export class Rights {
  readonly #guard: Guard
  #known = new WeakMap<Principal, Map<string, boolean>>()
  #count = 0
  #version: number
  // A client publishes to the topic it has just published to.
  #lastPrincipal: Principal | undefined
  #lastTopic = ''
  #lastAnswer = false

  constructor(guard: Guard) {
    this.#guard = guard
    this.#version = guard.version
  }

  /** Answers kept now. */
  get size(): number {
    return this.#count
  }

  /** May this principal publish to this topic? A promise when the guard has to think about it for the first time. What it rejects with or throws is passed on and not kept. */
  mayPublish(principal: Principal, topic: string): boolean | Promise<boolean> {
    const { version } = this.#guard
    if (version !== this.#version) this.#forget(version)
    if (principal === this.#lastPrincipal && topic === this.#lastTopic) return this.#lastAnswer
    const known = this.#known.get(principal)?.get(topic)
    if (known !== undefined) return this.#note(principal, topic, known)
    const answer = this.#guard.authorize(principal, 'publish', topic)
    if (typeof answer === 'boolean') return this.#keep(principal, topic, answer)
    return answer.then((yes) => {
      const allowed = yes === true
      // It may have been given under rules that no longer hold.
      return version === this.#guard.version ? this.#keep(principal, topic, allowed) : allowed
    })
  }

  #keep(principal: Principal, topic: string, answer: boolean): boolean {
    if (this.#version !== this.#guard.version || this.#count >= most) this.#forget(this.#guard.version)
    let topics = this.#known.get(principal)
    if (topics === undefined) this.#known.set(principal, (topics = new Map()))
    topics.set(topic, answer)
    this.#count++
    return this.#note(principal, topic, answer)
  }

  #note(principal: Principal, topic: string, answer: boolean): boolean {
    this.#lastPrincipal = principal
    this.#lastTopic = topic
    this.#lastAnswer = answer
    return answer
  }

  #forget(version: number): void {
    this.#version = version
    this.#known = new WeakMap()
    this.#count = 0
    this.#lastPrincipal = undefined
  }
}
