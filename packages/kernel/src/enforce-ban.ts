import { BanIndex } from './ban-index.ts'
import type { Ban } from './bans.ts'
import type { Core } from './core.ts'
import { isOwnSession } from './own-session.ts'
import type { Session } from './session.ts'
import type { SessionTable } from './sessions.ts'

/**
 * Disconnects everybody whom the ban covers. Their wills are published as when any connection is lost, if the guard lets
 * them: others rely on being told. With `endSessions` the sessions end too, also of those who are away.
 */
export function enforceBan(core: Core, sessions: SessionTable, ban: Ban, endSessions: boolean): void {
  const index = new BanIndex()
  index.add(ban)
  const now = core.host.clock.now()
  for (const session of suspects(sessions, ban)) {
    const { id: clientId, principal, peer } = session
    if (isOwnSession(clientId)) continue
    if (index.find({ clientId, username: principal.username, address: peer?.address }, now) === undefined) continue
    if (endSessions) sessions.end(session, 'banned')
    else core.cutOff(session, 'banned')
  }
}

function suspects(sessions: SessionTable, { kind, match, value }: Ban): Session[] {
  if (kind !== 'clientId' || match === 'glob') return Array.from(sessions)
  const session = sessions.get(value)
  return session === undefined ? [] : [session]
}
