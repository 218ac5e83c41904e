import { type Core, expired } from './core.ts'
import { tagOf } from './delivery.ts'
import type { Group } from './group.ts'
import type { Offset, Qos, StoredMessage } from './message.ts'
import { decodeRow, splitKey, table } from './rows.ts'
import type { Session } from './session.ts'
import type { SessionTable } from './sessions.ts'
import type { Storage } from './storage.ts'
import type { Trimmer } from './trimmer.ts'
import { decodeWill } from './will.ts'

/** How far somebody who reads the log had come. */
interface Place {
  /** Everything from here on is owed. */
  next: Offset
  /** Records that are dealt with already. */
  readonly taken: Set<Offset>
}

/** What recovery puts together. */
interface Recovery {
  readonly core: Core
  readonly sessions: SessionTable
  readonly storage: Storage
  readonly places: Map<Session | Group, Place>
  /** Changes of what the storage holds, to be made when everybody is in place: a place that is saved too early is a wrong one. */
  readonly changes: (() => void)[]
}

type SessionRow = [
  expiry: number,
  disconnectedAt: number,
  username: string | null,
  next: Offset,
  unsettled: Offset[],
  granted?: Qos[],
  suspect?: Offset,
]
type SubscriptionRow = [qos: Qos, flags: number, since: Offset, identifier: number]
type GroupRow = [next: Offset, unsettled: Offset[]]
type InflightRow = [offset: Offset, qos: Qos, accepted: boolean, group: string]

const pageSize = 1000

/**
 * Puts a broker back to where its storage says it was: loads the rows, then replays the session log once through the
 * router, from the lowest place of any session. There is no other way of recovery. Rejects when the storage does.
 */
export async function recover(core: Core, sessions: SessionTable, storage: Storage, trimmer: Trimmer): Promise<void> {
  const range = await core.log.range()
  core.committer.start(range.end)
  const recovery: Recovery = { core, sessions, storage, places: new Map(), changes: [] }
  await loadSessions(recovery)
  await loadUnderWay(recovery)
  for await (const [topic, row] of storage.table(table.retained).scan('')) core.retained.restore(topic, row)
  let records = 0
  let from = range.end
  for (const place of recovery.places.values()) from = Math.min(from, place.next)
  // What nobody is owed is the history's, if there is one.
  if (trimmer.keepsHistory) from = range.start
  for (from = Math.max(from, range.start); from < range.end;) {
    const page = await core.log.read(from, { limit: pageSize })
    from = page.next
    records += page.records.length
    for (const record of page.records) {
      trimmer.restored(record.message, record.offset)
      if (!expired(core, record.message)) owe(recovery, record)
    }
  }
  if (range.start < range.end) trimmer.arm()
  for (const change of recovery.changes) change()
  // Only now: what falls due at once must find everybody in place.
  for (const session of Array.from(sessions)) sessions.appoint(session)
  core.emit?.({ type: 'recovered', sessions: sessions.size, records, retained: core.retained.size })
}

function isOwed({ places }: Recovery, reader: Session | Group, offset: Offset): boolean {
  const place = places.get(reader)
  return place !== undefined && offset >= place.next && !place.taken.has(offset)
}

function owe(recovery: Recovery, { message, offset }: StoredMessage): void {
  const { core, sessions } = recovery
  if (message.recipient !== undefined) {
    const session = sessions.get(message.recipient)
    if (session !== undefined && isOwed(recovery, session, offset)) session.outbound.restore(offset, undefined)
    return
  }
  if (message.qos === 0) return
  const route = core.router.match(message.topic)
  for (const general of route.grants) {
    const { session } = general
    const grant = session.id === message.publisher ? general.own : general
    if (grant === undefined || grant.qos === 0 || offset < grant.since) continue
    if (!isOwed(recovery, session, offset)) continue
    session.outbound.restore(offset, undefined)
  }
  for (const group of route.groups) if (isOwed(recovery, group, offset)) group.restore(offset)
}

