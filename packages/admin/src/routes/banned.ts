import type { Ban, BanTarget } from '@isomq/kernel'
import * as v from 'valibot'
import { badRequest, notFound } from '../api-error.ts'
import { type Call, pageOf, paging, Reply, type Route } from '../route.ts'
import type { Parts } from './parts.ts'

const kinds = { clientid: 'clientId', username: 'username', peerhost: 'address', peerhost_net: 'address' } as const
const globs = { clientid_re: 'clientId', username_re: 'username' } as const
const names = [...Object.keys(kinds), ...Object.keys(globs)]
const banBody = v.object({
  as: v.picklist(names),
  who: v.string(),
  reason: v.optional(v.string(), ''),
  /** When it ends (RFC 3339), or `infinity`. */
  until: v.optional(v.string(), 'infinity'),
  end_sessions: v.optional(v.boolean(), false),
})

/** Who may not come in. `…_re` are patterns with `*` and `?`, no regular expressions. */
export function bannedRoutes({ broker: { bans } }: Parts): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v5/banned',
      summary: 'Bans in force',
      role: 'viewer',
      query: paging,
      handle: ({ query }: Call) => pageOf(Array.from(bans, shownBan), query),
    },
    {
      method: 'POST',
      path: '/api/v5/banned',
      summary: 'Bans; whoever it covers is disconnected',
      role: 'administrator',
      body: banBody,
      async handle({ body }: Call<v.InferOutput<typeof banBody>>) {
        const until = body.until === 'infinity' ? Infinity : Date.parse(body.until)
        if (Number.isNaN(until)) throw badRequest('until is no time')
        const request = { ...targetOf(body.as, body.who), reason: body.reason, until, endSessions: body.end_sessions }
        return shownBan(await bans.add(request).catch(rephrase))
      },
    },
    {
      method: 'DELETE',
      path: '/api/v5/banned/:as/:who',
      summary: 'Takes a ban back',
      role: 'administrator',
      async handle({ param }: Call) {
        if (!names.includes(param('as'))) throw badRequest(`as must be one of ${names.join(', ')}`)
        if (!(await bans.remove(targetOf(param('as'), param('who'))).catch(rephrase)))
          throw notFound('NOT_FOUND', 'There is no such ban')
        return new Reply(204)
      },
    },
  ]
}

function targetOf(as: string, who: string): BanTarget {
  const glob = (globs as Readonly<Record<string, BanTarget['kind']>>)[as]
  if (glob !== undefined) return { kind: glob, value: who, match: 'glob' }
  return { kind: (kinds as Readonly<Record<string, BanTarget['kind']>>)[as]!, value: who }
}

function shownBan({ kind, match, value, reason, at, until }: Ban): object {
  const as = kind === 'address' ? (value.includes('/') ? 'peerhost_net' : 'peerhost') : kind.toLowerCase()
  return {
    as: match === 'glob' ? `${as}_re` : as,
    who: value,
    reason,
    at: new Date(at).toJSON(),
    until: until === Infinity ? 'infinity' : new Date(until).toJSON(),
  }
}

function rephrase(error: unknown): never {
  if (error instanceof RangeError) throw badRequest(error.message)
  throw error
}
