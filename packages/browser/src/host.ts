import type { Connection } from '@isomq/kernel'

/** Where the broker is that a page talks to. */
export interface HostPlace {
  /** In a SharedWorker for all pages; in a worker of the page that was elected; in a worker that each page has for itself. */
  readonly kind: 'shared-worker' | 'tab' | 'page'
  /** Its worker is this page's own: it ends with this page. */
  readonly here: boolean
}

/** A way to have a broker hosted, and to reach it. */
export interface Hosting {
  readonly place: HostPlace | undefined
  /** A new connection. Rejects when there is no broker to be had; the next call may find one. */
  connect(): Promise<Connection>
  /** The host of an earlier connection was found to be dead, or to hang: another is to take its place. */
  suspect(): void
}

/** How a hosting is made. */
export interface HostingOptions {
  /** The script whose `serveWorker` makes the broker. */
  readonly url: string
  /** What `new SharedWorker` and `new Worker` take. */
  readonly worker: WorkerOptions | undefined
  /** Another hosts the broker now: connections to the one before lead nowhere. */
  readonly moved: (place: HostPlace) => void
  /** Where the broker is has become known. */
  readonly found: (place: HostPlace) => void
}

/** What the locks and the channel of one script's broker are called. */
export function nameOf(url: string): string {
  return `isomq:${url}`
}
