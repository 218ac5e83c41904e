import type { Connection } from '@isomq/kernel'
import { connectBroadcast, connectMessagePort, PeerDead } from '@isomq/transport-messageport'
import { type HostingOptions, type Hosting, type HostPlace, nameOf } from './host.ts'
import { type Announcement, announcement, isAnnouncement } from './announcement.ts'

/** Milliseconds for which whoever has taken over is left alone. */
const honeymoon = 3000

/**
 * A broker in a worker of one tab, for all tabs of an origin: the tab that holds a lock. When it is closed or crashes, the
 * next in the line for the lock takes over; from one that hangs the lock is taken away. The others reach it over a
 * BroadcastChannel.
 */
export class ElectedTabHosting implements Hosting {
  readonly #options: HostingOptions
  readonly #name: string
  readonly #channel: BroadcastChannel
  /** On this channel the host is reached. */
  #calls: string
  #worker: Worker | undefined
  #place: HostPlace | undefined
  /** When a host was last heard to begin, by this page's clock. */
  #began = -Infinity

  constructor(options: HostingOptions) {
    this.#options = options
    this.#name = nameOf(options.url)
    this.#calls = `${this.#name}#calls`
    this.#channel = new BroadcastChannel(this.#name)
    this.#channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (!isAnnouncement(data)) return
      this.#calls = data.channels[0]
      this.#hosted(false)
    })
    void this.#stand()
  }

  get place(): HostPlace | undefined {
    return this.#place
  }

  async connect(): Promise<Connection> {
    try {
      return await this.#dial()
    } catch (error) {
      if (error instanceof PeerDead) this.suspect()
      return await this.#dial()
    }
  }

  suspect(): void {
    // Another has taken over meanwhile: he is not the one that was found dead.
    if (performance.now() - this.#began < honeymoon) return
    const { locks } = navigator
    void locks.request(`${this.#name}#doctor`, { ifAvailable: true }, async (lock) => {
      if (lock === null) return
      await this.#stand(true)
      await new Promise((resolve) => void setTimeout(resolve, honeymoon))
    })
  }

  async #dial(): Promise<Connection> {
    const to = this.#worker
    if (to !== undefined) return connectMessagePort({ to, owned: true })
    const connection = await connectBroadcast({ name: this.#calls })
    // It had been announced before this page was there.
    if (this.#place === undefined) this.#options.found((this.#place = { kind: 'tab', here: false }))
    return connection
  }

  /** Waits in line for the lock, or takes it away, and hosts as long as this page has it. Resolves once it hosts. */
  #stand(steal: boolean = false): Promise<void> {
    return new Promise((hosting) => {
      const hold = (): Promise<void> => {
        this.#host()
        hosting()
        // Until the page is closed, or somebody takes it away.
        return new Promise(() => undefined)
      }
      navigator.locks.request(this.#name, { steal }, hold).catch(() => {
        this.#worker?.terminate()
        this.#worker = undefined
        hosting()
        void this.#stand()
      })
    })
  }

  #host(): void {
    const { url, worker } = this.#options
    this.#worker?.terminate()
    this.#worker = new Worker(url, { type: 'module', ...worker })
    const order: Announcement = announcement(this.#name)
    this.#worker.postMessage(order, [])
    // Those who wait for the one before need not find out by themselves.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    this.#channel.postMessage(order)
    this.#hosted(true)
  }

  #hosted(here: boolean): void {
    this.#began = performance.now()
    if (!here && this.#worker !== undefined) {
      this.#worker.terminate()
      this.#worker = undefined
    }
    this.#place = { kind: 'tab', here }
    this.#options.moved(this.#place)
  }
}
