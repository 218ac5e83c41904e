import type { Connection, Host, Listener } from '@isomq/kernel'
import { listenTcp } from '@isomq/transport-tcp'
import { listenWebSocket } from '@isomq/transport-websocket'
import { readTlsFiles } from './config/tls-files.ts'
import type { Config, HttpSettings } from './config/types.ts'
import { UserError } from './user-error.ts'
import { listenWeb } from './web/listen-web.ts'
import { answerWithSites } from './web/sites.ts'

type Name = keyof Config['listeners']

/** What is done with what arrives. */
export interface ListenerEvents {
  readonly accept: (connection: Connection) => void
  readonly report: Host['report']
}

/** Opens every listener that is on. All or none: a UserError has a line for each that cannot be opened, and the others are closed again. */
export async function openListeners(config: Config, events: ListenerEvents): Promise<Listener[]> {
  const names = (['mqtt', 'ws', 'mqtts', 'wss', 'http'] as const).filter((name) => config.listeners[name] !== false)
  const results = await Promise.allSettled(names.map((name) => open(name, config, events)))
  const listeners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  if (errors.length === 0) return listeners
  await Promise.all(listeners.map((listener) => listener.close()))
  const unexpected = errors.find((error) => !(error instanceof UserError))
  if (unexpected !== undefined) throw unexpected
  throw new UserError(errors.flatMap((error) => (error as UserError).lines))
}

async function open(name: Name, config: Config, { accept, report }: ListenerEvents): Promise<Listener> {
  const settings = config.listeners[name]
  if (settings === false) throw new Error(`listeners.${name} is off`)
  const tls = 'cert' in settings ? { tls: await readTlsFiles(settings, `listeners.${name}`) } : {}
  const { host, port } = settings
  const { connectTimeout, maxPacketSize } = config.limits
  const common = { host, port, report, ...tls }
  try {
    if (name === 'http') {
      const { origins } = settings as HttpSettings
      const answer = answerWithSites(config.sites)
      const maxPayload = maxPacketSize + roomForMore
      return await listenWeb(
        { host, port, origins, maxPayload, headersTimeout: connectTimeout, answer, report },
        accept,
      )
    }
    if (!('paths' in settings)) return await listenTcp({ ...common, handshakeTimeout: connectTimeout }, accept)
    const { paths, origins } = settings
    const maxPayload = maxPacketSize + roomForMore
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
