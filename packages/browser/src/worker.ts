import type { Connection } from '@isomq/kernel'
import { listenMessagePort } from '@isomq/transport-messageport'

/** What a worker hosts. */
export interface Hosted {
  serve(connection: Connection): void
}

/** The part of a SharedWorker's global scope that is needed. */
interface SharedScope {
  addEventListener(type: 'connect', listener: (event: MessageEvent) => void): void
}

/**
 * Called at the start of a SharedWorker's script: makes one broker there, for all pages that `connectWorker`. Pages that
 * connect meanwhile wait for it. Rejects with what kept it from starting; pages are then told so, and try again with a new
 * worker. Throws TypeError anywhere but in a SharedWorker.
 */
export async function serveWorker<B extends Hosted>(start: () => B | Promise<B>): Promise<B> {
  if (!('SharedWorkerGlobalScope' in globalThis)) throw new TypeError('serveWorker is for the script of a SharedWorker')
  const scope = globalThis as unknown as SharedScope & { close(): void }
  const early: Connection[] = []
  let accept = (connection: Connection): void => void early.push(connection)
  scope.addEventListener('connect', ({ ports: [port] }) => {
    void listenMessagePort({ on: port!, origin: globalThis.location.origin }, (connection) => accept(connection))
    port!.start()
  })
  try {
    const hosted = await start()
    accept = (connection) => hosted.serve(connection)
    for (const connection of early.splice(0)) hosted.serve(connection)
    return hosted
  } catch (error) {
    const reason = error instanceof Error ? error : new Error('the broker did not start', { cause: error })
    accept = (connection) => connection.close(reason)
    for (const connection of early.splice(0)) connection.close(reason)
    // The next page gets a new worker, and perhaps a broker.
    scope.close()
    throw error
  }
}
