import { isFilter, matches } from '@isomq/kernel'
import { badRequest } from '../api-error.ts'
import { type Call, type Route, wholeIn } from '../route.ts'
import { shown } from '../shown.ts'
import type { Parts } from './parts.ts'

/** What the log still has. */
export function logRoutes({ broker: { history } }: Parts): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/log',
      summary: 'Records of the log, from an offset or a time on',
      role: 'viewer',
      query: {
        from: 'Offset to begin at; default: the oldest',
        since: 'Time to begin at (RFC 3339, or milliseconds since the epoch)',
        filter: 'Filter that covers their topics',
        limit: 'How many, up to 1,000',
        payload: '`text` or `base64`',
      },
      async handle({ query }: Call) {
        const { start, end } = await history.range()
        const from = Math.max(start, wholeIn(query, 'from', start, [0, Number.MAX_SAFE_INTEGER]))
        const limit = wholeIn(query, 'limit', 100, [1, 1000])
        const filter = query.get('filter')
        if (filter !== null && !isFilter(filter)) throw badRequest('filter is no topic filter')
        const since = timeIn(query)
        const where = ({ topic, timestamp }: { topic: string; timestamp: number }): boolean =>
          (filter === null || matches(filter, topic)) && timestamp >= since
        const { records, next } = await history.read(from, { limit, where })
        const how = query.get('payload') === 'base64' ? 'base64' : 'text'
        const data = records.map(({ offset, message }) => Object.assign(shown(message, how), { offset }))
        return { data, meta: { start, end, next } }
      },
    },
  ]
}

function timeIn(query: URLSearchParams): number {
  const text = query.get('since')
  if (text === null) return -Infinity
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isNaN(time)) throw badRequest('since is no time')
  return time
}
