import type { Connection } from '@isomq/kernel'
import { connectMessagePort } from '@isomq/transport-messageport'
import type { Hosting, HostingOptions, HostPlace } from './host.ts'

/** A broker in a worker of this page, for this page alone: where pages cannot agree on one. */
export class OwnPageHosting implements Hosting {
  readonly place: HostPlace = { kind: 'page', here: true }
  readonly #options: HostingOptions
  #worker: Worker

  constructor(options: HostingOptions) {
    this.#options = options
    this.#worker = this.#start()
    options.found(this.place)
  }

  connect(): Promise<Connection> {
    return connectMessagePort({ to: this.#worker, owned: true })
  }

  suspect(): void {
    this.#worker.terminate()
    this.#worker = this.#start()
    this.#options.moved(this.place)
  }

  #start(): Worker {
    return new Worker(this.#options.url, { type: 'module', ...this.#options.worker })
  }
}
