import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Everything that happened in a run, one after the other, and what of it should not have. */
export class History {
  readonly #start = performance.now()
  readonly #lines: string[] = []
  readonly #kills: number[] = []
  readonly violations: string[] = []

  /** How many things have happened: a time that orders everything. */
  get now(): number {
    return this.#lines.length
  }

  add(who: string, what: string): number {
    const ms = (performance.now() - this.#start).toFixed(1).padStart(9)
    return this.#lines.push(`${ms} ${who.padEnd(11)} ${what}`)
  }

  /** The broker is killed now. */
  kill(what: string): void {
    this.#kills.push(this.add('BROKER', `killed: ${what}`))
  }

  /** Something that must not be. `key` names the message it is about, if it is about one. */
  violation(who: string, what: string, key?: string): void {
    this.add(who, `VIOLATION ${what}`)
    this.violations.push(key === undefined ? `${who}: ${what}` : `${who}: ${what}\n${this.#about(key)}`)
  }

  /** What is to be told of a run that failed: the violations, what surrounded them, and where the whole history is. */
  report(title: string): string {
    const file = join(mkdtempSync(join(tmpdir(), 'isomq-crash-')), 'history.txt')
    writeFileSync(file, `${this.#lines.join('\n')}\n`)
    const shown = this.violations.slice(0, 5)
    const more = this.violations.length - shown.length
    return [title, ...shown, ...(more > 0 ? [`and ${more} more`] : []), `the whole history: ${file}`].join('\n\n')
  }

  /** Everything that names the message, and the kills between. */
  #about(key: string): string {
    const word = ` ${key} `
    const own = this.#lines.flatMap((line, i) => (`${line} `.includes(word) ? [i] : []))
    const [first = 0, last = 0] = [own[0], own.at(-1)]
    const kills = this.#kills.map((place) => place - 1).filter((i) => i >= first - 2000 && i <= last + 2000)
    // What surrounds a kill: the last that was heard before it and the first after.
    const around = kills.slice(-3).flatMap((i) => Array.from({ length: 16 }, (_, k) => i - 10 + k))
    const places = [...new Set([...own.slice(0, 40), ...around, ...kills])].filter((i) => i >= 0 && i < this.now)
    return places
      .sort((a, b) => a - b)
      .map((i) => this.#lines[i])
      .join('\n')
  }
}
