import type { Connection } from '@isomq/kernel'
import { PeerDead } from '@isomq/transport-messageport'
import { ConnectionSocket } from './connection-socket.ts'
import { ElectedTabHosting } from './elected-tab.ts'
import type { Hosting, HostingOptions, HostPlace } from './host.ts'
import { installWebSocket } from './install-web-socket.ts'
import { OwnPageHosting } from './own-page.ts'
import { SharedWorkerHosting } from './shared-worker.ts'
import { watched } from './watched.ts'

/** A way to the one broker that all pages of an origin share. */
export interface WorkerLink {
  /** Where the broker is; undefined while nobody is known to host it. */
  readonly host: HostPlace | undefined
  /** Calls back whenever another hosts it. Returns how to stop it. */
  on(event: 'host', listener: (place: HostPlace) => void): () => void
  /** A new connection: whoever speaks MQTT over it is a client. Rejects when no host can be reached within 8 s. */
  connect(): Promise<Connection>
  /** As `createWebSocket` of a broker: for MQTT.js' `createWebsocket`. May be handed on by itself. */
  createWebSocket(url: string | URL, protocols?: string | readonly string[]): WebSocket
  /** As `installWebSocket` of a broker. */
  installWebSocket(options: { readonly hosts: readonly string[] }): () => void
}

/** How a worker is started. */
export interface ConnectWorkerOptions {
  /** What `new SharedWorker` and `new Worker` take. Default: a module; it lives on for a while after its last page, where that is known. */
  readonly worker?: WorkerOptions | undefined
}

/**
 * Has the broker of this script hosted, or joins it where another page has: in a SharedWorker; where there are none, in a
 * worker of a tab that is elected by a lock; where there are no locks either, in a worker of this page alone. A host may die
 * or hang at any moment: connections to it end within 4 s, and the next ones lead to another host. Throws TypeError where there
 * are no workers at all.
 */
export function connectWorker(url: string | URL, { worker }: ConnectWorkerOptions = {}): WorkerLink {
  const listeners = new Set<{ readonly tell: (place: HostPlace) => void }>()
  const open = new Set<Connection>()
  const found = (place: HostPlace): void => {
    for (const { tell } of listeners) tell(place)
  }
  const moved = (place: HostPlace): void => {
    // They would find out by themselves, but later.
    for (const connection of open) connection.close(new Error('another host has taken over'))
    found(place)
  }
  const absolute = new URL(url, globalThis.location?.href).href
  const hosting = hostingFor({ url: absolute, worker, moved, found })
  const connect = async (): Promise<Connection> => {
    const connection = await hosting.connect()
    open.add(connection)
    return watched(connection, (error) => {
      open.delete(connection)
      if (error instanceof PeerDead) hosting.suspect()
    })
  }
  return {
    get host() {
      return hosting.place
    },
    on(_, tell) {
      const own = { tell }
      listeners.add(own)
      return () => listeners.delete(own)
    },
    connect,
    createWebSocket: (to, protocols = []) => new ConnectionSocket(to, protocols, connect),
    installWebSocket: ({ hosts }) => installWebSocket({ hosts, dial: connect }),
  }
}

function hostingFor(options: HostingOptions): Hosting {
  if (typeof SharedWorker === 'function') return new SharedWorkerHosting(options)
  if (typeof Worker !== 'function') throw new TypeError('there are no workers here')
  const canElect = globalThis.navigator?.locks !== undefined && typeof BroadcastChannel === 'function'
  return canElect ? new ElectedTabHosting(options) : new OwnPageHosting(options)
}
