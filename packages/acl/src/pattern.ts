import { covers, matches } from '@isomq/kernel'
import { overlap } from './overlap.ts'
import { fill } from './rule.ts'

/** Whom a rule is asked about. */
export interface Subject {
  readonly clientId: string
  readonly username?: string | undefined
}

/** Characters that would make more of a name than one level. */
const dangerous = /[+#/\0]/

/** A filter of a rule, in which names may stand. */
export class Pattern {
  readonly #text: string
  readonly #hasUser: boolean
  readonly #hasClient: boolean

  /** A valid filter once names are in it. */
  constructor(text: string) {
    this.#text = text
    this.#hasUser = text.includes('%u')
    this.#hasClient = text.includes('%c')
  }

  matches(subject: Subject, topic: string, forDenial: boolean): boolean {
    const filter = this.#fill(subject, forDenial)
    return filter !== undefined && matches(filter, topic)
  }

  covers(subject: Subject, filter: string, forDenial: boolean): boolean {
    const own = this.#fill(subject, forDenial)
    return own !== undefined && covers(own, filter)
  }

  overlaps(subject: Subject, filter: string): boolean {
    const own = this.#fill(subject, false)
    return own !== undefined && overlap(own, filter)
  }

  /**
   * The filter for this client; undefined where it says nothing of him. A name that would reach beyond its level gets no
   * right from it, and is denied all that lies below the level before it.
   */
  #fill({ username, clientId }: Subject, forDenial: boolean): string | undefined {
    if (!this.#hasUser && !this.#hasClient) return this.#text
    if (this.#hasUser && username === undefined) return undefined
    const isDangerous =
      (this.#hasUser && (username === '' || dangerous.test(username!))) ||
      (this.#hasClient && (clientId === '' || dangerous.test(clientId)))
    if (!isDangerous) {
      const filter = fill(this.#text, username ?? '', clientId)
      // A name must not make a topic of the broker's own of it.
      return filter.startsWith('$') && !this.#text.startsWith('$') ? undefined : filter
    }
    if (!forDenial) return undefined
    const before = this.#text.slice(0, this.#text.search(/%[uc]/)).split('/').slice(0, -1)
    return [...before, '#'].join('/')
  }
}
