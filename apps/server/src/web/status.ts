import type { Broker } from '@isomq/kernel'
import { type BridgeFacts, metricsText, type ProtocolCounts } from '@isomq/metrics'
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { version } from '../version.ts'
import { isLoopback } from '../config/loopback.ts'
import type { Answer } from './sites.ts'

/** Whose status is told. */
export interface StatusSources {
  readonly broker: Broker
  readonly mqtt: ProtocolCounts
  readonly bridges: () => Iterable<BridgeFacts>
  /** True from the moment on at which nobody new is let in. */
  readonly stopping: () => boolean
  /** Must come with a request for metrics, as `Authorization: Bearer …`. Without one they are for this machine alone. */
  readonly metricsToken?: string | undefined
}

/** What is answered at a path, beside the sites. */
export type Answers = (path: string) => Answer | undefined

/** `/livez`, `/readyz`, `/healthz` and `/metrics`. Nobody has to log in to hear that all is well, or why not. */
export function statusAnswers(sources: StatusSources): Answers {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  const ready: Answer = (request, response) => {
    if (!isRead(request, response)) return

    const why = faultOf(sources)
    say(response, why === undefined ? 200 : 503, why ?? 'ok')
  }
  const answers = new Map<string, Answer>([
    ['/livez', (request, response) => void (isRead(request, response) && say(response, 200, 'ok'))],
    ['/readyz', ready],
    ['/healthz', ready],
    [
      '/metrics',
      (request, response) => {
        if (!isRead(request, response)) return undefined
        if (!mayRead(request, sources.metricsToken))
          return say(response, 401, 'Not without the token.', { 'WWW-Authenticate': 'Bearer' })
        const compat = new URL(request.url ?? '/', 'http://localhost').searchParams.get('compat')
        if (compat !== null && compat !== 'emqx') return say(response, 400, 'compat is emqx, or not there.')
        const { cpuSeconds, ...memory } = usage()
        const process = { startedAt, cpuSeconds, ...memory, loopDelay: delay.percentile(99) / 1e9 }
        delay.reset()
        const { broker, mqtt, bridges } = sources
        const text = metricsText({ version, broker, mqtt, bridges: bridges(), process }, compat ?? undefined)
        return say(response, 200, text, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' })
      },
    ],
  ])
  return (path) => answers.get(path)
}

function isRead({ method }: IncomingMessage, response: ServerResponse): boolean {
  if (method === 'GET' || method === 'HEAD') return true
  say(response, 405, 'Only GET and HEAD.', { Allow: 'GET, HEAD' })
  return false
}

const startedAt = Math.round(Date.now() / 1000 - process.uptime())

function usage(): { cpuSeconds: number; residentBytes: number; heapBytes: number } {
  const { rss, heapUsed, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return { cpuSeconds: (user + system) / 1e6, residentBytes: rss, heapBytes: heapUsed + external }
}

function faultOf({ broker, stopping }: StatusSources): string | undefined {
  if (stopping()) return 'stopping'
  const { health, memoryShortSince: short } = broker
  if (short !== undefined) return `memory is short since ${new Date(short).toJSON()}: nobody new is let in`
  if (health.state === 'ok') return undefined
  return `the storage fails since ${new Date(health.since).toJSON()}: what must be kept is refused`
}

function mayRead({ headers, socket }: IncomingMessage, token: string | undefined): boolean {
  if (token === undefined) return isLoopback(socket.remoteAddress?.replace(/^::ffff:/i, '') ?? '')
  const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(token))
}

function say(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const common = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  }
  response.writeHead(status, { ...common, ...headers }).end(text.endsWith('\n') ? text : `${text}\n`)
}
