import { Hono } from 'hono'
import { getDotPath, safeParse } from 'valibot'
import { ApiError, badRequest } from './api-error.ts'
import { openApi } from './open-api.ts'
import type { AdminOptions } from './options.ts'
import { type Call, Reply, type Route } from './route.ts'
import { accountRoutes } from './routes/accounts.ts'
import { bannedRoutes } from './routes/banned.ts'
import { clientRoutes } from './routes/clients.ts'
import { explainRoutes } from './routes/explain.ts'
import { logRoutes } from './routes/log.ts'
import { messageRoutes } from './routes/messages.ts'
import { statusRoutes } from './routes/status.ts'
import { streamRoutes } from './routes/streams.ts'
import { Watch } from './watch.ts'

/** The API of one broker. */
export interface Admin {
  /** Answers a request, as `fetch` does. Never rejects. */
  fetch(request: Request, from?: { readonly address?: string | undefined }): Promise<Response>
  /** Every route there is, for documents and tests. */
  readonly routes: readonly Route[]
  /** Watches the broker no more. */
  close(): void
}

const mebibyte = 1024 * 1024
const safe = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' }

/** The inspection and control API: the shapes of EMQX v5 below `/api/v5`, and more below `/api/v1`. */
export function createAdmin(options: AdminOptions): Admin {
  const watch = new Watch(options.broker)
  const parts = { ...options, watch }
  const routes: Route[] = [
    ...statusRoutes(parts),
    ...accountRoutes(parts),
    ...clientRoutes(parts),
    ...messageRoutes(parts),
    ...bannedRoutes(parts),
    ...logRoutes(parts),
    ...explainRoutes(parts),
    ...streamRoutes(parts),
  ]
  routes.push({
    method: 'GET',
    path: '/api-docs/swagger.json',
    summary: 'This document',
    role: 'nobody',
    handle: () => openApi(routes, options.version),
  })
  const app = new Hono()
  const addresses = new WeakMap<Request, string | undefined>()
  for (const route of routes)
    app.on(route.method, route.path, async ({ req }) => {
      const { raw } = req
      try {
        const caller = await admit(route, raw, options)
        const body = await bodyOf(route, raw)
        const call: Call = {
          param: (name) => req.param(name)!,
          query: new URL(raw.url).searchParams,
          body,
          caller,
          signal: raw.signal,
          address: addresses.get(raw),
        }
        return responseOf(await route.handle(call as Call<never>))
      } catch (error) {
        return refusal(error, options)
      }
    })
  const methods = new Map<string, string[]>()
  for (const { path, method } of routes) methods.set(path, [...(methods.get(path) ?? []), method])
  for (const [path, allowed] of methods)
    app.all(path, () => refusal(new ApiError(405, 'METHOD_NOT_ALLOWED', `Only ${allowed.join(', ')}`), options))
  app.notFound(() => refusal(new ApiError(404, 'NOT_FOUND', 'There is nothing of this name'), options))

  return {
    routes,
    close: () => watch.close(),
    async fetch(request, from) {
      addresses.set(request, from?.address)
      const origin = request.headers.get('origin')
      const isListed = origin !== null && options.origins?.includes(origin) === true
      if (origin !== null && !isListed && hostOf(origin) !== new URL(request.url).host)
        return refusal(new ApiError(403, 'FORBIDDEN', 'Pages of this origin may not call'), options)
      const response =
        request.method === 'OPTIONS' && isListed ? new Response(null, { status: 204 }) : await app.fetch(request)
      for (const [name, value] of Object.entries(safe)) response.headers.set(name, value)
      if (isListed) allow(response.headers, origin)
      return response
    },
  }
}

/** Who calls. Throws ApiError 401 and 403. */
async function admit(route: Route, request: Request, { accounts }: AdminOptions): Promise<Call['caller']> {
  if (accounts === 'open') return { name: 'this page', role: 'administrator' }
  if (route.role === 'nobody') return { name: '', role: 'viewer' }
  const caller = await accounts.caller(request.headers.get('authorization'))
  if (caller === undefined) throw new ApiError(401, 'UNAUTHORIZED', 'Log in, or show an API key')
  if (route.role === 'administrator' && caller.role !== 'administrator')
    throw new ApiError(403, 'FORBIDDEN', 'This is for administrators')
  return caller
}

/** What was sent, as the route wants it. Throws ApiError 400, 413 and 415. */
async function bodyOf({ body: schema, largest = mebibyte }: Route, request: Request): Promise<unknown> {
  if (schema === undefined) return undefined
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get('content-type') ?? ''))
    throw new ApiError(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send application/json')
  const text = await readAll(request, largest)
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    throw badRequest('The body is no JSON')
  }
  const result = safeParse(schema, given)
  if (result.success) return result.output
  const [issue] = result.issues
  throw badRequest(`${getDotPath(issue) ?? 'The body'}: ${issue.message}`)
}

/** Reads no more than may come, whatever the headers say. */
async function readAll(request: Request, largest: number): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  const reader = request.body?.getReader()
  for (;;) {
    const { done = true, value } = (await reader?.read()) ?? {}
    if (done || value === undefined) break
    length += value.length
    if (length > largest) {
      void reader?.cancel()
      throw new ApiError(413, 'PAYLOAD_TOO_LARGE', `More than ${largest} bytes`)
    }
    parts.push(value)
  }
  const all = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return new TextDecoder().decode(all)
}

function responseOf(result: unknown): Response {
  if (result instanceof Response) return result
  if (!(result instanceof Reply)) return Response.json(result ?? {})
  return result.body === undefined
    ? new Response(null, { status: result.status })
    : Response.json(result.body, { status: result.status })
}

function refusal(error: unknown, { broker }: AdminOptions): Response {
  if (error instanceof ApiError) {
    const headers = error.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}
    return Response.json({ code: error.code, message: error.message }, { status: error.status, headers })
  }
  if (error instanceof Error && error.name === 'BrokerError') {
    const { code } = error as Error & { code: string }
    const status = code.startsWith('invalid') ? 400 : code === 'quota-exceeded' ? 429 : 503
    return Response.json({ code: code.toUpperCase().replaceAll('-', '_'), message: error.message }, { status })
  }
  broker.host.report(error, 'answering a request')
  return Response.json(
    { code: 'INTERNAL_ERROR', message: 'This is a fault of the broker, and was reported' },
    { status: 500 },
  )
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host
  } catch {
    return undefined
  }
}

function allow(headers: Headers, origin: string): void {
  headers.set('Access-Control-Allow-Origin', origin)
  headers.set('Vary', 'Origin')
  headers.set('Access-Control-Allow-Methods', 'GET, POST, PUT, DELETE')
  headers.set('Access-Control-Allow-Headers', 'Authorization, Content-Type')
  headers.set('Access-Control-Max-Age', '600')
}
