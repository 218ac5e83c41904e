import { Link, type LinkHandler } from './link.ts'
import { LAST_WORD } from './packets.ts'
import type { Target } from './plan.ts'

const WILLS = 'bench/wills'

/** Clients that all come in one turn of the event loop and all go in one. Each has two subscriptions and a will. */
export class Storm implements LinkHandler {
  readonly #target: Target
  #links: Link[] = []
  #round = 0
  #wills = 0
  #heard: () => void = () => {}

  private constructor(target: Target) {
    this.#target = target
  }

  /** Lets one more client listen for their wills. */
  static async watch(target: Target): Promise<Storm> {
    const storm = new Storm(target)
    const watcher = await Link.open(target, 'bench-watcher', LAST_WORD.length, storm)
    await watcher.subscribe([`${WILLS}/+`], 0)
    return storm
  }

  /** So many come. Resolves when all are let in and have subscribed. */
  async gather(count: number): Promise<void> {
    const round = this.#round++
    const open = async (_: unknown, index: number): Promise<Link> => {
      const name = `${round}-${index}`
      const link = await Link.open(this.#target, `bench-s${name}`, 0, { ...silent, will: `${WILLS}/${name}` })
      await link.subscribe([`bench/storm/${name}`, `bench/+/${name}`], 0)
      return link
    }
    this.#links = await Promise.all(Array.from({ length: count }, open))
  }

  /** All of them go without a farewell. Resolves when the will of each has come. */
  async scatter(): Promise<void> {
    const links = this.#links
    this.#links = []
    const heard = new Promise<void>((resolve) => (this.#heard = resolve))
    this.#wills = links.length
    for (const link of links) link.drop()
    await heard
  }

  publish(): void {
    if (--this.#wills === 0) this.#heard()
  }

  control(): void {}

  end(): void {}
}

const silent: LinkHandler = { publish: unexpected, control: () => {}, end: () => {} }

function unexpected(): never {
  throw new Error('a client of a storm received a message')
}
