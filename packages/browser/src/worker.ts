import type { Connection } from '@isomq/kernel'
import { listenBroadcast, listenMessagePort, type MessageSource } from '@isomq/transport-messageport'
import { isAnnouncement } from './announcement.ts'
import { generationLock, generationOf } from './shared-worker.ts'

/** What a worker hosts. */
export interface Hosted {
  serve(connection: Connection): void
}

/** The part of a worker's global scope that is needed. */
interface Scope extends MessageSource {
  readonly name?: string
  addEventListener(type: 'connect' | 'message', listener: (event: MessageEvent) => void): void
  close(): void
}

/**
 * Called at the start of a worker's script: makes one broker there, for all pages that `connectWorker`. Pages that connect
 * meanwhile wait for it. Rejects with what kept it from starting; pages are then told so, and try again with a new
 * worker. Throws TypeError anywhere but in a SharedWorker or a dedicated one.
 */
export async function serveWorker<B extends Hosted>(start: () => B | Promise<B>): Promise<B> {
  const isShared = 'SharedWorkerGlobalScope' in globalThis
  if (!isShared && !('DedicatedWorkerGlobalScope' in globalThis))
    throw new TypeError('serveWorker is for the script of a worker')
  const scope = globalThis as unknown as Scope
  const early: Connection[] = []
  let serve = (connection: Connection): void => void early.push(connection)
  const { origin } = globalThis.location
  const accept = (connection: Connection): void => serve(connection)
  if (isShared) {
    scope.addEventListener('connect', ({ ports: [port] }) => {
      void listenMessagePort({ on: port!, origin }, accept)
      port!.start()
    })
    holdPlace(generationOf(scope.name ?? ''))
  } else {
    void listenMessagePort({ on: scope, origin }, accept)
    scope.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (isAnnouncement(data)) for (const name of data.channels) void listenBroadcast({ name, origin }, accept)
    })
  }
  try {
    const hosted = await start()
    serve = (connection) => hosted.serve(connection)
    for (const connection of early.splice(0)) hosted.serve(connection)
    return hosted
  } catch (error) {
    const reason = error instanceof Error ? error : new Error('the broker did not start', { cause: error })
    serve = (connection) => connection.close(reason)
    for (const connection of early.splice(0)) connection.close(reason)
    // The next page gets a new worker, and perhaps a broker.
    scope.close()
    throw error
  }
}

/** Lets pages find this worker among those of its script that hang. */
function holdPlace(generation: number): void {
  const { locks } = globalThis.navigator ?? {}
  const name = generationLock(globalThis.location.href, generation)
  void locks?.request(name, () => new Promise(() => undefined)).catch(() => undefined)
}