async function loadSessions(recovery: Recovery): Promise<void> {
  const { core, sessions, storage, places, changes } = recovery
  const now = core.host.clock.now()
  for await (const [id, row] of storage.table(table.sessions).scan('')) {
    const [expiry, disconnectedAt, username, next, unsettled, granted = [], suspect = 0] = decodeRow<SessionRow>(row)
    const session = sessions.restore(id, { clientId: id, username: username ?? undefined })
    session.expiry = expiry < 0 ? Infinity : expiry
    session.stored = true
    session.announced = true
    // Whoever was connected when the broker stopped has lost the connection now, and that is to be remembered.
    session.disconnectedAt = disconnectedAt < 0 ? now : disconnectedAt
    session.outbound.suspect(disconnectedAt < 0 ? core.committer.end : suspect)
    if (disconnectedAt < 0) changes.push(() => session.changed())
    places.set(session, { next, taken: new Set(unsettled) })
    for (const [i, offset] of unsettled.entries())
      session.outbound.restore(offset, { tag: tagOf(offset), flags: granted[i] ?? 0 })
  }
  for await (const [id, row] of storage.table(table.wills).scan('')) {
    const session = sessions.get(id)
    if (session === undefined) continue
    session.will = decodeWill(row)
    session.will.due ??= now + Math.min(session.will.delay, session.expiry)
  }
  for await (const [key, row] of storage.table(table.subscriptions).scan('')) {
    const [id = '', group = '', filter = '', kind] = splitKey(key)
    const [qos, flags, since, identifier] = decodeRow<SubscriptionRow>(row)
    const noLocal = (flags & 1) !== 0
    const retainAsPublished = (flags & 2) !== 0
    const exclusive = kind === 'exclusive'
    const options = { qos, group: group === '' ? undefined : group, exclusive, noLocal, retainAsPublished }
    const subscription = sessions
      .get(id)
      ?.restore(filter, { ...options, identifier: identifier === 0 ? undefined : identifier })
    if (subscription !== undefined) subscription.since = since
    else forget(recovery, table.subscriptions, key)
  }
  for await (const [key] of storage.table(table.inbound).scan('')) {
    const [id = '', tag] = splitKey(key)
    const session = sessions.get(id)
    if (session !== undefined) session.inbound.restore(Number(tag))
    else forget(recovery, table.inbound, key)
  }
}

/** Deliveries and group places that have rows of their own. */
async function loadUnderWay(recovery: Recovery): Promise<void> {
  const { sessions, storage, places, changes } = recovery
  for (const group of sessions.groups.values()) places.set(group, { next: Infinity, taken: new Set() })
  for await (const [key, bytes] of storage.table(table.inflight).scan('')) {
    const [id = '', tag] = splitKey(key)
    const [offset, flags, accepted, groupKey] = decodeRow<InflightRow>(bytes)
    const session = sessions.get(id)
    const group = groupKey === '' ? undefined : sessions.groups.get(groupKey)
    // Only what has begun at QoS 2 stays with its member: the rest is the group's again, whose own row knows it.
    const isBack = group !== undefined && flags === 1
    if (group !== undefined && !isBack) {
      places.get(group)?.taken.add(offset)
      group.hold(offset)
      // Nobody else may get it, though its member is gone. The row goes, so the group's place has to say it.
      if (session === undefined) changes.push(() => group.settle(offset))
    }
    if (session === undefined || isBack) {
      forget(recovery, table.inflight, key)
      continue
    }
    if (group === undefined) places.get(session)?.taken.add(offset)
    session.outbound.restore(offset, { tag: Number(tag), flags, accepted, group, row: true })
  }
  for await (const [key, row] of storage.table(table.groups).scan('')) {
    const group = sessions.groups.get(key)
    const place = group && places.get(group)
    if (group === undefined || place === undefined) {
      forget(recovery, table.groups, key)
      continue
    }
    const [next, unsettled] = decodeRow<GroupRow>(row)
    place.next = next
    group.begunBefore(next)
    for (const offset of Float64Array.from(unsettled).sort()) if (!place.taken.has(offset)) group.restore(offset)
    for (const offset of unsettled) place.taken.add(offset)
  }
}

/** A row of a session that had stopped being durable when the broker stopped: a later one of the same id must not find it. */
function forget({ core, changes }: Recovery, name: string, key: string): void {
  changes.push(() => core.committer.writeLater(name, key, undefined))
}
