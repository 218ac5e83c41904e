import { UserError } from '../user-error.ts'

/** Where a client connects, and what the URL said besides. */
export interface Target {
  readonly scheme: Scheme
  readonly host: string
  readonly port: number
  /** WebSocket path; empty for TCP. */
  readonly path: string
  /** Unix socket that stands for host and port. */
  readonly unix?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly topic?: string | undefined
}

/** How the bytes go. */
type Scheme = 'mqtt' | 'mqtts' | 'ws' | 'wss'

/** The flags that say where to connect. */
export interface TargetFlags {
  readonly url?: string
  readonly host?: string
  readonly port?: number
  readonly ws?: boolean
  readonly path?: string
  readonly unix?: string
  /** TLS is meant although there is no URL to say so. */
  readonly tls?: boolean
}

const ports: Readonly<Record<Scheme, number>> = { mqtt: 1883, mqtts: 8883, ws: 8083, wss: 8084 }
/** Where a URL names no port: for WebSockets what every other program takes then. */
const urlPorts: Readonly<Record<Scheme, number>> = { ...ports, ws: 80, wss: 443 }

/** Reads the URL, or the flags. The path of an `mqtt(s)` URL is the topic, that of a `ws(s)` URL where the server answers. */
export function readTarget(flags: TargetFlags): Target {
  if (flags.unix !== undefined) return unixTarget(flags, flags.unix)
  if (flags.url !== undefined) return readUrl(flags.url)
  // As with mosquitto's clients, the port of MQTT over TLS means TLS.
  const tls = flags.tls === true || (flags.ws !== true && flags.port === ports.mqtts)
  const scheme = flags.ws === true ? (tls ? 'wss' : 'ws') : tls ? 'mqtts' : 'mqtt'
  const path = flags.ws === true ? (flags.path ?? '/mqtt') : ''
  return { scheme, host: flags.host ?? 'localhost', port: flags.port ?? ports[scheme], path }
}

/** The URL of a target, without what is secret. */
export function targetUrl({ scheme, host, port, path, unix }: Target): string {
  if (unix !== undefined) return `unix:${unix}`
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`
}

function unixTarget({ url, host, port, ws, tls }: TargetFlags, unix: string): Target {
  const others = [
    url === undefined ? [] : ['-L'],
    host === undefined ? [] : ['-h'],
    port === undefined ? [] : ['-p'],
    ws === true ? ['--ws'] : [],
    tls === true ? ['TLS'] : [],
  ].flat()
  if (others.length > 0) throw new UserError(`--unix cannot go together with ${others.join(', ')}`)
  return { scheme: 'mqtt', host: 'localhost', port: 0, path: '', unix }
}

function readUrl(text: string): Target {
  try {
    return fromUrl(new URL(text), text)
  } catch (error) {
    throw error instanceof UserError
      ? error
      : new UserError(`-L ${shown(text)}: is not a URL such as mqtt://localhost/topic`)
  }
}

/** Without user and password. */
function shown(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//…@')
}

function fromUrl(url: URL, text: string): Target {
  const scheme = (['mqtt', 'mqtts', 'ws', 'wss'] as const).find((each) => `${each}:` === url.protocol)
  if (scheme === undefined) throw new UserError(`-L ${shown(text)}: must begin with mqtt://, mqtts://, ws:// or wss://`)
  const web = scheme === 'ws' || scheme === 'wss'
  // From the text: a URL would take `#` for a fragment, and `..` for a step up.
  const topic = web ? '' : decodeURIComponent(/^[^:]+:\/\/[^/]*\/(.*)$/s.exec(text)?.[1] ?? '')
  return {
    scheme,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? urlPorts[scheme] : Number(url.port),
    path: web ? (url.pathname === '/' ? '/mqtt' : url.pathname) + url.search : '',
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(topic === '' ? {} : { topic }),
  }
}
