import type { Connection } from '@isomq/kernel'
import { connectMessagePort, PeerDead } from '@isomq/transport-messageport'
import { type HostingOptions, type Hosting, type HostPlace, nameOf } from './host.ts'

/** Under these locks the workers are found that are there: the one with the highest number is the one in use. */
export function generationLock(url: string, generation: number): string {
  return `${nameOf(url)}#${generation}`
}

/** The number in the name of a worker; 0 for one without. */
export function generationOf(name: string): number {
  return Number(/^isomq (\d+)$/.exec(name)?.[1] ?? 0)
}

/**
 * A broker in a SharedWorker, for all pages of an origin. One that has died is started anew. One that hangs cannot be ended
 * by anybody: a worker of the next number takes over, and its storage is closed to the one before.
 */
export class SharedWorkerHosting implements Hosting {
  readonly place: HostPlace = { kind: 'shared-worker', here: false }
  readonly #options: HostingOptions
  #port: MessagePort | undefined
  #generation = 0
  /** Workers below this number hang. */
  #least = 0

  constructor(options: HostingOptions) {
    this.#options = options
    void this.#join()
    options.found(this.place)
  }

  async connect(): Promise<Connection> {
    try {
      return await this.#dial()
    } catch (error) {
      if (error instanceof PeerDead) this.suspect()
      this.#port = undefined
      return await this.#dial()
    }
  }

  suspect(): void {
    if (globalThis.navigator?.locks === undefined) return
    this.#least = this.#generation + 1
    this.#port = undefined
  }

  async #dial(): Promise<Connection> {
    return connectMessagePort({ to: await this.#join(), owned: true })
  }

  async #join(): Promise<MessagePort> {
    if (this.#port !== undefined) return this.#port
    const { url, worker, moved } = this.#options
    const before = this.#generation
    // Without locks there is one at most.
    const { locks } = globalThis.navigator ?? {}
    if (locks !== undefined) this.#generation = Math.max(this.#least, highest(url, await locks.query()))
    if (this.#port !== undefined) return this.#port
    const named = this.#generation === 0 ? {} : { name: `isomq ${this.#generation}` }
    const how: WorkerOptions & { extendedLifetime: boolean } = {
      type: 'module',
      extendedLifetime: true,
      ...worker,
      ...named,
    }
    const { port } = new SharedWorker(url, how)
    this.#port = port
    // Where the platform tells of a worker's end, nobody waits for it in vain.
    port.addEventListener('close', () => {
      if (this.#port === port) this.#port = undefined
    })
    port.start()
    if (this.#generation !== before) moved(this.place)
    return port
  }
}

function highest(url: string, { held = [] }: LockManagerSnapshot): number {
  const lock = generationLock(url, 0).slice(0, -1)
  const numbers = held.map(({ name = '' }) => (name.startsWith(lock) ? Number(name.slice(lock.length)) : 0))
  return Math.max(0, ...numbers.filter(Number.isInteger))
}
