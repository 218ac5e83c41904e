import type { Connection } from '@isomq/kernel'
import { connectMessagePort } from '@isomq/transport-messageport'
import { ConnectionSocket } from './connection-socket.ts'
import { installWebSocket } from './install-web-socket.ts'

/** A way to the broker that a SharedWorker hosts for all pages of an origin. */
export interface WorkerLink {
  /** A new connection: whoever speaks MQTT over it is a client. Rejects when the worker cannot be reached within 8 s. */
  connect(): Promise<Connection>
  /** As `createWebSocket` of a broker: for MQTT.js' `createWebsocket`. May be handed on by itself. */
  createWebSocket(url: string | URL, protocols?: string | readonly string[]): WebSocket
  /** As `installWebSocket` of a broker. */
  installWebSocket(options: { readonly hosts: readonly string[] }): () => void
}

/** How a worker is started. */
export interface ConnectWorkerOptions {
  /** What `new SharedWorker` takes. Default: a module; it lives on for a while after its last page, where that is known. */
  readonly worker?: WorkerOptions | undefined
}

/**
 * Starts the SharedWorker of this script, or joins it where another page has started it. A worker that has died is
 * replaced when the next connection is made, as MQTT.js does by itself. Throws TypeError where there are no SharedWorkers.
 */
export function connectWorker(url: string | URL, { worker: options }: ConnectWorkerOptions = {}): WorkerLink {
  if (typeof SharedWorker !== 'function') throw new TypeError('there are no SharedWorkers here')
  let port: MessagePort | undefined
  const forget = (gone: MessagePort): void => {
    if (port === gone) port = undefined
  }
  const start = (): MessagePort => {
    const how: WorkerOptions & { extendedLifetime: boolean } = { type: 'module', extendedLifetime: true, ...options }
    const started = new SharedWorker(url, how).port
    // Where the platform tells of a worker's end, nobody waits for it in vain.
    started.addEventListener('close', () => forget(started))
    started.start()
    return started
  }
  port = start()
  const connect = async (): Promise<Connection> => {
    const known = (port ??= start())
    try {
      return await connectMessagePort({ to: known, owned: true })
    } catch {
      forget(known)
      return await connectMessagePort({ to: (port ??= start()), owned: true })
    }
  }
  return {
    connect,
    createWebSocket: (to, protocols = []) => new ConnectionSocket(to, protocols, connect),
    installWebSocket: ({ hosts }) => installWebSocket({ hosts, dial: connect }),
  }
}
