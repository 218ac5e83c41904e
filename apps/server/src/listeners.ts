import type { Connection, Host, Listener } from '@isomq/kernel'
import { listenTcp } from '@isomq/transport-tcp'
import { listenWebSocket } from '@isomq/transport-websocket'
import type { Socket } from 'node:net'
import { listenerNames } from './config/types.ts'
import { readTlsFiles, type TlsFiles } from './config/tls-files.ts'
import type { Config, HttpSettings } from './config/types.ts'
import { type Proxied, readProxyHeader } from './proxy-header.ts'
import { UserError } from './user-error.ts'
import { listenWeb } from './web/listen-web.ts'
import { type Answer, answerWithSites } from './web/sites.ts'

type Name = keyof Config['listeners']

/** What is done with what arrives. */
export interface ListenerEvents {
  readonly accept: (connection: Connection) => void
  readonly report: Host['report']
  /** What is answered by HTTP besides the sites, by path. */
  readonly answers: (path: string) => Answer | undefined
}

/** The listeners that are open. */
export interface Listeners {
  readonly open: readonly Listener[]
  /** Reads the TLS files anew: handshakes from now on are made with them. Rejects with a UserError where one is of no use; that listener then goes on as before. */
  reload(): Promise<void>
  /** Stops accepting. */
  close(): Promise<void>
}

type Open = Listener & { setTls(tls: TlsFiles): void }

/** Opens every listener that is on. All or none: a UserError has a line for each that cannot be opened, and the others are closed again. */
export async function openListeners(config: Config, events: ListenerEvents): Promise<Listeners> {
  const names = listenerNames.filter((name) => config.listeners[name] !== false)
  const results = await Promise.allSettled(names.map((name) => open(name, config, events)))
  const listeners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const close = async (): Promise<void> => void (await Promise.all(listeners.map((listener) => listener.close())))
  try {
    throwAll(results)
  } catch (error) {
    await close()
    throw error
  }
  const renew = async (name: Name, listener: Open): Promise<void> => {
    const settings = config.listeners[name]
    if (settings !== false && 'cert' in settings) listener.setTls(await readTlsFiles(settings, `listeners.${name}`))
  }
  const reload = async (): Promise<void> => {
    throwAll(await Promise.allSettled(names.map((name, i) => renew(name, listeners[i]!))))
  }
  return { open: listeners, reload, close }
}

/** What went wrong in several places as one UserError; what is no UserError goes before. */
function throwAll(results: readonly PromiseSettledResult<unknown>[]): void {
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  if (errors.length === 0) return
  const unexpected = errors.find((error) => !(error instanceof UserError))
  if (unexpected !== undefined) throw unexpected
  throw new UserError(errors.flatMap((error) => (error as UserError).lines))
}

async function open(name: Name, config: Config, { accept, report, answers }: ListenerEvents): Promise<Open> {
  const settings = config.listeners[name]
  if (settings === false) throw new Error(`listeners.${name} is off`)
  const tls = 'cert' in settings ? { tls: await readTlsFiles(settings, `listeners.${name}`) } : {}
  const { host, port, proxyProtocol } = settings
  const { connectTimeout, maxPacketSize } = config.limits
  const readHeader = (socket: Socket): Promise<Proxied | undefined> => readProxyHeader(socket, connectTimeout)
  const common = { host, port, report, ...tls, ...(proxyProtocol === true ? { preamble: readHeader } : {}) }
  const maxPayload = maxPacketSize + roomForMore
  try {
    if (name === 'http' || name === 'https') {
      const { origins } = settings as HttpSettings
      const answer = answerWithSites(config.sites, answers)
      return await listenWeb({ ...common, origins, maxPayload, headersTimeout: connectTimeout, answer }, accept)
    }
    if (!('paths' in settings)) return await listenTcp({ ...common, handshakeTimeout: connectTimeout }, accept)
    const { paths, origins } = settings
    return await listenWebSocket({ ...common, paths, origins, maxPayload, upgradeTimeout: connectTimeout }, accept)
  } catch (error) {
    throw explain(error, name, settings)
  }
}

/** Bytes a WebSocket message may have beyond one largest packet: a packet just too large must pass, for the protocol to answer it with the right code. */
const roomForMore = 64 * 1024

function explain(
  error: unknown,
  name: Name,
  { host, port }: { readonly host: string; readonly port: number },
): unknown {
  const another = `choose another with --${name} HOST:PORT`
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new UserError(`port ${port} on ${host} is in use (listeners.${name}); ${another}`)
    case 'EACCES':
      return new UserError(
        `port ${port} on ${host} may not be opened: permission denied (listeners.${name}); ${another}`,
      )
    case 'EADDRNOTAVAIL':
      return new UserError(`${host} is not an address of this machine (listeners.${name}); ${another}`)
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UserError(`${host} is not a known host (listeners.${name}); ${another}`)
    default:
      return error
  }
}
