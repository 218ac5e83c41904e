import type { GenericSchema } from 'valibot'
import type { Caller, Role } from './accounts.ts'
import { badRequest } from './api-error.ts'

/** One call of a route. */
export interface Call<B = unknown> {
  /** A part of the path, decoded. */
  param(name: string): string
  readonly query: URLSearchParams
  /** What the schema of the route has made of the body. */
  readonly body: B
  readonly caller: Caller
  readonly signal: AbortSignal
  /** Numeric network address of the caller, where it is known. */
  readonly address: string | undefined
}

/** A status and what goes with it; what a route returns otherwise is sent with 200. */
export class Reply {
  readonly status: number
  readonly body: unknown

  constructor(status: number, body?: unknown) {
    this.status = status
    this.body = body
  }
}

/** One way to call. */
export interface Route {
  readonly method: 'DELETE' | 'GET' | 'POST' | 'PUT'
  /** `:name` is a part of it. */
  readonly path: string
  readonly summary: string
  /** Who may: everybody without a login, viewers, or administrators alone. */
  readonly role: Role | 'nobody'
  /** What may stand in the query, and what it means. */
  readonly query?: Readonly<Record<string, string>> | undefined
  readonly body?: GenericSchema | undefined
  /** Bytes of the largest body. Default 1 MiB. */
  readonly largest?: number | undefined
  handle(call: Call<never>): unknown
}

/** A page of a list, as EMQX gives it. */
export function pageOf<T>(all: Iterable<T>, query: URLSearchParams): { data: T[]; meta: object } {
  const page = wholeIn(query, 'page', 1, [1, Number.MAX_SAFE_INTEGER])
  const limit = wholeIn(query, 'limit', 100, [1, 10_000])
  const first = (page - 1) * limit
  const data: T[] = []
  let count = 0
  for (const each of all) {
    if (count >= first && data.length < limit) data.push(each)
    count++
  }
  return { data, meta: { page, limit, count, hasnext: first + data.length < count } }
}

/** What may stand in the query of every list. */
export const paging: Readonly<Record<string, string>> = {
  page: 'Which page, from 1',
  limit: 'How many on a page, up to 10,000',
}

/** A whole number of the query. Throws ApiError 400. */
export function wholeIn(
  query: URLSearchParams,
  name: string,
  fallback: number,
  [least, most]: readonly [number, number],
): number {
  const text = query.get(name)
  if (text === null) return fallback
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (number >= least && number <= most) return number
  throw badRequest(`${name} must be a whole number from ${least} to ${most}`)
}
