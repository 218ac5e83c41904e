import type { IncomingMessage } from 'node:http'

/** Why an upgrade is refused: an HTTP status, a line of text, further headers. */
export interface Refusal {
  readonly status: 400 | 403 | 404 | 426 | 503
  readonly text: string
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** What may be upgraded. */
export interface UpgradeRules {
  readonly paths: readonly string[]
  /** Best first. */
  readonly protocols: readonly string[]
  readonly origins: readonly string[] | 'same' | undefined
}

/** The path of a request, without its query. */
export function pathOf(request: IncomingMessage): string {
  const url = request.url ?? ''
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

/** Undefined when the upgrade may go on. Checked before anything is answered. */
export function refuse(request: IncomingMessage, rules: UpgradeRules): Refusal | undefined {
  if (!rules.paths.includes(pathOf(request))) return { status: 404, text: 'Nothing here.' }
  // Version 8 names its origin elsewhere; nobody speaks it any more.
  if (request.headers['sec-websocket-version'] !== '13') {
    return { status: 426, text: 'WebSocket version 13, please.', headers: { 'Sec-WebSocket-Version': '13' } }
  }
  const origin = request.headers.origin
  // A browser always names an origin and cannot forge it; who names none is no browser.
  if (rules.origins !== undefined && origin !== undefined && !isAllowed(origin, rules.origins, request.headers.host)) {
    return { status: 403, text: 'This origin is not allowed.' }
  }
  if (chooseProtocol(offered(request), rules.protocols) === undefined) {
    return { status: 400, text: `Offer one of the subprotocols ${rules.protocols.join(', ')}.` }
  }
  return undefined
}

/** The best of our protocols among those offered. [MQTT-6.0.0-3] [MQTT-6.0.0-4] */
export function chooseProtocol(offer: Iterable<string>, protocols: readonly string[]): string | undefined {
  const offers = new Set(offer)
  return protocols.find((protocol) => offers.has(protocol))
}

function offered(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
}

function isAllowed(origin: string, origins: readonly string[] | 'same', host: string | undefined): boolean {
  if (origins === 'same') return /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase() === host?.toLowerCase()
  // Sandboxed frames and files all share `null`: to allow it is to allow any page.
  return origin !== 'null' && origins.some((each) => each.toLowerCase() === origin.toLowerCase())
}
