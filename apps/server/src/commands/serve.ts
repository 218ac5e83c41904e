import { exposedListeners } from '../config/checks.ts'
import { resolve } from 'node:path'
import type { ConfigFlags } from '../config/flags.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/types.ts'
import { createLog, type Log } from '../log.ts'
import { reloadAndLog, startServer, type Server } from '../server.ts'
import { tuneCollector } from '../tune-collector.ts'
import { version } from '../version.ts'

/** Milliseconds a graceful stop may take. */
const stopDeadline = 9000

/** `isomq serve`: resolves once the broker accepts connections; the process then lives until a signal or a fatal fault ends it. */
export async function serve(flags: ConfigFlags): Promise<void> {
  tuneCollector()
  const { config, file } = await loadConfig({ directory: process.cwd(), env: process.env, flags })
  const log = createLog(config.log, (line) => process.stderr.write(line))
  // A reader of our output that went away is no reason to stop.
  process.stdout.on('error', () => undefined)
  process.stderr.on('error', () => undefined)
  dieOf('uncaughtException', log)
  dieOf('unhandledRejection', log)
  const exposed = exposedListeners(config).map((name) => `listeners.${name}`)
  if (exposed.length > 0)
    log.warn({ listeners: exposed }, 'anyone who can reach this machine may connect (allowAnonymous)')
  const server = await startServer(config, log)
  stopOnSignals(server, log)
  process.on('SIGHUP', () => void reloadAndLog(server, log))
  log.info({ version, pid: process.pid, config: file, storage: placeOf(config.storage) }, 'started')
  for (const url of server.urls) log.info({ url }, 'listening')
  process.stdout.write([`isomq ${version} ready`, ...server.urls.map((url) => `  ${url}`), ''].join('\n'))
  if (server.firstPassword !== undefined)
    process.stdout.write(`first administrator of the API, told this once: admin ${server.firstPassword}\n`)
}

function placeOf({ type, path }: Config['storage']): string {
  return type === 'memory' ? type : resolve(path)
}

/** After a fault that nobody caught the state may be wrong: going on could corrupt what is stored. A supervisor starts anew. */
function dieOf(event: 'uncaughtException' | 'unhandledRejection', log: Log): void {
  process.on(event, (error: unknown) => {
    log.fatal({ err: error instanceof Error ? error : new Error(String(error)), event }, 'stopped by a fault')
    process.exit(1)
  })
}

/** The first signal stops in order, the second at once. After the stop the process ends by itself, once every client has its last bytes. */
function stopOnSignals(server: Server, log: Log): void {
  let state: 'serving' | 'stopping' | 'stopped' = 'serving'
  const stop = (signal: NodeJS.Signals): void => {
    if (state !== 'serving') process.exit(signal === 'SIGINT' ? 130 : 143)
    state = 'stopping'
    log.info({ signal }, 'stopping')
    const deadline = setTimeout(() => {
      if (state === 'stopped') process.exit(0)
      log.error({ milliseconds: stopDeadline }, 'stop took too long')
      process.exit(1)
    }, stopDeadline)
    server.stop().then(
      () => {
        state = 'stopped'
        log.info('stopped')
        deadline.unref()
      },
      (error: unknown) => {
        log.error({ err: error }, 'stop failed')
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}
