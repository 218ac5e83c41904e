import { ConnectionSocket, type Dial } from './connection-socket.ts'

/** Which WebSockets are connections of ours. */
export interface InstallWebSocketOptions {
  /** Hosts of URLs, as `broker.localhost`; with a port, only that port. All others stay the platform's. */
  readonly hosts: readonly string[]
  /** Where their connections come from. */
  readonly dial: Dial
}

/**
 * Takes the place of the platform's WebSocket, for programs that cannot be changed: those to certain hosts become
 * connections, the others stay what they are. Returns how to undo it; sockets that are open live on.
 */
export function installWebSocket({ hosts, dial }: InstallWebSocketOptions): () => void {
  const native = globalThis.WebSocket
  const ours = new Set(hosts.map((host) => host.toLowerCase()))
  const routed = new Proxy(native, {
    construct(target, [url, protocols]: [string | URL, (string | string[])?], newTarget) {
      const parsed = parse(url)
      if (parsed === undefined || !(ours.has(parsed.host) || ours.has(parsed.hostname)))
        return Reflect.construct(target, protocols === undefined ? [url] : [url, protocols], newTarget) as WebSocket
      return new ConnectionSocket(parsed, protocols ?? [], dial)
    },
    get(target, key) {
      if (key !== Symbol.hasInstance) return Reflect.get(target, key) as unknown
      return (value: unknown) => value instanceof target || value instanceof ConnectionSocket
    },
  })
  globalThis.WebSocket = routed
  return () => {
    // Somebody else may have taken the place since.
    if (globalThis.WebSocket === routed) globalThis.WebSocket = native
    ours.clear()
  }
}

/** Undefined for what the platform is to refuse in its own words. */
function parse(url: string | URL): URL | undefined {
  try {
    const parsed = new URL(url, globalThis.location?.href)
    parsed.protocol = parsed.protocol.replace(/^http/, 'ws')
    return parsed.protocol.startsWith('ws') && parsed.hash === '' ? parsed : undefined
  } catch {
    return undefined
  }
}
